"""Vault's own identity: every action that it is granted is needed, and it is granted no other."""

from __future__ import annotations

from collections.abc import Callable

import hvac
import pytest

from tests.sandbox.callers import a_node, log_in, node_session, session
from tests.sandbox.grants import actions, statements, without
from tests.sandbox.kit import Sandbox

POLICY_ARN = "arn:aws:iam::111111111111:policy/vault-auth-policy"
OTHER = "arn:aws:iam::222222222222:role"


def register_a_role(sandbox: Sandbox) -> None:
    """Vault resolves the bound role's unique ID when the Vault role is written."""
    sandbox.vault.write(
        "auth/aws/role/probe",
        auth_type="iam",
        bound_iam_principal_arn="arn:aws:iam::111111111111:role/vault-auth",
    )
    sandbox.vault.delete("auth/aws/role/probe")


def log_in_as_the_node(sandbox: Sandbox) -> None:
    """Vault looks the instance up, and the role behind the instance's profile."""
    log_in(sandbox, node_session(sandbox, a_node(sandbox)["InstanceId"]), "dev-role-iam")


def log_in_from_the_other_account(sandbox: Sandbox) -> None:
    """Vault looks the caller up in its account, as the role that it assumes there."""
    # It keeps a session of that role for an hour; a mount that starts anew has none.
    sandbox.vault.write("sys/plugins/reload/backend", mounts="auth/aws/")
    log_in(sandbox, session(sandbox, f"{OTHER}/secondary-app", "test"), "vault-role")


# Each action, the step that fails without it, and what the user then reads.
NEEDED: dict[str, tuple[Callable[[Sandbox], None], str]] = {
    "iam:GetRole": (register_a_role, "iam:GetRole"),
    "ec2:DescribeInstances": (log_in_as_the_node, "UnauthorizedOperation|ec2:DescribeInstances"),
    "iam:GetInstanceProfile": (log_in_as_the_node, "iam:GetInstanceProfile"),
    "sts:AssumeRole": (log_in_from_the_other_account, "sts:AssumeRole"),
}


def test_granted_actions_are_exactly_those_that_a_step_needs(sandbox: Sandbox) -> None:
    assert actions(sandbox, POLICY_ARN) == set(NEEDED)


def test_the_only_role_that_vault_may_assume_is_that_of_the_other_account(sandbox: Sandbox) -> None:
    (assumed,) = (
        each for each in statements(sandbox, POLICY_ARN) if any("sts:" in name for name in each["Action"])
    )
    assert assumed["Action"] == ["sts:AssumeRole"]
    assert assumed["Resource"] == [f"{OTHER}/trust-relationship-for-primary-aws-and-vault"]


@pytest.mark.parametrize("action", NEEDED)
def test_taking_an_action_away_makes_its_step_fail(sandbox: Sandbox, action: str) -> None:
    step, message = NEEDED[action]
    step(sandbox)
    with without(sandbox, POLICY_ARN, action), pytest.raises(hvac.exceptions.VaultError, match=message):
        step(sandbox)
    step(sandbox)


def test_the_user_has_no_other_permission(sandbox: Sandbox) -> None:
    iam = sandbox.aws("iam")
    attached = iam.list_attached_user_policies(UserName="vault-auth")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["vault-auth-policy"]
    assert iam.list_user_policies(UserName="vault-auth")["PolicyNames"] == []
    assert iam.list_groups_for_user(UserName="vault-auth")["Groups"] == []


def test_the_pods_role_has_no_permission_at_all(sandbox: Sandbox) -> None:
    iam = sandbox.aws("iam")
    assert iam.list_attached_role_policies(RoleName="vault-auth")["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName="vault-auth")["PolicyNames"] == []
