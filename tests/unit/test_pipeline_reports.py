"""What the pipeline makes of the engine's events, and what it refuses before it runs anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import ENVIRONMENTS, PipelineError, engine, environment, guardrails, summary
from pipeline.__main__ import app
from pipeline.report import Change, Report, Violation, read

ROLE = "urn:pulumi:dev::p::vault-aws-auth:index:ServiceAccountLogin$aws:iam/role:Role::api-iam-role"
VAULT_ROLE = "urn:pulumi:dev::p::vault:aws/authBackendRole:AuthBackendRole::api-vault-role"


def step(urn: str, operation: str, *keys: str) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": operation, "urn": urn, "diffs": list(keys) or None}}}


def refreshed(urn: str, new: object, *keys: str) -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": {"op": "refresh", "urn": urn, "new": new, "diffs": list(keys)}}}


def diagnostic(severity: str, message: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def report_of(tmp_path: Path, *events: dict[str, Any], ok: bool = True, stderr: str = "") -> Report:
    log = tmp_path / "events.json"
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    return read(log, ok, stderr)


def test_changes_are_named_with_their_keys_and_never_with_values(tmp_path: Path) -> None:
    found = report_of(
        tmp_path,
        step(ROLE, "update", "tags.team", "assumeRolePolicy", "tags.owner"),
        step(VAULT_ROLE, "same"),
        step(VAULT_ROLE, "create-replacement", "role"),
        step(VAULT_ROLE, "replace", "role"),
        step(VAULT_ROLE, "delete-replaced", "role"),
        {"summaryEvent": {"resourceChanges": {"same": 7, "update": 1}}},
    )
    assert found.changes == [
        Change("update", "aws:iam:Role", "api-iam-role", ("assumeRolePolicy", "tags")),
        Change("replace", "vault:aws:AuthBackendRole", "api-vault-role", ("role",)),
    ]
    assert found.unchanged == 7
    assert found.counts() == "1 to update, 1 to replace"
    assert found.counts(done=True) == "1 updated, 1 replaced"


def test_what_somebody_did_is_told_from_what_was_not_deployed(tmp_path: Path) -> None:
    found = report_of(
        tmp_path,
        refreshed(ROLE, {"id": "x"}, "assumeRolePolicy"),
        refreshed(VAULT_ROLE, None),
        step(ROLE, "update", "assumeRolePolicy"),
        step(VAULT_ROLE, "create"),
        step(ROLE.replace("api", "next"), "create"),
        step(ROLE.replace("api", "old"), "delete"),
    )
    assert [summary.words(change) for change in found.changes] == [
        "changed outside of Pulumi: assumeRolePolicy",
        "declared, and not deployed",
        "deployed, and no longer declared",
        "gone outside of Pulumi",
    ]


def test_a_change_outside_that_an_update_would_leave_alone_is_no_drift(tmp_path: Path) -> None:
    assert report_of(tmp_path, refreshed(ROLE, {"id": "x"}, "tags")).changes == []


def test_the_reason_is_the_guardrails_and_the_programs_own_words(tmp_path: Path) -> None:
    violation = {
        "policyEvent": {
            "resourceUrn": ROLE,
            "policyName": "trust-pins-sub",
            "enforcementLevel": "mandatory",
            "message": "<{%fg 1%}>names no sub<{%reset%}>\n",
        }
    }
    found = report_of(
        tmp_path,
        violation,
        diagnostic("debug", "registering resource"),
        diagnostic("error", "<{%reset%}>2 problems\n"),
        diagnostic("error", "2 problems"),
        ok=False,
        stderr="error: exit status 1",
    )
    assert found.reason == (
        "guardrail trust-pins-sub refuses aws:iam:Role api-iam-role: names no sub\n2 problems"
    )


def test_a_run_that_did_not_begin_gives_pulumis_own_reason(tmp_path: Path) -> None:
    missing = tmp_path / "no-log"
    assert read(missing, False, "error: no stack named 'dev' found\n").reason == "no stack named 'dev' found"
    assert read(missing, False, "").reason == "the engine gave no reason"


ADVICE = "Why: somebody else could log in.\nMend: name the sub."


def refusal(name: str, policy: str = "trust-pins-sub", mandatory: bool = True) -> Violation:
    return Violation(policy, mandatory, f"aws:iam:Role {name}", f"Trust pins sub\nno sub.\n{ADVICE}")


def test_the_summary_of_a_refused_preview_says_why() -> None:
    violations = [Violation("no-sudo", False, "the stack", "is | wide\nopen")]
    text = summary.of_preview("prod", Report(False, violations=violations, errors=["``` is wrong"]))
    assert text.startswith("### `prod`: refused\n\n```\n''' is wrong\n```\n")
    assert "| should: no-sudo | the stack | open |" in text
    assert "- no-sudo: is \\| wide\n" in text


def test_the_summary_says_once_for_each_rule_what_it_asks_for() -> None:
    report = Report(False, violations=[refusal("api"), refusal("web")])
    text = summary.of_preview("prod", report)
    assert "| must: trust-pins-sub | aws:iam:Role api | no sub. |" in text
    assert "| must: trust-pins-sub | aws:iam:Role web | no sub. |" in text
    assert (
        "- trust-pins-sub: Trust pins sub<br>Why: somebody else could log in.<br>Mend: name the sub." in text
    )
    assert text.count("somebody else could log in") == 1
    assert "```" not in text  # the program and the engine had no complaint


def test_the_summary_tells_of_a_guardrail_that_says_but_one_line() -> None:
    text = summary.of_preview("dev", Report(False, violations=[Violation("p", True, "the stack", "is open")]))
    assert "| must: p | the stack | is open |\n" in text
    assert "- p" not in text


def test_a_summary_without_any_reason_gives_the_engines() -> None:
    assert "```\nthe engine gave no reason\n```" in summary.of_preview("dev", Report(False))


def test_the_summary_tells_which_guardrails_do_not_hold() -> None:
    text = summary.of_preview("dev", Report(True), "not every guardrail is enforced: keyless is advisory")
    assert "\nNot every guardrail is enforced: keyless is advisory.\n" in text
    assert "guardrail" not in summary.of_preview("dev", Report(True))


def test_a_long_table_is_cut_and_says_so() -> None:
    changes = [Change("create", "aws:iam:Role", f"role-{number}") for number in range(1000)]
    text = summary.of_preview("dev", Report(True, changes))
    shown = text.count("| create |")
    assert f"| … | {1000 - shown} more | | |" in text
    assert 50 < shown < 1000


def test_what_is_mandatory_is_cut_last() -> None:
    violations = [refusal(f"role-{number}", mandatory=False) for number in range(500)] + [refusal("must")]
    assert "aws:iam:Role must" in summary.of_preview("dev", Report(False, violations=violations))


def test_three_summaries_fit_into_one_comment() -> None:
    violations = [
        Violation(f"rule-{number}", True, "|" * 2000, "\n".join(["says|" * 500, "what|" * 500, ADVICE]))
        for number in range(50)
    ]
    changes = [
        Change("update", "a:b:C", f"very-long-{number}" * 90, ("key",) * 100, "gone") for number in range(200)
    ]
    report = Report(False, changes, violations=violations, errors=["e" * 99_000])
    caveat = "not every guardrail is enforced: " + "x" * 5000
    assert len(summary.of_preview("staging", report, caveat)) < 65_536 / 3 - 100


def test_a_name_with_a_bar_stays_in_its_cell() -> None:
    report = Report(True, [Change("create", "aws:iam:Role", "a|b", ("c|d",))])
    assert "| create | `aws:iam:Role` a\\|b | `c\\|d` |  |" in summary.of_preview("dev", report)
    assert "a\\|b" in summary.of_drift("dev", report)


def test_what_drift_could_not_look_at_stays_in_its_block() -> None:
    assert "```\n''' is wrong\n```" in summary.of_drift("dev", Report(False, errors=["``` is wrong"]))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has an environment and no guardrails."""
    for file in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / file).write_text("{}")
    return tmp_path


def pack_of(project: Path, configuration: str = "{}") -> Path:
    """A policy pack, which is not this repository's own."""
    pack = project / "policies" / "guardrails"
    (pack / "stacks").mkdir(parents=True)
    (pack / "PulumiPolicy.yaml").touch()
    (pack / "stacks" / "dev.json").write_text(configuration)
    return pack


def test_an_environment_is_found_with_its_guardrails(project: Path) -> None:
    assert environment.find("dev", project, None, None).engine_options == [
        *("--stack", "dev", "--config-file", str(project / "Pulumi.dev.yaml")),
    ]
    pack = pack_of(project)
    assert environment.find("dev", project, None, None).engine_options[4:] == [
        *("--policy-pack", str(pack), "--policy-pack-config", str(pack / "stacks" / "dev.json")),
    ]
    (pack / "stacks" / "dev.json").unlink()
    assert environment.find("dev", project, None, None).engine_options[4:] == ["--policy-pack", str(pack)]


@pytest.mark.parametrize("command", ["preview", "up", "promote"])
def test_without_guardrails_nothing_runs_unless_that_is_wanted(
    command: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[environment.Environment] = []

    def run(chosen: environment.Environment, *_: object, **__: object) -> Report:
        asked.append(chosen)
        return Report(True)

    monkeypatch.setattr(engine, "preview", run)
    monkeypatch.setattr(engine, "up", run)
    monkeypatch.setattr(engine, "verify", lambda *_, **__: True)
    words = [command, "dev", "--project", str(project)]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 2
    assert "has no policies/guardrails; name the policy pack with --guardrails" in answer.stderr
    assert not asked
    pack_of(project)
    written = project / "summary.md"
    answer = CliRunner().invoke(app, [*words, "--no-guardrails", "--summary", str(written)])
    assert answer.exit_code == 0
    assert "! dev        no guardrails were enforced" in answer.stdout
    assert "o guardrails were enforced" in written.read_text()
    assert asked
    assert all(each.guardrails is None for each in asked)


def test_drift_is_looked_for_without_guardrails_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "preview", lambda *_, **__: Report(True))
    assert CliRunner().invoke(app, ["drift", "dev", "--project", str(project)]).exit_code == 0


@pytest.mark.parametrize("command", ["preview", "up", "promote", "drift"])
@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ('{"keyless": "disabld"}', "keyless: 'disabld' is not a level; write one of advisory, mandatory,"),
        ("[]", "wants an object with a key for each rule"),
        ("{", "is not JSON"),
    ],
)
def test_a_configuration_that_the_engine_would_take_no_notice_of_is_refused(
    command: str, configuration: str, message: str, project: Path
) -> None:
    pack_of(project, configuration)
    answer = CliRunner().invoke(app, [command, "dev", "--project", str(project)])
    assert answer.exit_code == 2
    assert message in answer.stderr


def test_a_rule_that_there_is_not_is_refused_where_the_rules_are_known(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text('{"keyles": "mandatory"}')
    with pytest.raises(PipelineError, match="keyles is not a rule; there are: all, "):
        guardrails.check(path, guardrails.PACK)
    guardrails.check(path, tmp_path)
    path.write_text('{"theirs": "remediate"}')
    guardrails.check(path, tmp_path)


def test_the_guardrails_that_a_stack_does_not_enforce_are_named(project: Path) -> None:
    found = (
        '{"all": "advisory", "a": {"enforcementLevel": "disabled"}, "b": {"reason": "x"}, "c": "mandatory"}'
    )
    pack_of(project, found)
    caveat = environment.find("dev", project, None, None).caveat
    assert caveat == "not every guardrail is enforced: all is advisory, a is disabled"
    (project / "policies" / "guardrails" / "stacks" / "dev.json").write_text("{}")
    assert environment.find("dev", project, None, None).caveat == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["preview", "nowhere"], "Pulumi.nowhere.yaml; write it, or name another environment: dev, "),
        (["drift", "--config-dir", "docs"], "there is none in this folder; name theirs with --config-dir"),
        (
            ["up", "dev", "--project", "docs"],
            "docs has no Pulumi.yaml; name the Pulumi project with",
        ),
        (["promote", "--guardrails", "docs"], "docs is not a policy pack, as it has no PulumiPolicy.yaml"),
        (["up", "dev", "--plan", "no.plan"], "there is no plan no.plan; make it: preview dev --plan no.plan"),
    ],
)
def test_a_wrong_command_line_is_one_message_and_exit_code_2(words: list[str], message: str) -> None:
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_machine_without_pulumi_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = environment.find("dev", Path(), None, None)
    with pytest.raises(PipelineError, match="there is no pulumi on PATH"):
        engine.preview(chosen, log=1)


def test_every_environment_has_its_stack_file() -> None:
    for name in ENVIRONMENTS:
        assert environment.find(name, Path(), None, None).stack_file.name == f"Pulumi.{name}.yaml"
