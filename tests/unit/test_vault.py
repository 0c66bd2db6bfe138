"""The Vault identity and the AWS auth mount."""

import json
from typing import Any

import pytest

from components import IamUserVaultIdentity, PrincipalLogin, VaultAwsAuth
from tests.unit.recording import Recording, providers, record

USER, POLICY = "aws:iam/user:User", "aws:iam/policy:Policy"
ATTACHMENT, KEY = "aws:iam/userPolicyAttachment:UserPolicyAttachment", "aws:iam/accessKey:AccessKey"
MOUNT, CLIENT = "vault:index/authBackend:AuthBackend", "vault:aws/authBackendClient:AuthBackendClient"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
IDENTITY = "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity"

KEYS = {"access_key": "AKIA1", "secret_key": "the-secret"}
MOUNTED = {"path": "team/aws", "accessor": "auth_aws_5678"}


def identity(**changes: Any) -> Recording:
    args: Any = {"permissions": {"resolve_roles": True}, **changes}
    return record(lambda: IamUserVaultIdentity("id", args, providers()))


def auth(**changes: Any) -> Recording:
    args: Any = {"region": "us-east-1", "server_id_header": "vault.example.com", **changes}
    return record(lambda: VaultAwsAuth("auth", args, providers()))


def test_the_identity_is_a_user_with_one_policy_and_one_key() -> None:
    recording = identity(permissions_boundary="arn:aws:iam::111111111111:policy/boundary")
    assert recording.children("id") == {
        (USER, "id-user"),
        (POLICY, "id-policy"),
        (ATTACHMENT, "id-policy-attachment"),
        (KEY, "id-access-key"),
    }
    assert recording.one(USER, "id-user").inputs == {
        "name": "vault-auth",
        "forceDestroy": True,
        "permissionsBoundary": "arn:aws:iam::111111111111:policy/boundary",
    }
    policy = recording.one(POLICY, "id-policy")
    assert policy.inputs["name"] == "vault-auth-policy"
    assert json.loads(policy.inputs["policy"])["Statement"][0]["Action"] == ["iam:GetRole"]
    assert recording.one(ATTACHMENT, "id-policy-attachment").inputs == {
        "user": "vault-auth",
        "policyArn": "arn:aws:iam::111111111111:policy/vault-auth-policy",
    }
    assert recording.one(KEY, "id-access-key").inputs["user"] == "vault-auth"
    assert {r.provider for r in recording.resources if r.parent == "id"} == {"aws"}


def test_the_keys_secret_stays_a_secret() -> None:
    recording = identity()
    (urn,) = [urn for urn in recording.outputs if urn.endswith("::id")]
    assert recording.outputs[urn]["secret_key"] == "the-secret"
    assert "secret_key" in recording.secret_outputs[urn]


def test_an_identity_that_nothing_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="no login needs anything"):
        identity(permissions={})


def test_the_mount_has_one_sts_setting_for_everybody() -> None:
    recording = auth()
    assert recording.one(MOUNT, "auth-mount").inputs == {
        "type": "aws",
        "path": "aws",
        "description": "Logins with an AWS identity",
    }
    assert recording.one(CLIENT, "auth-client").inputs == {
        "backend": "aws",
        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
        "stsRegion": "us-east-1",
        "iamServerIdHeaderValue": "vault.example.com",
    }
    assert recording.outputs_of("auth") == {
        "path": "aws",
        "accessor": "auth_aws_1234",
        "sts_endpoint": "https://sts.us-east-1.amazonaws.com",
        "sts_region": "us-east-1",
        "server_id_header": "vault.example.com",
    }
    for resource in recording.resources:
        if resource.parent:
            assert (resource.parent, resource.provider) == ("auth", "vault")


def test_the_key_reaches_the_client_config_as_a_secret() -> None:
    client = auth(credentials={"access_key": "AKIA1", "secret_key": "the-secret"}).one(CLIENT, "auth-client")
    assert (client.inputs["accessKey"], client.inputs["secretKey"]) == ("AKIA1", "the-secret")
    assert {"accessKey", "secretKey"} <= client.secrets


def test_the_client_config_waits_until_the_users_policy_is_attached() -> None:
    def program() -> None:
        options = providers()
        user = IamUserVaultIdentity("id", {"permissions": {"resolve_roles": True}}, options)
        VaultAwsAuth(
            "auth",
            {"region": "us-east-1", "server_id_header": "", "credentials": user.credentials},
            options,
        )

    recording = record(program)
    assert "id-policy-attachment" in recording.one(KEY, "id-access-key").depends_on
    # Only through the key: what repairs the attachment must not show the client config as changed.
    assert recording.one(CLIENT, "auth-client").depends_on == {"auth-mount", "id-access-key"}


def test_no_header_is_demanded_only_when_that_is_asked_for() -> None:
    assert "iamServerIdHeaderValue" not in auth(server_id_header="").one(CLIENT, "auth-client").inputs


def test_endpoints_can_be_others_than_the_public_ones() -> None:
    urls = {f"{service}_endpoint": f"https://{service}.internal" for service in ("sts", "iam", "ec2")}
    inputs = auth(**urls).one(CLIENT, "auth-client").inputs
    assert [inputs[f"{service}Endpoint"] for service in ("sts", "iam", "ec2")] == list(urls.values())
    china = auth(region="cn-north-1").one(CLIENT, "auth-client").inputs
    assert china["stsEndpoint"] == "https://sts.cn-north-1.amazonaws.com.cn"


def test_each_other_account_has_an_sts_role_named_by_the_account() -> None:
    role = {"role_arn": "arn:aws:iam::222222222222:role/lookup", "external_id": "x-1"}
    recording = auth(sts_roles={"222222222222": role})
    sts_role = recording.one(STS_ROLE, "auth-sts-role-222222222222")
    assert sts_role.inputs == {
        "backend": "aws",
        "accountId": "222222222222",
        "stsRole": role["role_arn"],
        "externalId": "x-1",
    }
    assert "auth-client" in sts_role.depends_on


def test_an_external_id_that_somebody_else_chose_stays_a_secret() -> None:
    role = {"role_arn": "arn:aws:iam::222222222222:role/lookup"}
    sts_role = auth(sts_roles={"222222222222": {**role, "external_id": "x-1"}}).of_type(STS_ROLE)[0]
    assert sts_role.secrets == {"externalId"}
    assert "externalId" not in auth(sts_roles={"222222222222": role}).of_type(STS_ROLE)[0].inputs


def connection(**changes: Any) -> Any:
    args: Any = {"region": "us-east-1", "server_id_header": "", **changes}
    made: list[Any] = []
    record(lambda: made.append(VaultAwsAuth("auth", args, providers()).connection))
    return made[0]


def test_a_mount_that_the_caller_made_is_configured_and_not_made_again() -> None:
    recording = auth(mount=MOUNTED, sts_roles={"222222222222": {"role_arn": "r"}})
    assert recording.of_type(MOUNT) == []
    for type_ in (CLIENT, STS_ROLE, IDENTITY):
        (resource,) = recording.of_type(type_)
        assert resource.inputs["backend"] == "team/aws"
    outputs = recording.outputs_of("auth")
    assert (outputs["path"], outputs["accessor"]) == ("team/aws", "auth_aws_5678")


def test_the_connection_tells_consumers_where_vault_is() -> None:
    where = connection(address="https://vault.example.com", namespace="team/a")
    assert (where["address"], where["namespace"]) == ("https://vault.example.com", "team/a")
    assert {"address", "namespace"}.isdisjoint(connection())


def test_an_account_that_is_added_does_not_show_every_vault_role_as_replaced() -> None:
    """A preview does not know all of what is still to be made: a Vault role must not hang on that."""

    def program() -> None:
        options = providers()
        role: Any = {"role_arn": "arn:aws:iam::222222222222:role/lookup"}
        args: Any = {"region": "us-east-1", "server_id_header": "", "sts_roles": {"222222222222": role}}
        args["mount"] = MOUNTED
        login: Any = {"principals": ["arn:aws:iam::111111111111:role/a"], "look_up": False}
        login["connection"] = VaultAwsAuth("auth", args, options).connection
        login["token"] = {"policies": ["dev"]}
        PrincipalLogin("app", login, options)

    vault_role = record(program, preview=True).one(VAULT_ROLE, "app-vault-role")
    assert vault_role.inputs["backend"] == "team/aws"
    # Still, Vault looks up who is bound when the role is written.
    assert record(program).one(VAULT_ROLE, "app-vault-role").depends_on == {
        "auth-client",
        "auth-sts-role-222222222222",
    }


def test_the_connection_tells_which_accounts_vault_can_look_into() -> None:
    roles = {"222222222222": {"role_arn": "arn:aws:iam::222222222222:role/lookup"}}
    known = connection(account_id="111111111111", sts_roles=roles)
    assert known["accounts"] == ["111111111111", "222222222222"]
    # Without Vault's own account nobody can say which one is missing.
    assert "accounts" not in connection(sts_roles=roles)


def test_one_entity_for_each_login_with_metadata_that_changes_rarely() -> None:
    assert auth().one(IDENTITY, "auth-identity").inputs == {
        "backend": "aws",
        "iamAlias": "role_id",
        "iamMetadatas": ["account_id", "auth_type", "canonical_arn"],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "us-east"}, "region: 'us-east' is not an AWS region"),
        ({"sts_roles": {"22": {}}}, "sts_roles: '22' is not an account ID"),
        ({"credentials": {"access_key": "AKIA1"}}, "access_key and secret_key go together"),
        ({"credentials": {**KEYS, "rotated": True}}, "once rotated, only Vault knows its access_key"),
        ({"credentials": {**KEYS, "identity_token_audience": "a"}}, "Vault takes not both"),
        (
            {"credentials": {"identity_token_audience": "a"}},
            "role_arn and identity_token_audience go together",
        ),
        ({"credentials": {"role_arn": "r"}}, "role_arn and identity_token_audience go together"),
        ({"credentials": {"identity_token_ttl": 60}}, "identity_token_ttl has no meaning without"),
        ({"account_id": "11"}, "account_id: '11' is not an account ID"),
        ({"mount": MOUNTED, "path": "aws"}, "path: is that of mount; leave it out"),
        ({"identity_alias": "arn"}, "identity_alias: 'arn' is not one of role_id"),
        ({"identity_metadata": ["arn"]}, "identity_metadata: 'arn' is not one of account_id"),
        ({"path": "auth/aws"}, "path: 'auth/aws' is not a mount path"),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auth(**changes)
