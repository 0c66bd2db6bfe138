"""The kinds of AWS identity that Vault can run as, and what the client config makes of each."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import (
    AccessKeyMode,
    ExistingVaultIdentity,
    FederatedVaultIdentity,
    IamRoleVaultIdentity,
    IamUserVaultIdentity,
    VaultAwsAuth,
)
from components.iam import vault_permissions
from tests.unit.recording import ACCOUNT, CLUSTER, ISSUER, Recording, providers, record, refused

ROLE, POLICY, USER = "aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/user:User"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KEY = "aws:iam/accessKey:AccessKey"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
CLIENT = "vault:aws/authBackendClient:AuthBackendClient"

NEEDS: Any = {"resolve_roles": True}
PLUGINS = "vault.example.com/v1/identity/oidc/plugins"
FEDERATED: Any = {
    "permissions": NEEDS,
    "issuer": {
        "issuer_url": f"https://{PLUGINS}",
        "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{PLUGINS}",
    },
    "audience": "vault",
    "mount": {"path": "aws", "accessor": "auth_aws_1234"},
}
VAULT_POD: Any = {"service_account": "vault/vault", "cluster": CLUSTER}
POD_IDENTITY: Any = {**VAULT_POD, "method": "pod-identity"}
OTHER = "arn:aws:iam::222222222222:role/r"


def user(**changes: Any) -> IamUserVaultIdentity:
    args: Any = {"permissions": NEEDS, **changes}
    return IamUserVaultIdentity("id", args, providers())


def role(**changes: Any) -> IamRoleVaultIdentity:
    args: Any = {"permissions": NEEDS, "trusted_services": ["ec2.amazonaws.com"], **changes}
    return IamRoleVaultIdentity("id", args, providers())


def federated(**changes: Any) -> FederatedVaultIdentity:
    args: Any = {**FEDERATED, **changes}
    return FederatedVaultIdentity("id", args, providers())


def existing(**changes: Any) -> ExistingVaultIdentity:
    args: Any = {"permissions": NEEDS, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/node", **changes}
    return ExistingVaultIdentity("id", args, providers())


def with_client(identity: Callable[[], Any]) -> Recording:
    """The client config of a stack whose Vault has this identity."""

    def program() -> None:
        args: Any = {"region": "us-east-1", "server_id_header": "", "credentials": identity().credentials}
        VaultAwsAuth("auth", args, providers())

    return record(program)


def trust_of(recording: Recording) -> list[dict[str, Any]]:
    return list(json.loads(recording.one(ROLE, "id-role").inputs["assumeRolePolicy"])["Statement"])


def actions_of(recording: Recording) -> dict[str, Any]:
    statements = json.loads(recording.one(POLICY, "id-policy").inputs["policy"])["Statement"]
    return {statement["Sid"]: statement for statement in statements}


# Access key


@pytest.mark.parametrize("mode", ["rotatable", AccessKeyMode.ROTATED])
def test_a_user_that_vault_may_rotate_manages_its_own_key_and_no_other(mode: Any) -> None:
    own = actions_of(record(lambda: user(access_key=mode)))["RenewOwnKey"]
    assert own["Resource"] == f"arn:aws:iam::{ACCOUNT}:user/vault-auth"
    assert own["Action"] == [
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:UpdateAccessKey",
    ]
    assert "RenewOwnKey" not in actions_of(record(user))


def test_a_key_that_vault_has_rotated_is_not_declared_and_never_written_over() -> None:
    # terraform-provider-vault 1684
    recording = with_client(lambda: user(access_key="rotated"))
    assert recording.of_type(KEY) == []
    client = recording.one(CLIENT, "auth-client")
    assert client.ignore_changes == {"accessKey", "secretKey"}
    assert not {"accessKey", "secretKey"} & set(client.inputs)
    assert with_client(user).one(CLIENT, "auth-client").ignore_changes == set()


def test_a_key_that_vault_may_rotate_is_still_this_stacks() -> None:
    recording = with_client(lambda: user(access_key="rotatable"))
    assert len(recording.of_type(KEY)) == 1
    assert recording.one(CLIENT, "auth-client").inputs["accessKey"] == "id-access-key-id"


# Ambient role


def test_a_role_for_ec2_hosts_has_an_instance_profile_of_its_name() -> None:
    recording = record(role)
    assert recording.children("id") == {
        (ROLE, "id-role"),
        (POLICY, "id-policy"),
        (ATTACHMENT, "id-policy-attachment"),
        (PROFILE, "id-instance-profile"),
    }
    assert recording.one(ROLE, "id-role").inputs["name"] == "vault-identity"
    assert recording.one(POLICY, "id-policy").inputs["name"] == "vault-identity-policy"
    assert recording.one(PROFILE, "id-instance-profile").inputs == {
        "name": "vault-identity",
        "role": "vault-identity",
    }
    assert trust_of(recording) == [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    assert {r.provider for r in recording.resources if r.parent == "id"} == {"aws"}
    assert recording.outputs_of("id")["instance_profile"] == "vault-identity"


def test_a_role_for_another_service_has_no_instance_profile() -> None:
    recording = record(lambda: role(trusted_services=["ecs-tasks.amazonaws.com"]))
    assert recording.of_type(PROFILE) == []
    assert recording.outputs_of("id")["instance_profile"] == ""


def test_a_vault_in_the_cluster_gets_the_role_by_its_service_account() -> None:
    recording = record(lambda: role(trusted_services=[], **VAULT_POD))
    (statement,) = trust_of(recording)
    assert statement["Condition"]["StringEquals"] == {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": "system:serviceaccount:vault:vault",
    }
    assert recording.of_type(ASSOCIATION) == []
    # Vault's own chart makes the service account.
    assert recording.of_type("kubernetes:core/v1:ServiceAccount") == []


def test_the_method_of_the_pod_is_one_word() -> None:
    recording = record(lambda: role(**POD_IDENTITY))
    principals = [statement["Principal"]["Service"] for statement in trust_of(recording)]
    assert principals == ["ec2.amazonaws.com", "pods.eks.amazonaws.com"]
    (association,) = recording.of_type(ASSOCIATION)
    assert association.inputs["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/vault-identity"


def test_the_client_config_of_an_ambient_role_has_no_credential_and_waits_until_pods_get_the_role() -> None:
    recording = with_client(lambda: role(**POD_IDENTITY))
    client = recording.one(CLIENT, "auth-client")
    assert not {"accessKey", "secretKey", "roleArn", "identityTokenAudience"} & set(client.inputs)
    (association,) = recording.of_type(ASSOCIATION)
    keyless = recording.one("vault:generic/endpoint:Endpoint", "auth-no-access-key")
    assert json.loads(keyless.inputs["dataJson"]) == {"access_key": "", "secret_key": ""}
    assert keyless.name in client.depends_on
    assert {"id-policy-attachment", "id-instance-profile", association.name} <= keyless.depends_on


# Federation


def test_a_federated_role_is_for_the_one_mount() -> None:
    recording = record(federated)
    assert recording.children("id") == {
        (ROLE, "id-role"),
        (POLICY, "id-policy"),
        (ATTACHMENT, "id-policy-attachment"),
    }
    assert recording.one(ROLE, "id-role").inputs["name"] == "vault-identity-wif"
    assert recording.one(POLICY, "id-policy").inputs["name"] == "vault-identity-wif-policy"
    assert trust_of(recording) == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{PLUGINS}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{PLUGINS}:aud": "vault",
                    f"{PLUGINS}:sub": "plugin-identity:root:auth:auth_aws_1234",
                }
            },
        }
    ]


def test_what_only_vault_knows_is_taken_as_it_comes() -> None:
    def program() -> None:
        whole = {name: pulumi.Output.from_input(FEDERATED[name]) for name in ("mount", "issuer")}
        federated(**whole, namespace_id=pulumi.Output.from_input("x7Ypq"))

    recording = record(program)
    (statement,) = trust_of(recording)
    subject = statement["Condition"]["StringEquals"][f"{PLUGINS}:sub"]
    assert subject == "plugin-identity:x7Ypq:auth:auth_aws_1234"


def test_the_client_config_of_a_federated_role_is_written_once_the_role_may_do_its_work() -> None:
    recording = with_client(lambda: federated(token_ttl="15m"))
    client = recording.one(CLIENT, "auth-client")
    assert client.inputs["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/vault-identity-wif"
    assert (client.inputs["identityTokenAudience"], client.inputs["identityTokenTtl"]) == ("vault", 900)
    assert not {"accessKey", "secretKey", "ready"} & set(client.inputs)
    keyless = recording.one("vault:generic/endpoint:Endpoint", "auth-no-access-key")
    assert "id-policy-attachment" in keyless.depends_on
    assert keyless.name in client.depends_on


# Existing


def test_a_role_that_exists_is_granted_what_the_logins_need_and_is_not_touched_otherwise() -> None:
    recording = with_client(existing)
    assert recording.children("id") == {(POLICY, "id-policy"), (ATTACHMENT, "id-policy-attachment")}
    assert recording.one(POLICY, "id-policy").inputs["name"] == "node-vault-auth-policy"
    assert recording.one(ATTACHMENT, "id-policy-attachment").inputs["role"] == "node"
    client = recording.one(CLIENT, "auth-client")
    assert not {"accessKey", "secretKey", "roleArn", "identityTokenAudience"} & set(client.inputs)
    keyless = recording.one("vault:generic/endpoint:Endpoint", "auth-no-access-key")
    assert "id-policy-attachment" in keyless.depends_on


@pytest.mark.parametrize("changes", [{"role_arn": None}, {"attach_policy": False}])
def test_nothing_is_made_in_iam_for_a_role_that_others_look_after(changes: dict[str, Any]) -> None:
    recording = with_client(lambda: existing(**changes))
    assert recording.children("id") == set()
    arn = "" if "role_arn" in changes else f"arn:aws:iam::{ACCOUNT}:role/node"
    assert recording.outputs_of("id") == {
        "principal_arn": arn,
        "principal_name": "node" if arn else "",
        "principal_unique_id": "",
        "policy_arn": "",
        "ready": "",
    }
    assert "accessKey" not in recording.one(CLIENT, "auth-client").inputs


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:iam::222222222222:role/node", f"is not of the account {ACCOUNT}, where this stack is"),
        (f"arn:aws:iam::{ACCOUNT}:role/path/node", "is not its ARN; write it as IAM has it, with its path"),
    ],
)
def test_a_namesake_of_the_role_is_given_nothing(arn: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record(lambda: existing(role_arn=arn))


# Every kind


def test_two_kinds_can_stand_side_by_side_while_a_stack_changes_over() -> None:
    names = [
        (resource.type, resource.inputs["name"].lower())
        for make in (user, role, federated, existing)
        for resource in record(make).resources
        if resource.type in (ROLE, POLICY, USER, PROFILE)
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("make", [user, role, federated, existing])
def test_every_kind_tells_its_principal_and_its_policy(make: Callable[..., Any]) -> None:
    outputs = record(make).outputs_of("id")
    assert outputs["principal_arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert outputs["policy_arn"].startswith(f"arn:aws:iam::{ACCOUNT}:policy/")


@pytest.mark.parametrize("make", [user, role, federated])
def test_every_kind_has_the_permissions_that_the_logins_need(make: Callable[..., Any]) -> None:
    permissions: Any = {"infer_ec2_instances": True, "assume_role_arns": [OTHER]}
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    recording = record(lambda: make(permissions=permissions, permissions_boundary=boundary))
    written = json.loads(recording.one(POLICY, "id-policy").inputs["policy"])
    assert written == vault_permissions(permissions)
    bounded = [r.name for r in recording.resources if "permissionsBoundary" in r.inputs]
    assert bounded in (["id-user"], ["id-role"])


@pytest.mark.parametrize("make", [user, role, federated, existing])
def test_more_can_be_granted_than_the_logins_of_the_stack_need(make: Callable[..., Any]) -> None:
    recording = record(lambda: make(permissions={}, all_lookups=True, assume_role_arns=[OTHER]))
    written = json.loads(recording.one(POLICY, "id-policy").inputs["policy"])
    assert written == vault_permissions({"all_lookups": True, "assume_role_arns": [OTHER]})


@pytest.mark.parametrize(
    ("changes", "tagged"),
    [({}, False), ({**VAULT_POD}, False), (POD_IDENTITY, True), ({"tagged_sessions": True}, True)],
)
def test_an_identity_whose_sessions_carry_tags_may_bring_them_along(changes: Any, tagged: bool) -> None:
    make = existing if "tagged_sessions" in changes else role
    statements = actions_of(record(lambda: make(**changes, assume_role_arns=[OTHER])))
    assert ("sts:TagSession" in statements["LookUpCallersOfOtherAccounts"]["Action"]) is tagged


@pytest.mark.parametrize(
    ("make", "types"),
    [
        (user, {USER, POLICY}),
        (lambda **tags: role(**POD_IDENTITY, **tags), {ROLE, POLICY, PROFILE, ASSOCIATION}),
        (federated, {ROLE, POLICY}),
        (existing, {POLICY}),
    ],
)
def test_aws_resources_of_an_identity_have_its_tags(make: Callable[..., Any], types: set[str]) -> None:
    recording = record(lambda: make(tags={"team": "a"}))
    assert {r.type for r in recording.resources if r.inputs.get("tags") == {"team": "a"}} == types


@pytest.mark.parametrize("make", [user, role, federated, existing])
def test_an_identity_that_nothing_needs_is_refused(make: Callable[..., Any]) -> None:
    assert refused(lambda: make(permissions={})).startswith("permissions: no login needs anything of Vault's")


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (user, {"user_name": "a b"}, "user_name: 'a b' is not an IAM name"),
        (user, {"policy_name": "a b"}, "policy_name: 'a b' is not the name of an IAM policy"),
        (user, {"permissions_boundary": "x"}, "permissions_boundary: 'x' is not an ARN"),
        (user, {"access_key": "rotate"}, "access_key: 'rotate' is not one of managed, rotatable, rotated"),
        (role, {"role_name": "a/b"}, "role_name: 'a/b' is not an IAM name"),
        (role, {"trusted_services": []}, "has a role that nothing can assume; write service_account or trus"),
        (role, {"trusted_services": ["*"]}, "trusted_services[0]: '*' is not an AWS service"),
        (role, {"service_account": "vault"}, "service_account: 'vault' is not a service account; write NAME"),
        (role, {"service_account": "vault/v*"}, "service_account: 'vault/v*' has a wildcard"),
        (role, {"service_account": "vault/vault"}, "cluster: goes together with service_account; write both"),
        (role, {"cluster": CLUSTER}, "cluster: goes together with service_account; write both, or neither"),
        (role, {**VAULT_POD, "cluster": {}}, "cluster.oidc_provider_arn: is missing; the method irsa needs"),
        (role, {**POD_IDENTITY, "cluster": {"name": "a"}}, "cluster.arn: is missing; the method pod-identit"),
        (role, {"pod": {}}, "pod: is gone: since 0.2 cluster takes EksCluster.ref whole; write that"),
        (role, {"permissions": {**NEEDS, "manage_own_key": True}}, "permissions: manage_own_key: only an IA"),
        (existing, {"role_arn": "node"}, "role_arn: 'node' is not an ARN"),
        (existing, {"role_arn": None, "policy_name": "p"}, "policy_name: is not used: no policy is made, be"),
        (existing, {"attach_policy": False, "policy_name": "p"}, "policy_name: is not used: no policy is ma"),
        (existing, {"role_arn": None, "assume_role_arns": [OTHER]}, "assume_role_arns: is not used: no poli"),
        (existing, {"role_arn": None, "attach_policy": True}, "attach_policy: is not used: there is no role"),
        (federated, {"audience": "*"}, "audience: '*' is not an audience"),
        (federated, {"token_ttl": "1y"}, "token_ttl: '1y' is not a duration"),
        (federated, {"token_ttl": "30d"}, "token_ttl: '30d' is out of range; write 1s to 24h"),
        (federated, {"namespace_id": "team/a"}, "namespace_id: 'team/a' is not the ID of a namespace"),
        (federated, {"mount": {}}, "mount.path: is missing; write it (Path of the mount, without `auth/`)"),
        (federated, {"mount_accessor": "a"}, "mount_accessor: is gone: since 0.2 mount takes VaultAuthMount"),
        (federated, {"issuer": None}, "issuer: is missing; write it (Who signs Vault's identity tokens)"),
    ],
)
def test_wrong_arguments_name_the_field(
    make: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    assert refused(lambda: make(**changes)).startswith(message)


def test_a_user_with_another_name_is_another_user_with_a_key_of_its_own() -> None:
    """The provider would rename it, and then not find its old access key, which would stay alive."""
    made = record(user).one(USER, "id-user")
    assert made.replace_on_changes == {"name"}
    assert not made.delete_before_replace, "Vault uses the old key until it has the new one"
