"""Vault's own identity: every action that it is granted is needed, and it is granted no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hvac
import pytest

from tests.sandbox.callers import a_node, log_in, node_session
from tests.sandbox.kit import Sandbox

POLICY_ARN = "arn:aws:iam::111111111111:policy/vault-auth-policy"


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


# Each action, the step that fails without it, and what the user then reads.
NEEDED: dict[str, tuple[Callable[[Sandbox], None], str]] = {
    "iam:GetRole": (register_a_role, "iam:GetRole"),
    "ec2:DescribeInstances": (log_in_as_the_node, "UnauthorizedOperation|ec2:DescribeInstances"),
    "iam:GetInstanceProfile": (log_in_as_the_node, "iam:GetInstanceProfile"),
}


def granted(sandbox: Sandbox) -> set[str]:
    iam = sandbox.aws("iam")
    version = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=version)["PolicyVersion"]["Document"]
    actions: set[str] = set()
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        listed = statement["Action"]
        actions |= {listed} if isinstance(listed, str) else set(listed)
    return actions


@contextmanager
def without(sandbox: Sandbox, action: str) -> Iterator[None]:
    iam = sandbox.aws("iam")
    before = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    rest = sorted(granted(sandbox) - {action})
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": rest, "Resource": "*"}],
    }
    made = iam.create_policy_version(
        PolicyArn=POLICY_ARN, PolicyDocument=json.dumps(document), SetAsDefault=True
    )
    try:
        yield
    finally:
        iam.set_default_policy_version(PolicyArn=POLICY_ARN, VersionId=before)
        iam.delete_policy_version(PolicyArn=POLICY_ARN, VersionId=made["PolicyVersion"]["VersionId"])


def test_granted_actions_are_exactly_those_that_a_step_needs(sandbox: Sandbox) -> None:
    assert granted(sandbox) == set(NEEDED)


@pytest.mark.parametrize("action", NEEDED)
def test_taking_an_action_away_makes_its_step_fail(sandbox: Sandbox, action: str) -> None:
    step, message = NEEDED[action]
    step(sandbox)
    with without(sandbox, action), pytest.raises(hvac.exceptions.VaultError, match=message):
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
