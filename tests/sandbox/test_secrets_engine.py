"""Vault's AWS secrets engine: what it hands out, and what it may do itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.grants import actions, statements, without
from tests.sandbox.kit import Sandbox

IAM = "arn:aws:iam::111111111111"
ENGINE = "vault-aws-secrets-engine"
POLICY_ARN = f"{IAM}:policy/{ENGINE}-policy"
MINE = "vault-token-my-role-"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"

TO_HAND_OUT = ("iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey")
TO_TAKE_BACK = (
    "iam:ListGroupsForUser",
    "iam:ListUserPolicies",
    "iam:ListAttachedUserPolicies",
    "iam:ListAccessKeys",
    "iam:DetachUserPolicy",
    "iam:DeleteUserPolicy",
    "iam:DeleteAccessKey",
    "iam:DeleteUser",
)


def users(sandbox: Sandbox) -> set[str]:
    """Names of the users that the engine made."""
    found = sandbox.aws("iam").list_users()["Users"]
    return {user["UserName"] for user in found if user["UserName"].startswith("vault-token-")}


@contextmanager
def handed_out(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    """What `vault read aws/creds/my-role` gives, until its lease is revoked."""
    given = sandbox.json("vault read -format=json aws/creds/my-role")
    try:
        yield given
    finally:
        sandbox.vault.sys.revoke_lease(given["lease_id"])
        assert users(sandbox) == set()


def acts_as(sandbox: Sandbox, given: dict[str, Any], service: str) -> Any:
    """A client with the credentials that were handed out."""
    return sandbox.aws(
        service,
        aws_access_key_id=given["data"]["access_key"],
        aws_secret_access_key=given["data"]["secret_key"],
    )


def refused(call: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_credentials_of_a_role_can_do_what_its_policy_says_and_nothing_else(sandbox: Sandbox) -> None:
    with handed_out(sandbox) as given:
        arn = acts_as(sandbox, given, "sts").get_caller_identity()["Arn"]
        name = arn.removeprefix(f"{IAM}:user/")
        assert name.startswith(MINE)
        iam = acts_as(sandbox, given, "iam")
        assert iam.get_user(UserName=name)["User"]["Arn"] == arn
        refused(iam.get_user, UserName="vault-auth")
        refused(iam.list_users)
        refused(iam.delete_user, UserName=name)


def test_credentials_are_gone_with_their_lease(sandbox: Sandbox) -> None:
    given = sandbox.json("vault read -format=json aws/creds/my-role")
    (name,) = users(sandbox)
    assert given["lease_duration"] == 3600
    answer = sandbox.shell(f"vault lease revoke -sync {given['lease_id']}")
    assert answer.returncode == 0, answer.stderr
    assert users(sandbox) == set()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        acts_as(sandbox, given, "sts").get_caller_identity()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        sandbox.aws("iam").get_user(UserName=name)


# The engine's own identity


def test_granted_actions_are_exactly_those_that_a_step_needs(sandbox: Sandbox) -> None:
    assert actions(sandbox, POLICY_ARN) == {*TO_HAND_OUT, *TO_TAKE_BACK}
    named = {arn for each in statements(sandbox, POLICY_ARN) for arn in each["Resource"]}
    assert named == {f"{IAM}:user/vault-token-*", f"{IAM}:user/{MINE}*"}


@pytest.mark.parametrize("action", TO_HAND_OUT)
def test_without_an_action_no_credentials_are_handed_out(sandbox: Sandbox, action: str) -> None:
    try:
        with without(sandbox, POLICY_ARN, action), pytest.raises(hvac.exceptions.VaultError, match=action):
            sandbox.vault.secrets.aws.generate_credentials("my-role")
    finally:
        # Vault would take back later what it had begun.
        for name in users(sandbox):
            delete_user(sandbox, name)


@pytest.mark.parametrize("action", TO_TAKE_BACK)
def test_without_an_action_credentials_are_not_taken_back(sandbox: Sandbox, action: str) -> None:
    with handed_out(sandbox) as given:
        (name,) = users(sandbox)
        # As a role with policyArns would have it, be it one that is not declared any more.
        sandbox.aws("iam").attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
        with without(sandbox, POLICY_ARN, action), pytest.raises(hvac.exceptions.VaultError):
            sandbox.vault.write("sys/leases/revoke", lease_id=given["lease_id"], sync=True)
        assert users(sandbox) == {name}


def delete_user(sandbox: Sandbox, name: str) -> None:
    """As an administrator."""
    iam = sandbox.aws("iam")
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


@pytest.fixture
def engine(sandbox: Sandbox) -> Iterator[Any]:
    """IAM as the engine itself, as somebody who has stolen its key."""
    admin = sandbox.aws("iam")
    key = admin.create_access_key(UserName=ENGINE)["AccessKey"]
    try:
        yield sandbox.aws(
            "iam", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )
    finally:
        admin.delete_access_key(UserName=ENGINE, AccessKeyId=key["AccessKeyId"])


@pytest.mark.parametrize("victim", ["vault-auth", ENGINE])
def test_the_engine_cannot_touch_a_user_that_it_did_not_make(engine: Any, victim: str) -> None:
    refused(engine.create_access_key, UserName=victim)
    refused(engine.list_access_keys, UserName=victim)
    refused(engine.put_user_policy, UserName=victim, PolicyName="more", PolicyDocument="{}")
    refused(engine.attach_user_policy, UserName=victim, PolicyArn=READ_ONLY)
    refused(engine.delete_user, UserName=victim)


@pytest.mark.parametrize("name", ["somebody", "vault-token-", "vault-token-another-role-1"])
def test_the_engine_cannot_make_a_user_but_for_its_roles(engine: Any, name: str) -> None:
    refused(engine.create_user, UserName=name)


def test_the_engine_cannot_attach_a_policy_that_no_role_declares(sandbox: Sandbox, engine: Any) -> None:
    engine.create_user(UserName=f"{MINE}1")
    try:
        refused(engine.attach_user_policy, UserName=f"{MINE}1", PolicyArn=READ_ONLY)
        refused(
            engine.attach_user_policy,
            UserName=f"{MINE}1",
            PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
        )
        refused(engine.create_group, GroupName="more")
        refused(engine.create_role, RoleName="more", AssumeRolePolicyDocument=json.dumps({}))
    finally:
        engine.delete_user(UserName=f"{MINE}1")
