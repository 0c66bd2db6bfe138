"""Every example comes up alone and from nothing, where IAM is as eventually consistent as AWS's."""

from __future__ import annotations

from pathlib import Path

from stack.deployer import report
from tests.sandbox.granted import Evidence
from tests.sandbox.kit import REPOSITORY, Sandbox

NO_TEST_OF_THEIR_OWN = ("eks", "pod-identity", "blue-green")


def test_every_other_example_is_brought_up_so_by_a_test_of_its_own() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    for file in REPOSITORY.glob("examples/*/Pulumi.*.yaml"):
        if (example := file.parent.name) not in NO_TEST_OF_THEIR_OWN:
            named = [text for text in texts if f'EXAMPLE = "{example}"' in text or f"{file.name}" in text]
            ways = ("up_as_on_aws(", "(example: Sandbox", '"--deployer"')
            assert any(way in text for text in named for way in ways), example


def test_those_without_stand_alone_prove_their_logins_and_leave_nothing(leased: Sandbox) -> None:
    assert leased.run("start", "--eventual-consistency", "5").returncode == 0
    for stack in NO_TEST_OF_THEIR_OWN:
        evidence, file = Evidence(leased), REPOSITORY / f"examples/{stack}/Pulumi.{stack}.yaml"
        leased.up("--stack", stack, "--config", str(file), "--deployer")
        proof = leased.json(f"vault-aws-auth verify --stack {stack} --json")
        assert proof["ok"], proof
        assert not proof["notTried"], proof
        down = leased.run("down", "--keep")
        assert down.returncode == 0, down.stdout + down.stderr
        assert "are as before the first stack" in down.stdout
        evidence.check(report.read(REPOSITORY, file, stack))
    assert leased.run("start", "--eventual-consistency", "0").returncode == 0
