"""What the sandbox brings up has passed the guardrails."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sandbox.environment import PRIMARY_ACCOUNT
from tests.sandbox.kit import REPOSITORY, Sandbox

ENVIRONMENTS = [REPOSITORY / f"Pulumi.{name}.yaml" for name in ("dev", "staging", "prod")]
STACK_FILES = [*ENVIRONMENTS, *sorted(REPOSITORY.glob("examples/*/Pulumi.*.yaml"))]


def test_stack_local_has_passed_them(sandbox: Sandbox) -> None:
    assert "✅ vault-aws-auth@v" in sandbox.first_up


def test_a_stack_that_does_not_declare_its_exceptions_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    undeclared = tmp_path / "undeclared.json"
    undeclared.write_text("{}")
    for command in ("preview", "up"):
        answer = sandbox.run(command, "--guardrails", str(undeclared))
        assert answer.returncode == 1
        assert "[mandatory]" in answer.stdout
    answer = sandbox.run("preview", "--guardrails", str(undeclared), "--json")
    assert answer.returncode == 1
    assert "a preview without --json says" in answer.stderr


@pytest.mark.parametrize("path", STACK_FILES, ids=[path.name for path in STACK_FILES])
def test_every_stack_file_passes_at_preview(another_sandbox: Sandbox, tmp_path: Path, path: Path) -> None:
    name = path.name.split(".")[1]
    config = str(for_the_sandbox(path, tmp_path))
    answer = another_sandbox.run("preview", "--stack", name, "--config", config)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "✅ vault-aws-auth@v" in answer.stdout
    assert another_sandbox.run("down").returncode == 0


def for_the_sandbox(path: Path, folder: Path) -> Path:
    """A copy for the sandbox's account, because staging and prod go into no account but their own."""
    text = path.read_text()
    account = yaml.safe_load(text)["config"].get("vault-aws-auth:accountId", PRIMARY_ACCOUNT)
    copy = folder / path.name
    copy.write_text(text.replace(account, PRIMARY_ACCOUNT))
    return copy
