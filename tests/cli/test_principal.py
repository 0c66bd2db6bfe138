"""The login of IAM principals: which role is assumed for it, and whom Vault must refuse."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.test_verify import results
from tests.cli.world import CI_ROLE, OTHER_ROLE, OWN, World

CI = "arn:aws:sts::222222222222:assumed-role/ci/vault-aws-auth-ci"
PATTERN = "arn:aws:iam::222222222222:role/c*"


@pytest.mark.parametrize(
    ("principals", "more"),
    [((PATTERN,), {"verifyAs": [CI_ROLE]}), ((CI_ROLE,), {})],
    ids=["verifyAs", "exact"],
)
def test_the_role_is_assumed_with_the_credentials_at_hand(
    run: Run, world: World, principals: tuple[str, ...], more: dict[str, Any]
) -> None:
    done = run("login", "ci", "--json", outputs=world.with_principal(*principals, **more))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["caller"]["arn"] == CI


def test_the_credentials_at_hand_log_in_where_they_are_bound(run: Run, world: World) -> None:
    outputs = world.with_principal(OWN)
    world.bound["ci"] = OWN
    done = run("login", "ci", "--json", outputs=outputs)
    assert json.loads(done.stdout)["caller"]["arn"] == OWN


def test_a_pattern_alone_says_how_to_be_one_of_them(run: Run, world: World) -> None:
    done = run("login", "ci", outputs=world.with_principal(PATTERN))
    assert done.exit_code == 1
    assert "--as ROLE_ARN" in done.stderr


def test_as_chooses_the_role(run: Run, world: World) -> None:
    outputs = world.with_principal(PATTERN)
    assert run("login", "ci", "--as", CI_ROLE, outputs=outputs).exit_code == 0
    error = json.loads(run("login", "ci", "--as", OTHER_ROLE, "--json", outputs=outputs).stdout)["error"]
    assert (error["by"], error["code"]) == ("Vault", "not-bound")
    assert run("login", "ci", "--as", PATTERN, outputs=outputs).exit_code == 2
    assert run("login", "pod", "--as", CI_ROLE, outputs=outputs).exit_code == 2


def test_strangers_must_be_refused_by_vault(run: Run, world: World) -> None:
    outputs = world.with_principal(PATTERN, verifyAs=[CI_ROLE], verifyNotAs=[OTHER_ROLE])
    done = run("verify", "ci", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    assert {caller: r["refusedBy"] for caller, r in results(done.stdout).items()} == {
        "ci: role 222222222222:ci": "",
        "ci: role 222222222222:ci, as Vault role dev-role-iam": "Vault",
        "ci: role 222222222222:ci, as Vault role dev-role-iam2": "Vault",
        "ci: role 222222222222:ci, a token that outlives 768h": "Vault",
        "ci: role 222222222222:ci, no server-id header": "Vault",
        "ci: role 222222222222:ci, a wrong server-id header": "Vault",
        "ci: role 222222222222:other": "Vault",
        "ci: the AWS credentials at hand (user verifier)": "Vault",
        "ci: no credentials": "Vault",
    }
    world.bound["ci"] = "*"
    done = run("verify", "ci", "--json", outputs=outputs)
    accepted = {caller for caller, r in results(done.stdout).items() if r["got"] == "ACCEPTED"}
    assert accepted == {"ci: role 222222222222:other", "ci: the AWS credentials at hand (user verifier)"}


def test_every_role_of_verify_as_is_tried(run: Run, world: World) -> None:
    outputs = world.with_principal(PATTERN, verifyAs=[CI_ROLE, OTHER_ROLE])
    done = run("verify", "ci", "--no-refusals", "--json", outputs=outputs)
    assert done.exit_code == 1
    got = {caller: r["got"] for caller, r in results(done.stdout).items()}
    assert got == {
        "ci: role 222222222222:ci": "a token (default, dev)",
        "ci: role 222222222222:other": "refused",
    }


def test_a_stranger_that_cannot_be_assumed_proves_nothing(run: Run, world: World) -> None:
    world.assumable = {CI_ROLE}
    outputs = world.with_principal(PATTERN, verifyAs=[CI_ROLE], verifyNotAs=[OTHER_ROLE])
    done = run("verify", "ci", "--json", outputs=outputs)
    assert done.exit_code == 1
    assert results(done.stdout)["ci: role 222222222222:other"]["got"] == "not proved"
