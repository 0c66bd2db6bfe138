"""The AWS auth mount, and the IAM user that it works with by default."""

import json
from typing import Any

import pytest

from components import IamUserVaultIdentity, PrincipalLogin, VaultAuthMount, VaultAwsAuth
from tests.unit.recording import Recording, providers, record, refused

USER, POLICY = "aws:iam/user:User", "aws:iam/policy:Policy"
ATTACHMENT, KEY = "aws:iam/userPolicyAttachment:UserPolicyAttachment", "aws:iam/accessKey:AccessKey"
MOUNTS = "vault-aws-auth:index:VaultAuthMount"
MOUNT, CLIENT = "vault:index/authBackend:AuthBackend", "vault:aws/authBackendClient:AuthBackendClient"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
IDENTITY = "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity"

KEYS = {"access_key": "AKIA1", "secret_key": "the-secret"}
MOUNTED = {"path": "team/aws", "accessor": "auth_aws_5678"}
LOOKUP = {"role_arn": "arn:aws:iam::222222222222:role/lookup"}


def identity() -> Recording:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    args: Any = {"permissions": {"resolve_roles": True}, "permissions_boundary": boundary}
    return record(lambda: IamUserVaultIdentity("id", args, providers()))


def mounted(**changes: Any) -> VaultAwsAuth:
    args: Any = {"region": "us-east-1", "server_id_header": "vault.example.com", **changes}
    return VaultAwsAuth("auth", args, providers())


def auth(**changes: Any) -> Recording:
    return record(lambda: mounted(**changes))


def outputs(recording: Recording) -> dict[str, Any]:
    return recording.outputs_of("auth", "VaultAwsAuth")


def test_the_identity_is_a_user_with_one_policy_and_one_key() -> None:
    recording = identity()
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


def test_the_mount_has_one_sts_setting_for_everybody() -> None:
    recording = auth()
    assert recording.one(MOUNT, "auth-mount").inputs == {
        "type": "aws",
        "path": "aws",
        "description": "Logins with an AWS identity",
        "identityTokenKey": "default",
    }
    assert recording.one(CLIENT, "auth-client").inputs == {
        "backend": "aws",
        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
        "stsRegion": "us-east-1",
        "iamServerIdHeaderValue": "vault.example.com",
    }
    assert outputs(recording) == {
        "path": "aws",
        "accessor": "auth_aws_1234",
        "sts_endpoint": "https://sts.us-east-1.amazonaws.com",
        "sts_region": "us-east-1",
        "server_id_header": "vault.example.com",
        "connection": {
            "path": "aws",
            "accessor": "auth_aws_1234",
            "sts_endpoint": "https://sts.us-east-1.amazonaws.com",
            "sts_region": "us-east-1",
            "server_id_header": "vault.example.com",
            "namespace": "",
        },
    }
    below = {(r.parent, r.provider) for r in recording.resources if r.type.startswith("vault:")}
    assert below == {("auth", "vault")}


def test_the_key_reaches_the_client_config_as_a_secret() -> None:
    client = auth(credentials=KEYS).one(CLIENT, "auth-client")
    assert (client.inputs["accessKey"], client.inputs["secretKey"]) == ("AKIA1", "the-secret")
    assert {"accessKey", "secretKey"} <= client.secrets


def test_the_client_config_waits_until_the_users_policy_is_attached() -> None:
    def program() -> None:
        user = IamUserVaultIdentity("id", {"permissions": {"resolve_roles": True}}, providers())
        mounted(credentials=user.credentials)

    recording = record(program)
    assert "id-policy-attachment" in recording.one(KEY, "id-access-key").depends_on
    # Only through the key: what repairs the attachment must not show the client config as changed.
    assert recording.one(CLIENT, "auth-client").depends_on == {"auth-mount", "id-access-key"}


def test_no_header_is_demanded_only_when_that_is_asked_for() -> None:
    assert "iamServerIdHeaderValue" not in auth(server_id_header="").one(CLIENT, "auth-client").inputs


def test_endpoints_can_be_others_than_the_public_ones() -> None:
    urls = {service: f"https://{service}.internal" for service in ("sts", "iam", "ec2")}
    inputs = auth(endpoints=urls).one(CLIENT, "auth-client").inputs
    assert [inputs[f"{service}Endpoint"] for service in ("sts", "iam", "ec2")] == list(urls.values())
    china = auth(region="cn-north-1").one(CLIENT, "auth-client").inputs
    assert china["stsEndpoint"] == "https://sts.cn-north-1.amazonaws.com.cn"


def test_the_sts_that_vault_calls_is_not_that_of_callers() -> None:
    vpce = "https://vpce-0123.sts.us-east-1.vpce.amazonaws.com"
    recording = auth(endpoints={"sts": vpce})
    assert recording.one(CLIENT, "auth-client").inputs["stsEndpoint"] == vpce
    regional = "https://sts.us-east-1.amazonaws.com"
    assert outputs(recording)["sts_endpoint"] == outputs(recording)["connection"]["sts_endpoint"] == regional


def test_callers_have_an_sts_of_their_own_where_that_is_written() -> None:
    vpce = "https://vpce-4567.sts.us-east-1.vpce.amazonaws.com"
    recording = auth(callers_sts_endpoint=vpce)
    regional = "https://sts.us-east-1.amazonaws.com"
    assert recording.one(CLIENT, "auth-client").inputs["stsEndpoint"] == regional
    assert outputs(recording)["sts_endpoint"] == outputs(recording)["connection"]["sts_endpoint"] == vpce


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://sts.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com.",
        "https://sts-fips.us-east-2.amazonaws.com",
        "https://sts.cn-north-1.amazonaws.com.cn",
    ],
)
def test_the_sts_of_another_region_is_refused_for_vault_and_for_callers(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"endpoints\.sts: .* is of .*, and logins are signed for us-east-1"):
        auth(endpoints={"sts": endpoint})
    with pytest.raises(ValueError, match=r"callers_sts_endpoint: .*, and logins are signed for us-east-1"):
        auth(callers_sts_endpoint=endpoint)


def test_each_other_account_has_an_sts_role_named_by_the_account() -> None:
    recording = auth(sts_roles={"222222222222": {**LOOKUP, "external_id": "x-1"}, "333333333333": LOOKUP})
    sts_role = recording.one(STS_ROLE, "auth-sts-role-222222222222")
    assert sts_role.inputs == {
        "backend": "aws",
        "accountId": "222222222222",
        "stsRole": LOOKUP["role_arn"],
        "externalId": "x-1",
    }
    assert sts_role.secrets == {"externalId"}, "whoever chose it"
    assert "auth-client" in sts_role.depends_on
    assert "externalId" not in recording.one(STS_ROLE, "auth-sts-role-333333333333").inputs


def connection(**changes: Any) -> Any:
    return outputs(auth(**changes))["connection"]


def test_a_mount_is_a_component_of_its_own_whoever_makes_it() -> None:
    def program() -> None:
        mount = VaultAuthMount("auth", {"path": "team/aws", "identity_token_key": "key"}, providers())
        mounted(mount=mount.ref)

    recording = record(program)
    component, mount = recording.one(MOUNTS, "auth"), recording.one(MOUNT, "auth-mount")
    assert (mount.parent, mount.provider, component.parent) == ("auth", "vault", "")
    assert mount.inputs["identityTokenKey"] == "key"
    assert mount.replace_on_changes == {"path"}
    ref = {"path": "team/aws", "accessor": "auth_aws_1234"}
    assert recording.outputs_of("auth", MOUNTS) == {**ref, "ref": ref}
    assert auth().one(MOUNTS, "auth").parent == "auth"


def test_a_mount_that_leaves_federation_gets_vaults_own_signing_key() -> None:
    """The provider takes no key off a mount, and Vault deletes none that a mount names."""
    assert auth().one(MOUNT, "auth-mount").inputs["identityTokenKey"] == "default"


@pytest.mark.parametrize(
    "of",
    [
        "https://sts.eu-west-1.amazonaws.com",
        "https://sts-fips.us-west-2.amazonaws.com/",
        "https://vpce-0a1b-cd2e.sts.eu-west-1.vpce.amazonaws.com",
        "https://STS.eu-west-1.api.aws",
        "https://sts.cn-north-1.amazonaws.com.cn",
    ],
)
@pytest.mark.parametrize("place", ["endpoints.sts", "callers_sts_endpoint"])
def test_an_sts_endpoint_of_another_region_than_the_callers_is_refused(of: str, place: str) -> None:
    given = {"endpoints": {"sts": of}} if place == "endpoints.sts" else {place: of}
    args: Any = {"region": "us-east-1", "server_id_header": "", **given}
    message = refused(lambda: VaultAwsAuth("auth", args, providers()))
    assert message.startswith(f"{place}: ")
    assert "and logins are signed for us-east-1, which AWS refuses there" in message


@pytest.mark.parametrize(
    "of", ["https://sts.us-east-1.amazonaws.com", "https://vpce-1.sts.us-east-1.vpce.amazonaws.com"]
)
def test_an_sts_endpoint_of_the_callers_region_or_of_a_network_is_taken(of: str) -> None:
    args: Any = {"region": "us-east-1", "server_id_header": "", "endpoints": {"sts": of}}
    record(lambda: VaultAwsAuth("auth", args, providers()))


def test_a_mount_that_the_caller_made_is_configured_and_not_made_again() -> None:
    recording = auth(mount=MOUNTED, sts_roles={"222222222222": LOOKUP})
    assert recording.of_type(MOUNT) == []
    for type_ in (CLIENT, STS_ROLE, IDENTITY):
        (resource,) = recording.of_type(type_)
        assert resource.inputs["backend"] == "team/aws"
    found = outputs(recording)
    assert (found["path"], found["accessor"]) == ("team/aws", "auth_aws_5678")


def test_the_connection_tells_consumers_where_vault_is() -> None:
    where = connection(address="https://vault.example.com/", namespace="team/a")
    assert (where["address"], where["namespace"]) == ("https://vault.example.com", "team/a")
    assert "address" not in connection()


def test_the_header_is_the_name_of_vaults_host_unless_another_is_given() -> None:
    args: Any = {"region": "us-east-1", "address": "https://vault.example.com:8200"}
    client = record(lambda: VaultAwsAuth("auth", args, providers())).one(CLIENT, "auth-client")
    assert client.inputs["iamServerIdHeaderValue"] == "vault.example.com"


def test_an_account_that_is_added_does_not_show_every_vault_role_as_replaced() -> None:
    """A preview does not know all of what is still to be made: a Vault role must not hang on that."""

    def program() -> None:
        auth = mounted(sts_roles={"222222222222": LOOKUP}, mount=MOUNTED)
        login: Any = {"principals": ["arn:aws:iam::111111111111:role/a"], "look_up": False}
        login |= {"connection": auth.connection, "policies": ["dev"]}
        PrincipalLogin("app", login, providers())

    vault_role = record(program, preview=True).one(VAULT_ROLE, "app-vault-role")
    assert vault_role.inputs["backend"] == "team/aws"
    # Still, Vault looks up who is bound when the role is written.
    assert record(program).one(VAULT_ROLE, "app-vault-role").depends_on == {
        "auth-client",
        "auth-sts-role-222222222222",
    }


def test_the_connection_tells_which_accounts_vault_can_look_into() -> None:
    roles = {"222222222222": LOOKUP}
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


FEDERATED = {"role_arn": LOOKUP["role_arn"], "identity_token_audience": "vault"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "us-east"}, "region: 'us-east' is not an AWS region"),
        ({"path": "auth/aws"}, "path: 'auth/aws' is not a mount path"),
        ({"address": "not a url"}, "address: 'not a url' is not a URL; write e.g. https://vault.example.com"),
        ({"server_id_header": None}, "server_id_header: is missing; write Vault's DNS name, or empty to dem"),
        ({"server_id_header": "https://vault"}, "server_id_header: 'https://vault' has a scheme; write the"),
        ({"endpoints": {"sts": "sts"}}, "endpoints.sts: 'sts' is not a URL"),
        ({"sts_endpoint": "https://sts"}, "sts_endpoint: is gone: since 0.2 it is a key of endpoints; write"),
        ({"account_id": "11"}, "account_id: '11' is not an account ID"),
        ({"sts_roles": {"22": LOOKUP}}, "sts_roles.22: its name is not an account ID; write its 12 digits"),
        ({"sts_roles": {"222222222222": {}}}, "sts_roles.222222222222.role_arn: is missing; write it (ARN o"),
        ({"sts_roles": {"222222222222": {"role_arn": "r"}}}, "sts_roles.222222222222.role_arn: 'r' is not a"),
        (
            {"sts_roles": {"222222222222": {**LOOKUP, "external_id": "the secret"}}},
            "sts_roles.222222222222.external_id: is not an external ID; write 2 to 1224 letters, digits and",
        ),
        ({"credentials": {"access_key": "A"}}, "credentials: has half of an access key; write access_key an"),
        ({"credentials": {**KEYS, "rotated": True}}, "credentials: has an access_key that is rotated, so on"),
        ({"credentials": {**KEYS, **FEDERATED}}, "credentials: has access_key and identity_token_audience;"),
        ({"credentials": {"identity_token_audience": "a"}}, "credentials: has half of a federated role; wri"),
        ({"credentials": {"role_arn": "r"}}, "credentials: has half of a federated role; write role_arn and"),
        ({"credentials": {"identity_token_ttl": 60}}, "credentials: has identity_token_ttl without identity"),
        ({"mount": MOUNTED, "path": "aws"}, "path: is that of mount; remove it"),
        ({"mount": {"path": "aws"}}, "mount.accessor: is missing; write it (Accessor of the mount)"),
        ({"identity_alias": "arn"}, "identity_alias: 'arn' is not one of role_id, unique_id"),
        ({"identity_metadata": ["arn"]}, "identity_metadata[0]: 'arn' is not one of account_id"),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: mounted(**changes)).startswith(message)


@pytest.mark.parametrize("path", ["auth/aws", "/aws", "aws/"])
def test_a_mount_is_where_vault_can_mount_it(path: str) -> None:
    message = f"path: '{path}' is not a mount path; write it without auth/ and outer slashes"
    assert refused(lambda: VaultAuthMount("auth", {"path": path}, providers())).startswith(message)
