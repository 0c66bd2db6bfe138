"""Every example's stack file, alone and from nothing, where IAM is as eventually consistent as AWS's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.kit import REPOSITORY, Sandbox

pytestmark = [pytest.mark.xdist_group("examples"), pytest.mark.timeout(900)]

FEDERATED = "federation"
STACK_FILES = sorted(
    (path.relative_to(REPOSITORY) for path in REPOSITORY.glob("examples/*/Pulumi.*.yaml")),
    # It takes the stand-in for Vault Enterprise, which stays: so it is the last.
    key=lambda path: (path.parent.name == FEDERATED, path),
)
NO_TEST_OF_THEIR_OWN = ("eks", "pod-identity")


def stack_of(path: Path) -> str:
    return path.name.split(".")[1]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """What was just made in IAM is not everywhere for five seconds."""
    made = Sandbox(tmp_path_factory.mktemp("behind") / "sandbox")
    answer = made.run("start", "--eventual-consistency", "5")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield made
    made.run("down", "--force")


def test_every_example_is_brought_up_by_a_test_of_its_own() -> None:
    modules = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    for name in {path.parent.name for path in STACK_FILES} - set(NO_TEST_OF_THEIR_OWN):
        word = name.replace("-", "_")
        assert {f"test_example_{word}", f"test_{word}"} & modules, f"no test brings examples/{name} up"


@pytest.mark.parametrize("path", STACK_FILES, ids=stack_of)
def test_an_example_stands_alone_proves_its_logins_and_leaves_nothing(behind: Sandbox, path: Path) -> None:
    stack = stack_of(path)
    behind.up("--stack", stack, "--config", str(path))
    if stack in NO_TEST_OF_THEIR_OWN:
        proof = behind.json(f"vault-aws-auth verify --stack {stack} --json")
        assert proof["ok"], proof
        assert not proof["notTried"], proof
    down = behind.run("down", "--keep")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "are as before the first stack" in down.stdout


def test_a_sandbox_stays_as_consistent_as_it_is(behind: Sandbox) -> None:
    answer = behind.run("start", "--eventual-consistency", "0")
    assert answer.returncode == 1
    assert "this sandbox runs with --eventual-consistency 5; take it down first" in answer.stderr
