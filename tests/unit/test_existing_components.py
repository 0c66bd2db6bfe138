"""What a program uses and another owns: an AWS auth mount, a secrets engine, the role that Vault has."""

import json
from typing import Any

import pulumi
import pytest

from components import (
    AwsSecretsEngine,
    ExistingAwsSecretsEngine,
    ExistingVaultAwsAuth,
    ExistingVaultIdentity,
    PrincipalLogin,
)
from tests.unit.recording import ACCOUNT, Recording, providers, record, refused

OTHER = "222222222222"
NODE = f"arn:aws:iam::{ACCOUNT}:role/vault-node"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/deploy"
ROLES: dict[str, Any] = {"deploy": {"credential_type": "assumed_role", "role_arns": [DEPLOY]}}
GET_AUTH = "vault:index/getAuthBackend:getAuthBackend"
ENGINE_ROLE = "vault:aws/secretBackendRole:SecretBackendRole"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def found(**changes: Any) -> ExistingVaultAwsAuth:
    args: Any = {"region": "us-east-1", "server_id_header": "vault.example.com", **changes}
    return ExistingVaultAwsAuth("auth", args, providers())


def test_a_mount_that_exists_is_found_and_has_the_outputs_of_one_that_is_made() -> None:
    recording = record(lambda: found(path="team/aws", address="https://vault.example.com"))
    assert recording.children("auth") == set()
    assert recording.calls == [(GET_AUTH, {"path": "team/aws"}, "vault")]
    outputs = recording.outputs_of("auth")
    assert outputs["path"] == "team/aws"
    assert outputs["accessor"] == "auth_aws_1234"
    assert outputs["connection"] == {
        "path": "team/aws",
        "accessor": "auth_aws_1234",
        "sts_endpoint": "https://sts.us-east-1.amazonaws.com",
        "sts_region": "us-east-1",
        "server_id_header": "vault.example.com",
        "namespace": "",
        "address": "https://vault.example.com",
    }


def test_sts_roles_are_added_and_logins_wait_for_them() -> None:
    lookup = {"role_arn": f"arn:aws:iam::{OTHER}:role/lookup", "external_id": "the-external-id"}

    def program() -> None:
        auth = found(sts_roles={OTHER: lookup}, accounts=[ACCOUNT])
        args: Any = {
            "connection": auth.connection,
            "principals": [f"arn:aws:iam::{OTHER}:role/app*"],
            "policies": ["dev"],
        }
        PrincipalLogin("far", args, providers())

    recording = record(program)
    role = recording.one("vault:aws/authBackendStsRole:AuthBackendStsRole", f"auth-sts-role-{OTHER}")
    assert role.inputs["backend"] == "aws"
    assert role.secrets == {"externalId"}
    login = recording.one("vault:aws/authBackendRole:AuthBackendRole", "far-vault-role")
    assert role.name in login.depends_on


def test_a_login_of_an_account_that_the_mount_cannot_look_into_is_refused() -> None:
    def program() -> None:
        args: Any = {
            "connection": found(accounts=[ACCOUNT]).connection,
            "principals": [f"arn:aws:iam::{OTHER}:role/app*"],
            "policies": ["dev"],
        }
        PrincipalLogin("far", args, providers())

    with pytest.raises(ValueError, match=f"is of the account {OTHER}, and Vault looks only into {ACCOUNT}"):
        record(program)


def test_a_mount_of_another_type_is_refused() -> None:
    answers = {GET_AUTH: lambda _: {"path": "aws", "type": "userpass", "accessor": "auth_userpass_1"}}
    with pytest.raises(
        ValueError, match="path: 'aws' is a mount of the type userpass; write the path of one"
    ):
        record(found, answers=answers)


def test_a_mount_may_be_one_that_is_known_later() -> None:
    def program() -> None:
        found(path=pulumi.Output.from_input("made/aws"))

    assert record(program).outputs_of("auth")["path"] == "made/aws"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "auth/aws"}, "path: 'auth/aws' "),
        ({"identity_alias": "unique_id"}, "identity_alias: is not a known key"),
        ({"callers_sts_endpoint": "https://sts.eu-west-1.amazonaws.com"}, "callers_sts_endpoint: "),
        ({"accounts": ["1"]}, "accounts[0]: '1' "),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: found(**changes)).startswith(message)


def test_of_an_engine_that_exists_only_the_roles_are_made() -> None:
    args: Any = {"path": "cloud", "roles": ROLES}
    recording = record(lambda: ExistingAwsSecretsEngine("engine", args, providers()))
    assert recording.children("engine") == {(ENGINE_ROLE, "engine-role-deploy")}
    role = recording.one(ENGINE_ROLE, "engine-role-deploy")
    assert (role.inputs["backend"], role.inputs["roleArns"]) == ("cloud", [DEPLOY])
    assert role.delete_before_replace
    assert recording.outputs_of("engine") == {"path": "cloud", "role_names": ["deploy"]}
    (own,) = recording.named("engine")
    assert own.alias_types == {"vault-aws-auth:index:AwsSecretsEngine"}


def engine(existing: dict[str, Any], **changes: Any) -> Recording:
    args: Any = {"region": "us-east-1", "roles": ROLES, "existing": existing, **changes}
    return record(lambda: AwsSecretsEngine("engine", args, providers()))


def test_an_engine_without_a_key_has_neither_user_nor_role_of_its_own() -> None:
    recording = engine({})
    assert {kind for kind, _ in recording.children("engine")} == {
        "vault:aws/secretBackend:SecretBackend",
        "vault:generic/endpoint:Endpoint",
        ENGINE_ROLE,
    }
    keyless = recording.one("vault:generic/endpoint:Endpoint", "engine-no-access-key")
    assert keyless.inputs["path"] == "aws/config/root"
    assert json.loads(keyless.inputs["dataJson"]) == {
        "access_key": "",
        "secret_key": "",
        # Vault resets it with each write that lacks it, and the permissions go by it.
        "username_template": recording.of_type("vault:aws/secretBackend:SecretBackend")[0].inputs[
            "usernameTemplate"
        ],
    }
    assert keyless.inputs["disableDelete"]
    outputs = recording.outputs_of("engine")
    assert (outputs["principal_arn"], outputs["policy_arn"]) == ("", "")


@pytest.mark.parametrize("tagged", [False, True])
def test_the_role_that_vault_has_is_granted_what_the_engines_roles_need(tagged: bool) -> None:
    recording = engine({"role_arn": NODE, "tagged_sessions": tagged})
    policy = recording.one("aws:iam/policy:Policy", "engine-policy")
    assert policy.inputs["name"] == "vault-node-aws-secrets-engine-policy"
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", *(["sts:TagSession"] if tagged else [])]
    assert statement["Resource"] == [DEPLOY]
    assert recording.one(ATTACHMENT, "engine-policy-attachment").inputs["role"] == "vault-node"
    outputs = recording.outputs_of("engine")
    assert (outputs["principal_arn"], outputs["policy_arn"]) == (
        NODE,
        f"arn:aws:iam::{ACCOUNT}:policy/vault-node-aws-secrets-engine-policy",
    )


def test_a_role_with_a_namesake_is_not_granted_anything() -> None:
    answers = {"aws:iam/getRole:getRole": lambda _: {"arn": f"arn:aws:iam::{ACCOUNT}:role/team/vault-node"}}
    args: Any = {"region": "us-east-1", "roles": ROLES, "existing": {"role_arn": NODE}}
    with pytest.raises(ValueError, match="is not its ARN; write it as IAM has it, with its path"):
        record(lambda: AwsSecretsEngine("engine", args, providers()), answers=answers)


def test_a_role_that_the_program_makes_can_be_the_one_that_vault_finds() -> None:
    made = pulumi.Output.from_input

    def program() -> None:
        args: Any = {"region": "us-east-1", "roles": ROLES, "existing": {"role_arn": made(NODE)}}
        AwsSecretsEngine("engine", args, providers())
        identity: Any = {"permissions": {"resolve_roles": True}, "role_arn": made(NODE)}
        ExistingVaultIdentity("id", identity, providers())

    recording = record(program)
    assert recording.calls == []  # it may not be there yet
    for name in ("engine", "id"):
        assert recording.one(ATTACHMENT, f"{name}-policy-attachment").inputs["role"] == "vault-node"
    names = {policy.inputs["name"] for policy in recording.of_type("aws:iam/policy:Policy")}
    assert names == {"vault-node-aws-secrets-engine-policy", "vault-node-vault-auth-policy"}
    assert recording.outputs_of("id")["principal_name"] == "vault-node"


@pytest.mark.parametrize(
    ("existing", "changes", "message"),
    [
        ({}, {"user": {}}, "user: and existing are both given, and the engine has one identity; remove one"),
        ({"attach_policy": True}, {}, "existing.attach_policy: is not used: there is no role_arn; remove it"),
        (
            {},
            {"policy_name": "mine"},
            "policy_name: is not used: no policy is made, because there is no role_",
        ),
        (
            {"role_arn": NODE, "attach_policy": False},
            {"policy_name": "mine"},
            "policy_name: is not used: no policy is made, because attach_policy is false",
        ),
        (
            {},
            {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
            "permissions_boundary: is not used: the identity is another's",
        ),
        (
            {"role_arn": NODE},
            {"roles": {"deploy": {**ROLES["deploy"], "default_sts_ttl": "8h"}}},
            "roles.deploy.default_sts_ttl: '8h' is more than STS gives when one role assumes another",
        ),
    ],
)
def test_what_an_engine_without_a_key_has_no_use_for_is_refused(
    existing: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    args: Any = {"region": "us-east-1", "roles": ROLES, "existing": existing, **changes}
    assert refused(lambda: AwsSecretsEngine("engine", args, providers())).startswith(message)
