"""A mistake in a stack file, and one for another sandbox, are told before anything is started for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from sandbox import __main__ as command
from sandbox.home import Home, SandboxError
from sandbox.stack_file import check
from tests.sandbox.kit import SMALL_STACK


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.argv", ["sandbox", "up", "--stack", "small", "--config", "a file.yaml"])
    return Home.from_environment()


def written(folder: Path, **changes: Any) -> Path:
    """The small stack's file, with sections in place of its own."""
    document = yaml.safe_load(SMALL_STACK)
    document["config"] |= {key.replace("_", ":", 1): value for key, value in changes.items()}
    path = folder / "Pulumi.small.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


MISTAKES: dict[str, tuple[str, str]] = {
    "no YAML": ("config: [", "is not valid YAML: line 1"),
    "a key twice": (SMALL_STACK + "  aws:region: us-east-1\n", "the key aws:region is there already"),
    "an unknown key": (SMALL_STACK.replace("policies", "polices"), "did you mean policies?"),
    "an unknown policy": (SMALL_STACK.replace("[dev]", "[devel]"), '"devel" is not a Vault policy'),
    "no region": (SMALL_STACK.replace("us-east-1", ""), "aws:region: "),
    "a secret": (
        SMALL_STACK + "  vault-aws-auth:tags: { secure: AAAB }\n",
        "encrypted for another passphrase",
    ),
}


@pytest.mark.parametrize("words", ["up", "preview"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_no_sandbox_is_made_for_it(
    mistake: str, words: str, home: Home, tmp_path: Path
) -> None:
    text, said = MISTAKES[mistake]
    path = tmp_path / "Pulumi.small.yaml"
    path.write_text(text)
    done = CliRunner().invoke(command.app, [words, "--stack", "small", "--config", str(path)])
    assert isinstance(done.exception, SandboxError), done.output
    assert said in str(done.exception)
    assert str(path) in str(done.exception)
    assert not home.root.exists()


def test_a_mistake_in_the_guardrails_configuration_is_told_as_early(home: Home, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"no-such-rule": "advisory"}')
    words = ["up", "--stack", "small", "--config", str(written(tmp_path)), "--guardrails", str(rules)]
    done = CliRunner().invoke(command.app, words)
    assert isinstance(done.exception, SandboxError), done.output
    assert "no-such-rule" in str(done.exception)
    assert not home.root.exists()


def test_a_right_one_is_read_without_a_sandbox(home: Home, tmp_path: Path) -> None:
    assert check(home, "small", written(tmp_path), None)["aws:region"] == "us-east-1"
    assert not home.root.exists()


def brought_up(home: Home, stack: str, *resources: tuple[str, dict[str, Any]]) -> None:
    """Another stack's state, of these resources."""
    states = home.root / "pulumi" / "state" / ".pulumi" / "stacks" / "vault-aws-auth"
    states.mkdir(parents=True, exist_ok=True)
    _ = home.ports
    made = [
        {"urn": f"urn:{number}", "type": kind, "inputs": inputs}
        for number, (kind, inputs) in enumerate(resources)
    ]
    (states / f"{stack}.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": made}}}))


def test_beside_a_stack_with_the_same_names_it_is_said_how_to_go_on(home: Home, tmp_path: Path) -> None:
    path = written(tmp_path)
    brought_up(
        home,
        "local",
        ("aws:eks/cluster:Cluster", {"name": "eks1"}),
        ("vault:index/policy:Policy", {"name": "dev"}),
        ("vault:index/authBackend:AuthBackend", {"path": "aws", "type": "aws"}),
        ("vault:index/policy:Policy", {"name": "admin"}),
    )
    with pytest.raises(SandboxError) as refusal:
        check(home, "small", path, None)
    said = str(refusal.value)
    assert said.startswith("this sandbox runs stack local, which has made what stack small would make: ")
    assert "the EKS cluster eks1" in said
    assert "the Vault policy dev" in said
    assert "admin" not in said
    assert (
        f"\n  SANDBOX_HOME={home.root}-small python -m sandbox up --stack small --config 'a file.yaml'\n"
        in said
    )
    assert said.endswith("\n  python -m sandbox down --stack local")
    check(home, "local", path, None)  # its own


def test_beside_a_stack_with_other_names_or_in_other_accounts_it_may_come_up(
    home: Home, tmp_path: Path
) -> None:
    arn = "arn:aws:iam::222222222222:role/api"
    brought_up(
        home,
        "other",
        ("aws:eks/cluster:Cluster", {"name": "eks2"}),
        ("aws:iam/role:Role", {"name": "api", "arn": arn}),
        ("vault:index/policy:Policy", {"name": "admin"}),
    )
    brought_up(home, "lost")
    (home.root / "pulumi" / "state" / ".pulumi" / "stacks" / "vault-aws-auth" / "lost.json").write_text("")
    check(home, "small", written(tmp_path), None)


def test_another_region_is_said_with_the_command_for_another_sandbox(home: Home, tmp_path: Path) -> None:
    brought_up(home, "local")
    with pytest.raises(
        SandboxError,
        match=r"(?s)eu-west-1, but this sandbox is in us-east-1.*SANDBOX_HOME=\S+-eu-west-1 python",
    ):
        check(home, "small", written(tmp_path, aws_region="eu-west-1"), None)


@pytest.mark.parametrize(
    ("has_data", "runs", "code", "said"),
    [
        (False, [], 0, "there is no sandbox in"),
        (True, [], 0, "is stopped"),
        (True, ["vault"], 1, "python -m sandbox start"),
    ],
    ids=["none", "stopped", "in part"],
)
def test_status_says_what_to_do(
    home: Home, monkeypatch: pytest.MonkeyPatch, has_data: bool, runs: list[str], code: int, said: str
) -> None:
    if has_data:
        brought_up(home, "local")

    class Process:
        pid = 1

    monkeypatch.setattr("sandbox.processes.Processes.running", lambda _: dict.fromkeys(runs, Process))
    done = CliRunner().invoke(command.app, ["status"])
    assert (done.exit_code, done.exception is None or code == 1) == (code, True)
    assert said in done.output
    assert "make up" in done.output or runs
