"""The examples that need no test of their own: alone from nothing, every login and refusal, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.kit import GUARDRAILS_PASSED, REPOSITORY, Sandbox

HERE = ("eks", "pod-identity")


def test_every_example_is_brought_up_by_a_test() -> None:
    stacks = {path.parent.name for path in REPOSITORY.glob("examples/*/Pulumi.*.yaml")}
    modules = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    for name in stacks - set(HERE):
        word = name.replace("-", "_")
        assert {f"test_example_{word}", f"test_{word}"} & modules, f"no test brings examples/{name} up"


@pytest.mark.parametrize("name", HERE)
def test_an_example_stands_alone_proves_its_logins_and_leaves_nothing(leased: Sandbox, name: str) -> None:
    printed = leased.up("--stack", name, "--config", f"examples/{name}/Pulumi.{name}.yaml")
    assert GUARDRAILS_PASSED in printed
    proof = leased.json(f"vault-aws-auth verify --stack {name} --json")
    assert proof["ok"], proof
    assert not proof["notTried"], proof
    down = leased.run("down", "--keep")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "are as before the first stack" in down.stdout
