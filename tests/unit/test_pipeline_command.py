"""What the pipeline refuses before it runs anything, and the guardrails that it asks for."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline import ENVIRONMENTS, PipelineError, ending, engine, environment, guardrails
from pipeline.__main__ import app
from pipeline.report import Report


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
    assert environment.find("dev", project, None, None).stack_options == [
        *("--stack", "dev", "--config-file", str(project / "Pulumi.dev.yaml")),
    ]
    pack = pack_of(project)
    assert environment.find("dev", project, None, None).guardrail_options == [
        *("--policy-pack", str(pack), "--policy-pack-config", str(pack / "stacks" / "dev.json")),
    ]
    (pack / "stacks" / "dev.json").unlink()
    assert environment.find("dev", project, None, None).guardrail_options == ["--policy-pack", str(pack)]


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
        ("[]", "write an object with a key for each rule"),
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
    with pytest.raises(PipelineError, match="keyles is not a rule; write one of all, "):
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
        (["preview", "nowhere"], "Pulumi.nowhere.yaml; create it, or name another environment: dev, "),
        (["drift", "--config-dir", "docs"], "none is in this folder; name theirs with --config-dir"),
        (
            ["up", "dev", "--project", "docs"],
            "docs has no Pulumi.yaml; name the Pulumi project with",
        ),
        (["promote", "--guardrails", "docs"], "docs is not a policy pack: it has no PulumiPolicy.yaml"),
        (
            ["up", "dev", "--plan", "no.plan"],
            "there is no plan no.plan; create it with: preview dev --plan no.plan",
        ),
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


def verified(project: Path, monkeypatch: pytest.MonkeyPatch, *words: str, findings: object) -> Result:
    """`up` of an environment in which everything goes well, and `verify` finds this."""

    def verify(_: environment.Environment, logins: Sequence[str], report: Path, **__: object) -> bool:
        print("asked for", *logins)
        report.write_text(json.dumps({"results": findings}))
        return True

    monkeypatch.setattr(engine, "preview", lambda *_, **__: Report(True))
    monkeypatch.setattr(engine, "up", lambda *_, **__: Report(True))
    monkeypatch.setattr(engine, "verify", verify)
    pack_of(project)
    return CliRunner().invoke(app, ["up", "dev", "--project", str(project), *words])


FUNCTION = {"login": "orders-fn", "caller": "its caller", "ok": None, "reason": "verifyAs is empty"}
POD = {"login": "pod", "caller": "service account default/api", "ok": True, "reason": ""}


def test_what_was_not_tried_is_in_result_summary_and_json(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = project / "summary.md"
    done = verified(project, monkeypatch, "--summary", str(summary), findings=[POD, FUNCTION])
    assert done.exit_code == 0
    for text in (done.stdout, summary.read_text()):
        assert "not tried from here: orders-fn, its caller: verifyAs is empty" in text
        assert "default/api" not in text


def test_a_run_in_which_all_was_tried_says_that_every_login_is_verified(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = verified(project, monkeypatch, findings=[POD])
    assert "every login verified" in done.stdout
    assert "not tried" not in done.stdout


def test_verify_narrows_to_the_logins_that_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = verified(project, monkeypatch, "--verify", "pod", "--verify", "node", findings=[POD])
    assert "asked for pod node" in done.stdout
    assert "verified: pod, node" in done.stdout
    both = CliRunner().invoke(app, ["up", "dev", "--project", str(project), "--verify", "pod", "--no-verify"])
    assert both.exit_code == 2
    assert "exclude each other" in both.stderr


def test_the_command_is_asked_for_the_named_logins_and_writes_its_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []

    def run(command: list[str], **_: object) -> int:
        words.extend(command)
        return 0

    monkeypatch.setattr(ending, "run_to_its_end", run)
    chosen = environment.Environment("dev", tmp_path, tmp_path / "Pulumi.dev.yaml", None)
    assert engine.verify(chosen, ["pod"], tmp_path / "findings.json", log=1)
    assert words[1:] == [
        *("-m", "cli", "verify", "pod", "--stack", "dev", "--project", str(tmp_path)),
        *("--report", str(tmp_path / "findings.json")),
    ]
