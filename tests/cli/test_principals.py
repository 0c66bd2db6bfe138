"""Principals are compared as Vault compares them; and what cannot be tried from here is not tried."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.principals import Principal, principal_of, same
from tests.cli.conftest import Run
from tests.cli.test_verify import results
from tests.cli.world import ACCOUNT, CI_ROLE, World

ROLES = f"arn:aws:iam::{ACCOUNT}:role"
SESSIONS = f"arn:aws:sts::{ACCOUNT}:assumed-role"
APP = f"{ROLES}/teams/orders/app"
DEPLOYER = f"{ROLES}/teams/orders/deployer"
OUTSIDER = f"{ROLES}/teams/billing/deployer"
SSO = f"{ROLES}/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"


def paths(world: World) -> dict[str, Any]:
    """The outputs of two logins of roles below a path, one path inside the other."""
    world.assumable = {APP}
    world.paths = {f"{ROLES}/app": APP, f"{ROLES}/deployer": DEPLOYER}
    orders, everybody = f"{ROLES}/teams/orders/*", f"{ROLES}/teams/*"
    outputs = world.with_principal(orders, verifyAs=[APP], vaultRole="orders")
    login = outputs["logins"].pop("ci")
    outputs["logins"] |= {
        "orders": login,
        "everybody": {**login, "principals": [everybody], "vaultRole": "everybody"},
    }
    world.bound |= {"orders": orders, "everybody": everybody}
    return outputs


def test_roles_below_a_path_are_no_holes_where_both_vault_roles_admit_them(run: Run, world: World) -> None:
    outputs = paths(world)
    done = run("verify", "orders", "everybody", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    assert "orders: role 111111111111:teams/orders/app, as Vault role everybody" not in results(done.stdout)


@pytest.mark.parametrize("told", [True, False], ids=["iam:GetRole tells the path", "only Vault can tell"])
def test_a_session_at_hand_whose_role_is_below_the_path_is_no_hole(
    run: Run, world: World, told: bool
) -> None:
    outputs = paths(world)
    world.own = f"{SESSIONS}/deployer/me"
    world.roles = {DEPLOYER} if told else set()
    done = run("verify", "orders", "everybody", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    at_hand = [r for r in results(done.stdout).values() if "credentials at hand" in r["caller"]]
    assert [r["expected"] for r in at_hand] == ([] if told else ["as Vault decides"] * 2)


def test_a_role_outside_of_the_bound_path_is_still_a_hole(run: Run, world: World) -> None:
    outputs = paths(world)
    world.own, world.roles = f"{SESSIONS}/deployer/me", {OUTSIDER}
    world.paths[f"{ROLES}/deployer"] = OUTSIDER
    done = run("verify", "orders", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    world.bound["orders"] = "*"
    done = run("verify", "orders", "--json", outputs=outputs)
    assert done.exit_code == 1
    hole = results(done.stdout)["orders: the AWS credentials at hand (assumed-role deployer)"]
    assert (hole["got"], hole["expected"]) == ("ACCEPTED", "refused by Vault")


def test_a_role_of_another_account_of_the_same_name_is_a_hole_whatever_its_path(
    run: Run, world: World
) -> None:
    outputs = paths(world)
    world.own = "arn:aws:sts::222222222222:assumed-role/deployer/me"
    world.bound["orders"] = "*"
    done = run("verify", "orders", "--json", outputs=outputs)
    assert done.exit_code == 1


@pytest.mark.parametrize(
    "own",
    [
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:federated-user/deployer",
        f"arn:aws:sts::{ACCOUNT}:federated-user/app",
    ],
)
def test_root_and_federated_users_are_no_callers_that_vault_could_let_in(
    run: Run, world: World, own: str
) -> None:
    outputs = paths(world)
    world.own = own
    done = run("verify", "orders", "everybody", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    assert not [r for r in results(done.stdout).values() if "credentials at hand" in r["caller"]]


def test_a_user_below_a_path_is_compared_with_it(run: Run, world: World) -> None:
    outputs = paths(world)
    world.own = f"arn:aws:iam::{ACCOUNT}:user/teams/orders/me"
    world.bound["orders"] = "*"
    done = run("verify", "orders", "--json", outputs=outputs)
    assert done.exit_code == 1  # bound to roles
    outputs["logins"]["orders"]["principals"] = [f"arn:aws:iam::{ACCOUNT}:user/teams/*", APP]
    done = run("verify", "orders", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output


def test_an_sso_session_that_no_pattern_can_admit_is_a_hole_though_its_path_is_unknown(
    run: Run, world: World
) -> None:
    outputs = paths(world)
    world.own = f"{SESSIONS}/{SSO.rpartition('/')[2]}/me@example.com"
    world.bound["orders"] = "*"
    assert run("verify", "orders", "--json", outputs=outputs).exit_code == 1
    outputs["logins"]["orders"]["principals"] = [f"{ROLES}/aws-reserved/sso.amazonaws.com/*", APP]
    assert run("verify", "orders", "--json", outputs=outputs).exit_code == 0


def with_sso(world: World, *, at_hand: bool) -> dict[str, Any]:
    world.assumable = set()
    name = SSO.rpartition("/")[2]
    world.paths = {f"{ROLES}/{name}": SSO}
    outputs = world.with_principal(SSO)
    world.bound["ci"] = SSO
    if at_hand:
        world.own = f"{SESSIONS}/{name}/me@example.com"
    return outputs


def test_an_sso_role_at_hand_logs_in_is_verified_and_examined(run: Run, world: World) -> None:
    outputs = with_sso(world, at_hand=True)
    done = run("login", "ci", "--json", outputs=outputs)
    assert json.loads(done.stdout)["caller"]["arn"] == world.own
    assert run("verify", "ci", outputs=outputs).exit_code == 0
    assert run("login", "ci", "--as", SSO, outputs=outputs).exit_code == 0
    bound = next(
        link
        for link in json.loads(run("doctor", "ci", "--json", outputs=outputs).stdout)["links"]
        if link["link"].startswith("bound")
    )
    assert bound["ok"] is True


@pytest.mark.parametrize(
    ("principals", "more"),
    [
        ([f"{ROLES}/orders-fn"], {"verifyAs": []}),
        ([f"{ROLES}/orders-fn"], {}),
        ([f"{ROLES}/orders-fn"], {"verifyAs": [f"{ROLES}/orders-fn"]}),
        ([f"{ROLES}/orders-*"], {}),
        ([f"{ROLES}/orders-*"], {"verifyAs": []}),
        ([SSO], {}),
    ],
    ids=["function", "function, trusted by its service", "named, not ours", "pattern", "[]", "SSO"],
)
def test_what_cannot_be_tried_from_here_is_not_tried_and_fails_nothing(
    run: Run, world: World, principals: list[str], more: dict[str, Any]
) -> None:
    outputs = world.with_principal(*principals, **more)
    done = run("verify", "ci", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["ok"], document["notTried"]) == (True, 1)
    (found,) = document["results"]
    assert (found["got"], found["ok"]) == ("not tried", None)
    assert found["reason"]
    assert "trust policy" not in found["hint"]
    table = run("verify", "ci", outputs=outputs)
    assert table.stdout.splitlines()[1].startswith("–")
    assert "not tried from here" in table.stdout


def test_what_was_not_tried_hides_no_failure(run: Run, world: World) -> None:
    outputs = world.with_principal(CI_ROLE, verifyAs=[])
    world.trusted = "system:serviceaccount:other:other"
    done = run("verify", "ci", "pod", outputs=outputs)
    assert done.exit_code == 1
    assert "1 of 2 not as expected, 1 not tried from here" in done.stdout


def test_with_an_empty_verify_as_none_is_assumed(run: Run, world: World) -> None:
    outputs = world.with_principal(CI_ROLE, verifyAs=[])
    (found,) = results(run("verify", "ci", "--json", outputs=outputs).stdout).values()
    assert found["got"] == "not tried"
    assert run("verify", "ci", outputs=world.with_principal(CI_ROLE)).exit_code == 0


def test_with_an_empty_verify_as_the_caller_itself_is_tried_where_it_runs(run: Run, world: World) -> None:
    outputs = world.with_principal(CI_ROLE, verifyAs=[])
    world.own, world.bound["ci"] = CI_ROLE, CI_ROLE
    found = results(run("verify", "ci", "--json", outputs=outputs).stdout)
    assert found["ci: the AWS credentials at hand"]["got"] == "a token (default, dev)"
    assert all(each["ok"] for each in found.values())


def test_with_an_empty_verify_as_it_is_not_tried_without_credentials(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    outputs = world.with_principal(CI_ROLE, verifyAs=[])
    (found,) = results(run("verify", "ci", "--json", outputs=outputs).stdout).values()
    assert (found["got"], found["ok"]) == ("not tried", None)
    assert "where the caller runs" in found["hint"]


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("arn:aws-cn:sts::1:assumed-role/ci/session/x", "arn:aws-cn:iam::1:role/ci"),
        ("arn:aws:iam::1:user/team/me", "arn:aws:iam::1:user/team/me"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
        ("arn:aws:sts::1:federated-user/me", "arn:aws:iam::1:federated-user/me"),
        (
            "arn:aws-us-gov:sts::1:assumed-role/AWSReservedSSO_A_0/me@x",
            "arn:aws-us-gov:iam::1:role/AWSReservedSSO_A_0",
        ),
    ],
)
def test_a_session_stands_for_its_role(caller: str, principal: str) -> None:
    assert principal_of(caller) == principal


@pytest.mark.parametrize(
    ("arn", "whole", "bound", "admitted"),
    [
        ("role/vault-a", True, "arn:aws:iam::1:role/vault-*", True),
        ("role/vault-a", True, "arn:aws:iam::2:role/vault-*", False),
        ("role/a", True, "arn:aws:iam::1:role/*a", False),
        ("role/a", True, "arn:aws:iam::1:role/t/*", False),
        ("role/t/a", True, "arn:aws:iam::1:role/t/*", True),
        ("role/a", False, "arn:aws:iam::1:role/t/*", None),
        ("role/a", False, "arn:aws:iam::1:*", None),
        ("role/a", False, "arn:aws:iam::1:user/*", False),
        ("role/a", False, "arn:aws:iam::2:role/t/*", False),
        ("role/a", False, "arn:aws:iam::1:role/t/a", True),
        ("role/a", False, "arn:aws:iam::1:role/t/b", False),
        ("role/AWSReservedSSO_A_0", False, "arn:aws:iam::1:role/t/*", False),
        ("role/AWSReservedSSO_A_0", False, "arn:aws:iam::1:role/AWSReservedSSO_*", False),
        ("role/AWSReservedSSO_A_0", False, "arn:aws:iam::1:role/aws-reserved/*", None),
        (
            "role/AWSReservedSSO_A_0",
            False,
            "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_A_*",
            None,
        ),
        (
            "role/AWSReservedSSO_A_0",
            False,
            "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_A_0",
            True,
        ),
        ("role/App-1", True, "arn:aws:iam::1:role/app-*", False),
        ("user/t/a", True, "arn:aws:iam::1:user/t/*", True),
        ("user/t/a", True, "arn:aws:iam::1:user/a", True),
        ("user/a", True, "arn:aws:iam::1:role/*", False),
        ("root", True, "arn:aws:iam::1:role/*", False),
        ("federated-user/a", True, "arn:aws:iam::1:user/*", False),
        ("federated-user/a", True, "arn:aws:iam::1:user/a", False),
    ],
)
def test_a_principal_is_admitted_by_what_vault_compares(
    arn: str, whole: bool, bound: str, admitted: bool | None
) -> None:
    assert Principal(f"arn:aws:iam::1:{arn}", whole).admitted_by([bound]) is admitted


def test_one_bound_that_admits_is_enough_and_one_that_may_leaves_it_open() -> None:
    me = Principal("arn:aws:iam::1:role/a", whole=False)
    there, maybe, other = (f"arn:aws:iam::1:role/{name}" for name in ("a", "t/*", "b"))
    assert me.admitted_by([other, maybe, there]) is True
    assert me.admitted_by([other, maybe]) is None
    assert me.admitted_by([other]) is False


def test_names_are_the_same_whatever_their_path_and_case() -> None:
    assert same("arn:aws:iam::1:role/t/App", "arn:aws:iam::1:role/app")
    assert not same("arn:aws:iam::1:role/app", "arn:aws:iam::2:role/app")
    assert not same("arn:aws:iam::1:role/app", "arn:aws:iam::1:user/app")


def test_findings_are_also_written_to_a_file(run: Run, world: World, tmp_path: Path) -> None:
    world.is_instance = False
    report = tmp_path / "findings.json"
    done = run("verify", "node", "--report", str(report))
    assert done.exit_code == 0
    assert [(each["login"], each["ok"]) for each in json.loads(report.read_text())["results"]] == [
        ("node", None)
    ]
    assert run("verify", "node", "--report", str(tmp_path / "none" / "findings.json")).exit_code == 2


def test_of_all_logins_one_that_cannot_be_made_from_here_fails_nothing(run: Run, world: World) -> None:
    world.is_instance = False
    done = run("login", "--all")
    assert done.exit_code == 0
    assert "these logins cannot be tried from here: node" in done.stderr
    assert run("login", "pod", "node").exit_code == 1
