"""The AWS secrets engine: its mount, its roles, and the AWS identity that it works with."""

import json
from functools import partial
from typing import Any

import pytest

from components import AwsSecretsEngine
from components.secrets_engine.roles import USERNAME_TEMPLATE
from tests.unit.recording import ACCOUNT, Recording, providers, record, refused

MOUNT = "vault:aws/secretBackend:SecretBackend"
ENGINE_ROLE = "vault:aws/secretBackendRole:SecretBackendRole"
USER, ROLE, POLICY = "aws:iam/user:User", "aws:iam/role:Role", "aws:iam/policy:Policy"
KEY = "aws:iam/accessKey:AccessKey"
USER_ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

DOCUMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iam:GetUser",
                "Resource": f"arn:aws:iam::{ACCOUNT}:user/vault-token-my-role-*",
            }
        ],
    }
)
MY_ROLE = {"credential_type": "iam_user", "policy_document": DOCUMENT}
APP = f"arn:aws:iam::{ACCOUNT}:role/app"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
PLUGINS = "vault.example.com/v1/identity/oidc/plugins"


def federation(partition: str = "aws", **changes: Any) -> dict[str, Any]:
    return {
        "issuer": {
            "issuer_url": f"https://{PLUGINS}",
            "oidc_provider_arn": f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/{PLUGINS}",
        },
        "audience": "vault-aws-secrets",
        **changes,
    }


def declared(roles: Any = None, **changes: Any) -> AwsSecretsEngine:
    args: Any = {"region": "us-east-1", "roles": roles or {"my-role": MY_ROLE}, **changes}
    return AwsSecretsEngine("engine", args, providers())


def engine(roles: Any = None, **changes: Any) -> Recording:
    return record(lambda: declared(roles, **changes))


def statements(recording: Recording) -> dict[str, dict[str, Any]]:
    policy = json.loads(recording.one(POLICY, "engine-policy").inputs["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_an_engine_works_with_a_user_of_its_own() -> None:
    recording = engine()
    assert recording.children("engine") == {
        (USER, "engine-user"),
        (POLICY, "engine-policy"),
        (USER_ATTACHMENT, "engine-policy-attachment"),
        (KEY, "engine-access-key"),
        (MOUNT, "engine-mount"),
        (ENGINE_ROLE, "engine-role-my-role"),
    }
    mount = recording.one(MOUNT, "engine-mount")
    assert mount.inputs == {
        "path": "aws",
        "description": "AWS credentials",
        "region": "us-east-1",
        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
        "usernameTemplate": USERNAME_TEMPLATE,
        "defaultLeaseTtlSeconds": 3600,
        "maxLeaseTtlSeconds": 86400,
        "accessKey": "engine-access-key-id",
        "secretKey": "the-secret",
        "identityTokenKey": "default",
    }
    assert "secretKey" in mount.secrets
    assert recording.one(ENGINE_ROLE, "engine-role-my-role").inputs == {
        "backend": "aws",
        "name": "my-role",
        "credentialType": "iam_user",
        "policyDocument": DOCUMENT,
    }
    assert recording.outputs_of("engine") == {
        "path": "aws",
        "accessor": "aws_1234",
        "role_names": ["my-role"],
        "principal_arn": f"arn:aws:iam::{ACCOUNT}:user/vault-aws-secrets-engine",
        "policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/vault-aws-secrets-engine-policy",
    }
    for resource in recording.resources:
        if resource.parent:
            wanted = "vault" if resource.type.startswith("vault:") else "aws"
            assert (resource.parent, resource.provider) == ("engine", wanted)


def test_the_mount_is_gone_before_the_user_so_that_leases_can_be_revoked() -> None:
    # What depends on something is deleted before it.
    recording = engine()
    assert "engine-mount" in recording.one(ENGINE_ROLE, "engine-role-my-role").depends_on
    assert "engine-access-key" in recording.one(MOUNT, "engine-mount").depends_on
    key = recording.one(KEY, "engine-access-key")
    assert {"engine-user", "engine-policy-attachment"} <= key.depends_on


def test_an_engine_makes_and_removes_its_own_users_and_no_others() -> None:
    mine = f"arn:aws:iam::{ACCOUNT}:user/vault-token-my-role-*"
    every = f"arn:aws:iam::{ACCOUNT}:user/vault-token-*"
    found = statements(engine())
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items()} == {
        "RemoveUsers": (
            [
                "iam:DeleteAccessKey",
                "iam:DeleteUser",
                "iam:DeleteUserPolicy",
                "iam:DetachUserPolicy",
                "iam:ListAccessKeys",
                "iam:ListAttachedUserPolicies",
                "iam:ListGroupsForUser",
                "iam:ListUserPolicies",
            ],
            [every],
        ),
        "MakeUsers1": (["iam:CreateUser"], [mine]),
        "GiveKeys1": (["iam:CreateAccessKey"], [mine]),
        "WritePolicies1": (["iam:PutUserPolicy"], [mine]),
    }


def test_an_engine_attaches_the_declared_policies_alone_and_keeps_to_the_boundary() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    role = {
        "credential_type": "iam_user",
        "policy_arns": [READ_ONLY],
        "permissions_boundary": boundary,
        "tags": {"team": "a"},
    }
    recording = engine({"my-role": role})
    found = statements(recording)
    bound = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    assert found["AttachPolicies1"]["Condition"] == {"ArnEquals": {"iam:PolicyARN": [READ_ONLY]}, **bound}
    assert found["MakeUsers1"]["Condition"] == bound
    assert "iam:TagUser" in found["GiveKeys1"]["Action"]
    assert "WritePolicies1" not in found
    inputs = recording.one(ENGINE_ROLE, "engine-role-my-role").inputs
    assert inputs["policyArns"] == [READ_ONLY]
    assert inputs["permissionsBoundaryArn"] == boundary
    assert inputs["iamTags"] == {"team": "a"}


def bounded(name: str | None, **changes: Any) -> dict[str, Any]:
    boundary = {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/{name}"} if name else {}
    return {**MY_ROLE, **boundary, **changes}


def test_an_inline_policy_is_written_for_a_user_within_the_boundary_alone() -> None:
    found = statements(engine({"my-role": bounded("boundary")}))
    assert found["WritePolicies1"]["Condition"] == found["MakeUsers1"]["Condition"]


LONG = "a-name-of-more-than-thirty-two-characters"


@pytest.mark.parametrize(
    ("one", "other"),
    [("my", "my-role"), ("my-role", "my"), (f"{LONG}-1", f"{LONG}-2"), ("my", "my-1700000000")],
)
def test_roles_whose_users_iam_cannot_tell_apart_have_one_boundary(one: str, other: str) -> None:
    message = (
        f"roles.{other}: has users that IAM cannot tell from those of roles.{one}, whose permissions_bou"
    )
    for boundary in (None, "another"):
        roles = {one: bounded(boundary), other: bounded("boundary")}
        assert refused(partial(declared, roles)).startswith(message)
    engine({one: bounded("boundary"), other: bounded("boundary")})
    engine({one: bounded(None), other: bounded(None)})


def test_roles_with_names_that_iam_can_tell_apart_may_have_any_boundary() -> None:
    app = {"credential_type": "assumed_role", "role_arns": [APP]}
    engine({"my": bounded(None), "myrole": bounded("boundary"), "my.role": bounded("another"), "my-app": app})


def test_an_engine_that_assumes_roles_may_do_nothing_else() -> None:
    role = {"credential_type": "assumed_role", "role_arns": [APP], "default_sts_ttl": "15m"}
    recording = engine({"app": role})
    (statement,) = statements(recording).values()
    assert (statement["Action"], statement["Resource"]) == (["sts:AssumeRole"], [APP])
    inputs = recording.one(ENGINE_ROLE, "engine-role-app").inputs
    assert (inputs["roleArns"], inputs["defaultStsTtl"]) == ([APP], 900)


def test_a_user_that_federates_may_itself_do_what_it_hands_out() -> None:
    role = {
        "credential_type": "federation_token",
        "policy_document": DOCUMENT,
        "policy_arns": [READ_ONLY],
    }
    recording = engine({"fed": role})
    (statement,) = statements(recording).values()
    assert statement["Action"] == ["sts:GetFederationToken"]
    assert statement["Resource"] == [f"arn:aws:sts::{ACCOUNT}:federated-user/vault-*"]
    attached = {r.inputs["policyArn"] for r in recording.of_type(USER_ATTACHMENT)}
    assert attached == {
        READ_ONLY,
        f"arn:aws:iam::{ACCOUNT}:policy/vault-aws-secrets-engine-fed",
        f"arn:aws:iam::{ACCOUNT}:policy/vault-aws-secrets-engine-policy",
    }
    granted = {r.name for r in recording.of_type(USER_ATTACHMENT)}
    assert granted <= recording.one(KEY, "engine-access-key").depends_on


def test_a_federated_engine_knows_its_role_before_the_role_knows_the_engine() -> None:
    recording = engine(federation=federation(token_ttl="15m"), identity_token_key="key")
    assert {type_ for type_, _ in recording.children("engine")} == {
        MOUNT,
        ROLE,
        POLICY,
        ROLE_ATTACHMENT,
        ENGINE_ROLE,
    }
    mount = recording.one(MOUNT, "engine-mount").inputs
    assert mount["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/vault-aws-secrets-engine-wif"
    assert mount["identityTokenAudience"] == "vault-aws-secrets"
    assert (mount["identityTokenTtl"], mount["identityTokenKey"]) == (900, "key")
    assert not {"accessKey", "secretKey"} & set(mount)
    role = recording.one(ROLE, "engine-role")
    assert role.inputs["name"] == "vault-aws-secrets-engine-wif"
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        f"{PLUGINS}:aud": "vault-aws-secrets",
        f"{PLUGINS}:sub": "plugin-identity:root:secret:aws_1234",
    }
    # The engine's roles are there once the engine can serve them.
    assert "engine-policy-attachment" in recording.one(ENGINE_ROLE, "engine-role-my-role").depends_on


def test_the_engines_partition_is_that_of_its_account() -> None:
    china = engine(region="cn-north-1", federation=federation("aws-cn"))
    mount = china.one(MOUNT, "engine-mount").inputs
    assert mount["roleArn"].startswith("arn:aws-cn:iam::")
    assert mount["stsEndpoint"] == "https://sts.cn-north-1.amazonaws.com.cn"


def test_what_is_declared_reaches_the_mount_and_the_identity() -> None:
    recording = engine(
        path="team/aws",
        user={"user_name": "engine"},
        policy_name="engine-may",
        permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        endpoints={"iam": "https://iam.internal", "sts": "https://sts.internal"},
        tags={"team": "a"},
        default_lease_ttl="10m",
        max_lease_ttl="1h",
    )
    mount = recording.one(MOUNT, "engine-mount").inputs
    assert (mount["path"], mount["iamEndpoint"], mount["stsEndpoint"]) == (
        "team/aws",
        "https://iam.internal",
        "https://sts.internal",
    )
    assert (mount["defaultLeaseTtlSeconds"], mount["maxLeaseTtlSeconds"]) == (600, 3600)
    user = recording.one(USER, "engine-user").inputs
    assert (user["name"], user["permissionsBoundary"]) == (
        "engine",
        f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    )
    assert {r.type for r in recording.resources if r.inputs.get("tags") == {"team": "a"}} == {USER, POLICY}
    assert recording.one(POLICY, "engine-policy").inputs["name"] == "engine-may"


FEDERATING = {"credential_type": "federation_token", "policy_arns": [READ_ONLY]}


def test_a_policy_may_be_written_as_a_mapping() -> None:
    recording = engine({"my-role": {**MY_ROLE, "policy_document": json.loads(DOCUMENT)}})
    assert recording.one(ENGINE_ROLE, "engine-role-my-role").inputs["policyDocument"] == DOCUMENT


def role(kind: str = "iam_user", **changes: Any) -> dict[str, Any]:
    return {"roles": {"a": {"credential_type": kind, **changes}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "here"}, "region: 'here' is not an AWS region"),
        ({"path": "/aws"}, "path: '/aws' is not a mount path"),
        ({"default_lease_ttl": "2d"}, "default_lease_ttl: '2d' is longer than max_lease_ttl, 24h; write a s"),
        ({"max_lease_ttl": "x"}, "max_lease_ttl: 'x' is not a duration"),
        ({"user": {"user_name": "a b"}}, "user.user_name: 'a b' is not an IAM name"),
        ({"user": {}, "federation": federation()}, "user: and federation are both given, and the engine has"),
        ({"identity_token_key": "key"}, "identity_token_key: is not used without federation; remove it"),
        ({"federation": federation(role_name="a b")}, "federation.role_name: 'a b' is not an IAM name"),
        ({"federation": federation(audience="")}, "federation.audience: '' is not an audience"),
        ({"federation": federation(namespace_id="a/b")}, "federation.namespace_id: 'a/b' is not the ID of a"),
        ({"iam_endpoint": "https://iam"}, "iam_endpoint: is gone: since 0.2 it is a key of endpoints; write"),
        ({"roles": {"a": FEDERATING}, "federation": federation()}, "roles.a.credential_type: 'federation_to"),
        ({"roles": {"A": MY_ROLE}}, "roles.A: its name has upper case, which Vault does not keep; write a"),
        (role("user"), "roles.a.credential_type: 'user' is not one of iam_user, assumed_role, federation_to"),
        (role(), "roles.a: gives credentials without permissions; write policy_document or policy_arns"),
        (role("assumed_role"), "roles.a.role_arns: is empty; write at least one role for assumed_role"),
        (role("assumed_role", role_arns=[f"{APP}*"]), f"roles.a.role_arns[0]: '{APP}*' has a wildcard"),
        (role(policy_document=DOCUMENT, role_arns=[APP]), "roles.a.role_arns: is not used by iam_user; remo"),
        (role(policy_arns=["*"]), "roles.a.policy_arns[0]: '*' is not an ARN"),
        (role(policy_arns=[APP]), f"roles.a.policy_arns[0]: '{APP}' is not the ARN of an IAM policy"),
        (role(policy_document="{"), "roles.a.policy_document: '{' is not JSON"),
        (role(policy_document=[1]), "roles.a.policy_document: is not an IAM policy; write it as JSON or as"),
        (role("federation_token", default_sts_ttl="x"), "roles.a.default_sts_ttl: 'x' is not a duration"),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: declared(**changes)).startswith(message)


def test_an_engine_without_roles_is_refused() -> None:
    args: Any = {"region": "us-east-1", "roles": {}}
    line = refused(lambda: AwsSecretsEngine("engine", args, providers()))
    assert (
        line == "roles: is empty; write at least one entry: an engine without roles has nothing to hand out"
    )


def test_an_engine_at_another_path_or_that_leaves_federation_is_a_new_one() -> None:
    """The provider would move it, and lose the roles below it; and it takes no federated role off it."""
    made = engine().one(MOUNT, "engine-mount")
    assert (made.replace_on_changes, made.delete_before_replace) == ({"path", "roleArn"}, True)


def test_an_engine_that_leaves_federation_gets_vaults_own_signing_key() -> None:
    assert engine().one(MOUNT, "engine-mount").inputs["identityTokenKey"] == "default"


def test_an_engine_s_user_with_another_name_is_another_user_with_a_key_of_its_own() -> None:
    made = engine().one(USER, "engine-user")
    assert (made.replace_on_changes, made.delete_before_replace) == ({"name"}, False)


def test_a_role_with_another_kind_of_credentials_is_a_new_one() -> None:
    """The provider refuses what only the other kind has, even to take it away."""
    made = engine().one(ENGINE_ROLE, "engine-role-my-role")
    assert (made.replace_on_changes, made.delete_before_replace) == ({"credentialType"}, True)


@pytest.mark.parametrize(
    ("role", "ttl"),
    [
        ({"credential_type": "assumed_role", "role_arns": [APP], "default_sts_ttl": "15m"}, 900),
        ({"credential_type": "assumed_role", "role_arns": [APP]}, 3600),
        ({"credential_type": "federation_token", "policy_arns": [READ_ONLY]}, 3600),
        ({"credential_type": "iam_user", "policy_arns": [READ_ONLY]}, None),
    ],
)
def test_a_session_s_ttl_is_always_said(role: dict[str, Any], ttl: int | None) -> None:
    """The provider leaves one as it was that is no longer set; and refuses one of a user."""
    inputs = engine(roles={"a": role}).one(ENGINE_ROLE, "engine-role-a").inputs
    assert inputs.get("defaultStsTtl") == ttl
