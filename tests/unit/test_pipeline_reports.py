"""What the pipeline makes of the engine's events, and what it refuses before it runs anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import ENVIRONMENTS, PipelineError, engine, environment, summary
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


def test_the_summary_of_a_refused_preview_says_why(tmp_path: Path) -> None:
    violations = [Violation("no-sudo", False, "the stack", "is | wide\nopen")]
    text = summary.of_preview("prod", Report(False, violations=violations, errors=["``` is wrong"]), True)
    assert text.startswith("### `prod`: refused\n\n```\n''' is wrong\n```\n")
    assert "| should: no-sudo | the stack | is \\| wide<br>open |" in text


def test_the_summary_tells_when_no_guardrail_was_enforced() -> None:
    assert "No guardrails were enforced" in summary.of_preview("dev", Report(True), False)
    assert "No guardrails" not in summary.of_preview("dev", Report(True), True)


def test_a_long_table_is_cut_and_says_so() -> None:
    changes = [Change("create", "aws:iam:Role", f"role-{number}") for number in range(summary.LIMIT + 5)]
    text = summary.of_preview("dev", Report(True, changes), True)
    assert text.count("| create |") == summary.LIMIT
    assert "| … | 5 more | | |" in text


def test_an_environment_is_found_with_its_guardrails(tmp_path: Path) -> None:
    for file in ("Pulumi.yaml", "Pulumi.dev.yaml", "policies/guardrails/stacks/dev.json"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("{}")
    assert environment.find("dev", tmp_path, None, None).engine_options == [
        *("--stack", "dev", "--config-file", str(tmp_path / "Pulumi.dev.yaml")),
    ]
    pack = tmp_path / "policies" / "guardrails"
    (pack / "PulumiPolicy.yaml").touch()
    assert environment.find("dev", tmp_path, None, None).engine_options[4:] == [
        *("--policy-pack", str(pack), "--policy-pack-config", str(pack / "stacks" / "dev.json")),
    ]
    (pack / "stacks" / "dev.json").unlink()
    assert environment.find("dev", tmp_path, None, None).engine_options[4:] == ["--policy-pack", str(pack)]


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
