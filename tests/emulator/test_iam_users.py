"""IAM as Vault's AWS secrets engine and rotate-root use it, with no more than the permissions they need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.world import (
    PRIMARY,
    Emulator,
    allow,
    as_keys,
    document,
    error_of,
    make_role,
    make_user,
    root,
    trust,
)

USERS = f"arn:aws:iam::{PRIMARY}:user/vault-token-*"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def engine_policy(**conditions: Any) -> str:
    """What the engine needs to make and remove its users, and nothing else."""
    manage = ["CreateUser", "DeleteUser", "TagUser", "GetUser", "CreateAccessKey", "DeleteAccessKey"]
    look = ["ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser", "ListUserPolicies"]
    inline = ["PutUserPolicy", "DeleteUserPolicy"]
    attach: dict[str, Any] = {
        "Effect": "Allow",
        "Action": ["iam:AttachUserPolicy", "iam:DetachUserPolicy"],
        "Resource": USERS,
        "Condition": {"ArnEquals": {"iam:PolicyARN": READ_ONLY}},
    }
    users: dict[str, Any] = {
        "Effect": "Allow",
        "Action": [f"iam:{action}" for action in manage + look + inline],
        "Resource": USERS,
        **({"Condition": conditions} if conditions else {}),
    }
    return document(users, attach)


@pytest.fixture(scope="module")
def engine(emulator: Emulator) -> Any:
    return emulator.client("iam", make_user(emulator, "engine", engine_policy()))


def test_the_engine_makes_and_removes_a_user(emulator: Emulator, engine: Any) -> None:
    name = "vault-token-my-role-1"
    engine.create_user(UserName=name, Tags=[{"Key": "made-by", "Value": "vault"}])
    engine.tag_user(UserName=name, Tags=[{"Key": "role", "Value": "my-role"}])
    engine.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allow("iam:GetUser", USERS))
    engine.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    key = engine.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    mine = emulator.client("iam", keys)  # a new key works at once
    tags = mine.get_user(UserName=name)["User"]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"made-by": "vault", "role": "my-role"}
    assert error_of(mine.create_user, UserName="vault-token-x")[0] == "AccessDenied"

    assert error_of(engine.delete_user, UserName=name)[0] == "DeleteConflict"
    assert [k["AccessKeyId"] for k in engine.list_access_keys(UserName=name)["AccessKeyMetadata"]] == [
        key["AccessKeyId"]
    ]
    assert engine.list_groups_for_user(UserName=name)["Groups"] == []
    assert engine.list_user_policies(UserName=name)["PolicyNames"] == ["own"]
    attached = engine.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert [p["PolicyArn"] for p in attached] == [READ_ONLY]
    engine.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert error_of(mine.get_user, UserName=name)[0] == "InvalidClientTokenId"
    engine.delete_user_policy(UserName=name, PolicyName="own")
    engine.detach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    engine.delete_user(UserName=name)
    assert error_of(engine.get_user, UserName=name)[0] == "NoSuchEntity"


def test_a_user_with_a_path_is_another_resource(engine: Any) -> None:
    code, message = error_of(engine.create_user, UserName="vault-token-y", Path="/team/")
    assert code == "AccessDenied"
    assert f"on resource: arn:aws:iam::{PRIMARY}:user/team/vault-token-y because" in message


@pytest.mark.parametrize(
    ("action", "arguments", "resource"),
    [
        ("create_user", {"UserName": "somebody"}, f"arn:aws:iam::{PRIMARY}:user/somebody"),
        ("create_access_key", {"UserName": "sandbox-admin"}, "user sandbox-admin"),
        ("put_user_policy", {"PolicyName": "x", "PolicyDocument": allow("*")}, "user sandbox-admin"),
        ("delete_user", {"UserName": "sandbox-admin"}, "user sandbox-admin"),
    ],
)
def test_the_engine_touches_no_other_user(
    engine: Any, action: str, arguments: dict[str, str], resource: str
) -> None:
    code, message = error_of(getattr(engine, action), **{"UserName": "sandbox-admin", **arguments})
    assert code == "AccessDenied"
    assert message.startswith(f"User: arn:aws:iam::{PRIMARY}:user/engine is not authorized to perform: iam:")
    assert f"on resource: {resource} because no identity-based policy allows" in message


def test_only_the_declared_policies_can_be_attached(engine: Any) -> None:
    engine.create_user(UserName="vault-token-attach")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    code, message = error_of(engine.attach_user_policy, UserName="vault-token-attach", PolicyArn=admin)
    assert (code, "iam:AttachUserPolicy" in message) == ("AccessDenied", True)
    engine.attach_user_policy(UserName="vault-token-attach", PolicyArn=READ_ONLY)
    engine.detach_user_policy(UserName="vault-token-attach", PolicyArn=READ_ONLY)
    engine.delete_user(UserName="vault-token-attach")


def test_tags_of_a_new_user_are_a_permission_of_their_own(emulator: Emulator) -> None:
    iam = emulator.client("iam", make_user(emulator, "makes-users", allow("iam:CreateUser")))
    iam.create_user(UserName="vault-token-plain")
    tags = [{"Key": "a", "Value": "b"}]
    message = error_of(iam.create_user, UserName="vault-token-tagged", Tags=tags)[1]
    assert "is not authorized to perform: iam:TagUser on resource: arn:aws:iam::" in message


def test_a_user_can_be_made_only_within_a_boundary(emulator: Emulator) -> None:
    admin = emulator.client("iam")
    arn = admin.create_policy(PolicyName="users-boundary", PolicyDocument=allow("iam:Get*"))["Policy"]["Arn"]
    document = json.loads(engine_policy(StringEquals={"iam:PermissionsBoundary": arn}))
    # AWS has no such key for access keys: they need a statement of their own.
    document["Statement"] += json.loads(allow("iam:CreateAccessKey"))["Statement"]
    rules = json.dumps(document)
    iam = emulator.client("iam", make_user(emulator, "bounded-engine", rules))
    assert error_of(iam.create_user, UserName="vault-token-free")[0] == "AccessDenied"
    name = "vault-token-bounded"
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    assert admin.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=allow("iam:*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    mine = emulator.client("iam", keys)
    assert mine.get_user()["User"]["UserName"] == name
    assert error_of(mine.list_users)[1].endswith("no permissions boundary allows the iam:ListUsers action")
    admin.delete_user_permissions_boundary(UserName=name)
    assert mine.list_users()["Users"]
    assert "PermissionsBoundary" not in admin.get_user(UserName=name)["User"]
    free = {"UserName": name, "PolicyName": "all", "PolicyDocument": allow("iam:*")}
    assert error_of(iam.put_user_policy, **free)[0] == "AccessDenied"
    admin.put_user_permissions_boundary(UserName=name, PermissionsBoundary=arn)
    assert error_of(mine.list_users)[0] == "AccessDenied"
    nothing = f"arn:aws:iam::{PRIMARY}:policy/nothing"
    for user in (name, "nobody"):
        refused = error_of(admin.put_user_permissions_boundary, UserName=user, PermissionsBoundary=nothing)
        assert refused[0] == "NoSuchEntity"
    assert error_of(admin.delete_user_permissions_boundary, UserName="nobody")[0] == "NoSuchEntity"
    admin.delete_user_permissions_boundary(UserName=name)


def test_a_user_is_not_deleted_before_its_keys_and_groups(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    key = make_user(emulator, "still-used")["aws_access_key_id"]
    iam.create_group(GroupName="still")
    iam.add_user_to_group(GroupName="still", UserName="still-used")
    assert "delete access keys first" in error_of(iam.delete_user, UserName="still-used")[1]
    iam.delete_access_key(UserName="still-used", AccessKeyId=key)
    assert "remove users from group first" in error_of(iam.delete_user, UserName="still-used")[1]
    iam.remove_user_from_group(GroupName="still", UserName="still-used")
    iam.delete_user(UserName="still-used")


def test_a_user_rotates_its_own_key_and_nothing_else(emulator: Emulator) -> None:
    actions = ["CreateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed", "GetUser", "ListAccessKeys"]
    own = f"arn:aws:iam::{PRIMARY}:user/rotates-itself"
    rules = allow([f"iam:{action}" for action in [*actions, "UpdateAccessKey"]], own)
    old = make_user(emulator, "rotates-itself", rules)
    iam = emulator.client("iam", old)
    assert iam.get_user()["User"]["Arn"] == own  # as rotate-root asks: without a name
    new = iam.create_access_key(UserName="rotates-itself")["AccessKey"]
    assert iam.get_access_key_last_used(AccessKeyId=new["AccessKeyId"])["UserName"] == "rotates-itself"
    keys = {"aws_access_key_id": new["AccessKeyId"], "aws_secret_access_key": new["SecretAccessKey"]}
    rotated = emulator.client("iam", keys)
    rotated.update_access_key(AccessKeyId=old["aws_access_key_id"], Status="Inactive")
    assert error_of(iam.get_user)[0] == "InvalidClientTokenId"
    rotated.delete_access_key(UserName="rotates-itself", AccessKeyId=old["aws_access_key_id"])
    assert len(rotated.list_access_keys()["AccessKeyMetadata"]) == 1
    admin = emulator.keys()["aws_access_key_id"]
    for action, more in (
        ("create_access_key", {"UserName": "sandbox-admin"}),
        ("get_user", {"UserName": "sandbox-admin"}),
        ("get_access_key_last_used", {"AccessKeyId": admin}),
        ("delete_access_key", {"UserName": "sandbox-admin", "AccessKeyId": admin}),
    ):
        message = error_of(getattr(rotated, action), **more)[1]
        assert "on resource: user sandbox-admin because no identity-based policy allows" in message


def test_a_trust_can_name_its_callers_by_a_pattern_of_their_arn(emulator: Emulator) -> None:
    """For a session aws:PrincipalArn is the ARN of its role, whatever the session is called."""
    condition = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{PRIMARY}:role/hcp-node-*"}}
    role = make_role(emulator, "for-hcp", trust(root(PRIMARY), Condition=condition), "222222222222")
    for name, good in (("hcp-node-1", True), ("other-node-1", False)):
        caller = make_role(emulator, name, trust(root(PRIMARY)))
        emulator.client("iam").put_role_policy(
            RoleName=name, PolicyName="assume", PolicyDocument=allow("sts:AssumeRole", role)
        )
        first = emulator.client("sts").assume_role(RoleArn=caller, RoleSessionName="hcp-node-9")
        sts = emulator.client("sts", as_keys(first["Credentials"]))
        if good:
            assert sts.assume_role(RoleArn=role, RoleSessionName="x-y")["Credentials"]
        else:
            assert error_of(sts.assume_role, RoleArn=role, RoleSessionName="x-y")[0] == "AccessDenied"
