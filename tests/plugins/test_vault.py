"""The vault plugin against a real Vault."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import hvac
import pytest

from sandbox.plugins.vault import PLUGIN
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.wire import UNKNOWN, Secret
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Deployed, Engine, Refused, engine_for
from tests.ports import free_port

AUTH = "vault:index/authBackend:AuthBackend"
GET_AUTH = "vault:index/getAuthBackend:getAuthBackend"
MOUNT = "vault:index/mount:Mount"
POLICY = "vault:index/policy:Policy"
CLIENT = "vault:aws/authBackendClient:AuthBackendClient"
ROLE = "vault:aws/authBackendRole:AuthBackendRole"
ENDPOINT = "vault:generic/endpoint:Endpoint"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
IDENTITY = "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity"

POD = "arn:aws:iam::111111111111:role/vault-auth"
NODE = "arn:aws:iam::111111111111:role/eks1-node"


@pytest.fixture
def engine(vault_server: VaultServer) -> Iterator[Engine]:
    # With what the SDK adds of itself, as JSON.
    config = {"address": vault_server.address, "maxRetries": "2", "maxLeaseTtlSeconds": "1200"}
    with engine_for(PLUGIN, {**config, "token": Secret(vault_server.token)}) as engine:
        yield engine


@pytest.fixture
def mount(engine: Engine) -> Deployed:
    """An AWS auth mount of the test's own."""
    return engine.create(AUTH, {"type": "aws", "path": f"aws-{uuid4().hex[:8]}"})


def read(server: VaultServer, path: str) -> dict[str, Any] | None:
    answer = server.client.read(path)
    return answer["data"] if answer else None


def test_auth_method_lives(engine: Engine, vault_server: VaultServer) -> None:
    path = f"aws-{uuid4().hex[:8]}"
    tune = {"maxLeaseTtl": "768h", "defaultLeaseTtl": "1h30m", "listingVisibility": "unauth"}
    inputs = {"type": "aws", "path": path, "description": "logins", "tune": tune}
    auth = engine.create(AUTH, inputs)
    assert auth.id == path
    assert auth.values["accessor"].startswith("auth_aws_")
    found = read(vault_server, f"sys/auth/{path}/tune")
    assert found
    assert (found["max_lease_ttl"], found["default_lease_ttl"]) == (768 * 3600, 5400)

    again = engine.refresh(auth)
    assert again
    assert again.inputs == auth.inputs
    assert engine.update(again, inputs).steps == ["same"]

    changed = engine.update(again, {**inputs, "description": "all logins", "tune": {"maxLeaseTtl": "100h"}})
    assert changed.steps == ["update"]
    found = read(vault_server, f"sys/auth/{path}/tune")
    assert found
    assert (found["max_lease_ttl"], found["description"]) == (360000, "all logins")
    assert found["default_lease_ttl"] == 2764800, "what is no longer set is the system's again"

    vault_server.client.write(f"sys/auth/{path}/tune", max_lease_ttl="50h", description="someone's")
    drifted = engine.refresh(changed)
    assert drifted
    assert drifted.inputs["tune"] == {"maxLeaseTtl": "180000s"}
    assert drifted.inputs["description"] == "someone's"
    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_auth_method_has_its_types_name_where_no_path_is_given(engine: Engine) -> None:
    userpass = engine.create(AUTH, {"type": "userpass"})
    assert (userpass.id, userpass.values["path"]) == ("userpass", "userpass")
    engine.delete(userpass)


def test_auth_method_with_another_path_is_moved_and_its_roles_are_lost_as_by_the_official_provider(
    engine: Engine, mount: Deployed, vault_server: VaultServer
) -> None:
    bound = {"boundIamPrincipalArns": [POD], "resolveAwsUniqueIds": False}
    role = engine.create(ROLE, {"backend": mount.id, "role": "r", **bound})
    path = f"other-{uuid4().hex[:8]}"
    moved = engine.update(mount, {"type": "aws", "path": path})
    assert (moved.steps, moved.id, moved.values["path"]) == (["update"], mount.id, path)
    assert moved.values["accessor"] == mount.values["accessor"]
    mounted = read(vault_server, "sys/auth")
    assert mounted
    assert f"{path}/" in mounted
    assert f"{mount.id}/" not in mounted
    assert read(vault_server, f"auth/{path}/role/r")
    with pytest.raises(Refused, match="no handler for route"):
        engine.delete(role)
    assert engine.refresh(moved) is None, "it is looked for by its ID, the old path"


def test_auth_method_keeps_its_signing_key_until_it_is_given_another(
    engine: Engine, mount: Deployed, vault_server: VaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vault, "health", lambda self: {"enterprise": True})
    own, inputs = f"key-{uuid4().hex[:8]}", {"type": "aws", "path": mount.id}

    def key() -> str:
        return str((read(vault_server, f"sys/auth/{mount.id}/tune") or {}).get("identity_token_key"))

    vault_server.client.write(f"identity/oidc/key/{own}", allowed_client_ids="*")
    signed = engine.update(mount, {**inputs, "identityTokenKey": own})
    assert key() == own
    left = engine.update(signed, inputs)
    assert (left.steps, key()) == (["update"], own)
    with pytest.raises(hvac.exceptions.InvalidRequest, match="currently referenced by these mounts"):
        vault_server.client.delete(f"identity/oidc/key/{own}")
    engine.update(left, {**inputs, "identityTokenKey": "default"})
    assert key() == "default"
    vault_server.client.delete(f"identity/oidc/key/{own}")


def test_community_vault_is_not_told_a_signing_key_which_it_does_not_have(engine: Engine) -> None:
    path = f"aws-{uuid4().hex[:8]}"
    auth = engine.create(AUTH, {"type": "aws", "path": path, "identityTokenKey": "default"})
    again = engine.refresh(auth)
    assert again
    assert again.inputs == auth.inputs
    kv = engine.create(MOUNT, {"path": f"kv-{path}", "type": "kv", "identityTokenKey": "default"})
    again = engine.refresh(kv)
    assert again
    assert again.inputs == kv.inputs


def test_auth_method_of_another_is_found(engine: Engine, vault_server: VaultServer) -> None:
    path = f"team/{uuid4().hex[:8]}"
    vault_server.client.sys.enable_auth_method("aws", path=path, description="payments")
    found = engine.invoke(GET_AUTH, {"path": path})
    assert (found["type"], found["description"], found["path"]) == ("aws", "payments", path)
    assert found["accessor"].startswith("auth_aws_")
    with pytest.raises(Refused, match=f"mount not found: No auth engine at {path}-2"):
        engine.invoke(GET_AUTH, {"path": f"{path}-2"})
    vault_server.client.sys.disable_auth_method(path)


def test_secrets_engine_lives(engine: Engine, vault_server: VaultServer) -> None:
    inputs = {
        "path": f"dev-{uuid4().hex[:8]}",
        "type": "kv",
        "options": {"version": "2"},
        "description": "dev",
    }
    mount = engine.create(MOUNT, {**inputs, "maxLeaseTtlSeconds": 3600})
    assert mount.id == inputs["path"]
    assert mount.values["accessor"].startswith("kv_")
    again = engine.refresh(mount)
    assert again
    assert again.inputs == mount.inputs

    changed = engine.update(again, {**inputs, "maxLeaseTtlSeconds": 7200, "description": "for dev"})
    assert changed.steps == ["update"]
    found = (read(vault_server, "sys/mounts") or {})[f"{mount.id}/"]
    assert (found["config"]["max_lease_ttl"], found["description"]) == (7200, "for dev")
    assert found["options"] == {"version": "2"}
    changed = engine.update(changed, inputs)
    found = (read(vault_server, "sys/mounts") or {})[f"{mount.id}/"]
    assert (found["description"], found["config"]["max_lease_ttl"]) == ("dev", 7200), "a TTL stays"

    vault_server.client.sys.disable_secrets_engine(mount.id)
    assert engine.refresh(changed) is None
    engine.delete(changed)


def test_secrets_engine_of_type_kv_v2_stays_so(engine: Engine) -> None:
    mount = engine.create(MOUNT, {"path": f"dev-{uuid4().hex[:8]}", "type": "kv-v2"})
    again = engine.refresh(mount)
    assert again
    assert again.inputs["type"] == "kv-v2"
    engine.delete(mount)


def test_policy_lives(engine: Engine, vault_server: VaultServer) -> None:
    policy = engine.create(POLICY, {"name": "dev", "policy": 'path "dev/*" { capabilities = ["read"] }\n'})
    assert policy.id == "dev"
    again = engine.refresh(policy)
    assert again
    assert again.inputs == policy.inputs
    changed = engine.update(again, {"name": "dev", "policy": 'path "dev/*" { capabilities = ["list"] }\n'})
    assert changed.steps == ["update"]
    assert "list" in (read(vault_server, "sys/policies/acl/dev") or {})["policy"]

    vault_server.client.sys.create_or_update_acl_policy("dev", "# emptied")
    drifted = engine.refresh(changed)
    assert drifted
    assert drifted.inputs["policy"] == "# emptied"
    assert engine.update(changed, {"name": "dev2", "policy": "# new"}).steps == ["create", "delete"]
    assert engine.refresh(changed) is None


def test_policy_that_exists_is_overwritten_unless_forbidden(engine: Engine) -> None:
    first = engine.create(POLICY, {"name": "taken", "policy": "# 1"})
    with pytest.raises(Refused, match="'taken' exists, and allowOverwrite is false"):
        engine.create(POLICY, {"name": "taken", "policy": "# 2", "allowOverwrite": False})
    assert engine.create(POLICY, {"name": "taken", "policy": "# 2"}).id == first.id
    engine.delete(first)


def test_vaults_own_refusal_is_shown(engine: Engine) -> None:
    with pytest.raises(
        Refused, match=r"Policy: Vault refused: .*failed to parse policy.*sys/policies/acl/bad"
    ):
        engine.create(POLICY, {"name": "bad", "policy": "path {"})


def test_client_config_lives_and_keeps_the_secret_key_secret(
    engine: Engine, mount: Deployed, vault_server: VaultServer
) -> None:
    inputs = {
        "backend": mount.id,
        "accessKey": Secret("AKIAACCESSKEY"),
        "secretKey": Secret("the secret key"),
        "iamServerIdHeaderValue": "vault.example.com",
        "stsEndpoint": "http://127.0.0.1:1",
        "stsRegion": "us-east-1",
        "iamEndpoint": "http://127.0.0.1:1",
        "ec2Endpoint": "http://127.0.0.1:2",
    }
    client = engine.create(CLIENT, inputs)
    assert client.id == f"auth/{mount.id}/config/client"
    found = read(vault_server, client.id)
    assert found
    assert (found["endpoint"], found["iam_endpoint"]) == ("http://127.0.0.1:2", "http://127.0.0.1:1")
    assert (found["access_key"], found["max_retries"]) == ("AKIAACCESSKEY", -1)
    assert client.outputs["accessKey"] == Secret("AKIAACCESSKEY")
    assert client.outputs["secretKey"] == Secret("the secret key")

    again = engine.refresh(client)
    assert again
    assert again.inputs == client.inputs

    # Without a change of the keys they are not written again: Vault may have rotated the secret since.
    vault_server.client.write(client.id, access_key="AKIAROTATED", secret_key="rotated")
    del inputs["ec2Endpoint"]
    changed = engine.update(again, {**inputs, "iamServerIdHeaderValue": "vault2.example.com"})
    assert changed.steps == ["update"]
    found = read(vault_server, client.id)
    assert found
    assert (found["access_key"], found["endpoint"]) == ("AKIAROTATED", "")
    assert found["iam_server_id_header_value"] == "vault2.example.com"

    drifted = engine.refresh(changed)
    assert drifted
    assert drifted.inputs["accessKey"] == Secret("AKIAROTATED")
    engine.update(drifted, inputs)
    assert (read(vault_server, client.id) or {})["access_key"] == "AKIAACCESSKEY"
    engine.delete(drifted)
    assert engine.refresh(drifted) is None


def test_client_config_whose_keys_are_removed_leaves_the_secret_key_in_vault(
    engine: Engine, mount: Deployed, vault_server: VaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with the official provider, which never writes an empty secret key.
    monkeypatch.setenv("SANDBOX_IAM_PATIENCE", "0")
    closed = f"http://127.0.0.1:{free_port()}"
    inputs = {"backend": mount.id, "stsEndpoint": closed, "stsRegion": "us-east-1", "maxRetries": 0}
    keys = {"accessKey": Secret("AKIAACCESSKEY"), "secretKey": Secret("the secret key")}
    client = engine.create(CLIENT, {**inputs, **keys})
    changed = engine.update(client, inputs)
    assert changed.steps == ["update"]
    assert "secretKey" not in changed.outputs
    assert (read(vault_server, client.id) or {})["access_key"] == ""
    role = {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD]}
    with pytest.raises(Refused, match="access key or secret key were provided but not both"):
        engine.create(ROLE, role)

    # What clears it. With it gone Vault goes to AWS as whatever it finds around it.
    cleared = {"path": client.id, "dataJson": '{"access_key": "", "secret_key": ""}'}
    engine.create(ENDPOINT, {**cleared, "disableDelete": True, "ignoreAbsentFields": True})
    with pytest.raises(Refused) as refused:
        engine.create(ROLE, role)
    assert "but not both" not in str(refused.value)
    assert engine.update(changed, inputs).steps == ["same"]


def test_client_config_that_ignores_keys_keeps_those_that_vault_has_rotated(
    engine: Engine, mount: Deployed, vault_server: VaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"accessKey": Secret("AKIAFIRST"), "secretKey": Secret("the first secret")}
    client = engine.create(CLIENT, {"backend": mount.id, **keys})
    vault_server.client.write(client.id, access_key="AKIAROTATED", secret_key="rotated")
    seen = engine.refresh(client)
    assert seen
    assert seen.inputs["accessKey"] == Secret("AKIAROTATED")
    now = engine.check(CLIENT, {"backend": mount.id}, old=seen.inputs)
    assert engine.diff(seen, now, ignore=("accessKey", "secretKey")).kinds == {}

    writes: list[dict[str, Any]] = []
    write = Vault.write

    def recorded(vault: Vault, path: str, data: dict[str, Any], namespace: str | None = None) -> None:
        writes.append(data)
        write(vault, path, data, namespace)

    monkeypatch.setattr(Vault, "write", recorded)
    # The engine hands on the old values of what is ignored.
    both = {name: seen.inputs[name] for name in keys}
    changed = engine.update(
        seen, {"backend": mount.id, "iamServerIdHeaderValue": "vault.example.com", **both}
    )
    assert changed.steps == ["update"]
    found = read(vault_server, client.id) or {}
    assert (found["access_key"], found["iam_server_id_header_value"]) == ("AKIAROTATED", "vault.example.com")
    assert not {"access_key", "secret_key"} & writes[0].keys()


def test_client_config_needs_endpoint_and_region_of_sts_together(engine: Engine) -> None:
    with pytest.raises(Refused, match="stsEndpoint and stsRegion must be set together"):
        engine.check(CLIENT, {"stsEndpoint": "http://127.0.0.1:1"})
    engine.check(CLIENT, {"stsEndpoint": "http://127.0.0.1:1", "stsRegion": UNKNOWN})


def test_client_config_with_federation_is_refused_by_a_community_vault(
    engine: Engine, mount: Deployed
) -> None:
    with pytest.raises(Refused, match="workload identity not supported in Vault community edition"):
        engine.create(CLIENT, {"backend": mount.id, "roleArn": POD, "identityTokenAudience": "vault"})


def test_role_lives(engine: Engine, mount: Deployed, vault_server: VaultServer) -> None:
    inputs = {
        "backend": mount.id,
        "role": "dev-role-iam2",
        "boundIamPrincipalArns": [POD],
        "resolveAwsUniqueIds": False,
        "tokenPolicies": ["dev", "base"],
        "tokenMaxTtl": 768 * 3600,
        "tokenTtl": 900,
    }
    role = engine.create(ROLE, inputs)
    assert role.id == f"auth/{mount.id}/role/dev-role-iam2"
    assert role.inputs["authType"] == "iam"
    found = read(vault_server, role.id)
    assert found
    assert found["bound_iam_principal_arn"] == [POD]
    assert (found["token_max_ttl"], found["token_ttl"]) == (2764800, 900)
    assert role.values["roleId"] == found["role_id"]

    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs
    assert engine.update(again, {**inputs, "tokenPolicies": ["base", "dev"]}).steps == ["same"]

    del inputs["tokenTtl"]
    changed = engine.update(again, {**inputs, "tokenPolicies": ["dev"], "boundIamPrincipalArns": [POD, NODE]})
    assert changed.steps == ["update"]
    assert changed.values["roleId"] == role.values["roleId"]
    found = read(vault_server, role.id)
    assert found
    assert (found["token_policies"], found["token_ttl"]) == (["dev"], 0)
    assert sorted(found["bound_iam_principal_arn"]) == [NODE, POD]

    vault_server.client.write(role.id, token_max_ttl=60, bound_iam_principal_arn=[NODE])
    drifted = engine.refresh(changed)
    assert drifted
    assert (drifted.inputs["tokenMaxTtl"], drifted.inputs["boundIamPrincipalArns"]) == (60, [NODE])
    assert set(engine.diff(drifted, changed.inputs).kinds) == {"tokenMaxTtl", "boundIamPrincipalArns"}

    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_role_of_a_node_lives(engine: Engine, mount: Deployed, vault_server: VaultServer) -> None:
    inputs = {
        "backend": mount.id,
        "role": "dev-role-iam",
        "inferredEntityType": "ec2_instance",
        "inferredAwsRegion": "us-east-1",
        "boundAccountIds": ["111111111111"],
        "boundIamInstanceProfileArns": ["arn:aws:iam::111111111111:instance-profile/eks-*"],
        "boundIamRoleArns": [NODE],
        "resolveAwsUniqueIds": False,
    }
    role = engine.create(ROLE, inputs)
    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs
    # As with the official provider, a bound that is removed stays in Vault. (So the role is to be replaced.)
    del inputs["boundIamRoleArns"]
    engine.update(again, inputs)
    assert (read(vault_server, role.id) or {})["bound_iam_role_arn"] == [NODE]


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({"resolveAwsUniqueIds": False}, ["resolveAwsUniqueIds"]),
        ({"role": "other"}, ["role"]),
        ({"backend": "other"}, ["backend"]),
        ({"authType": "ec2"}, ["authType"]),
        ({"boundIamPrincipalArns": [NODE]}, []),
    ],
)
def test_role_is_replaced_only_where_it_must_be(
    engine: Engine, change: dict[str, Any], replaced: list[str]
) -> None:
    inputs = engine.check(ROLE, {"role": "r", "boundIamPrincipalArns": [POD]})
    assert inputs["resolveAwsUniqueIds"] is True
    role = Deployed(ROLE, "it", "auth/aws/role/r", inputs, inputs)
    assert engine.diff(role, engine.check(ROLE, {**inputs, **change})).replaces == replaced
    back = Deployed(ROLE, "it", "auth/aws/role/r", {**inputs, "resolveAwsUniqueIds": False}, inputs)
    assert engine.diff(back, inputs).replaces == [], "Vault can begin to resolve"


def test_role_whose_principal_aws_does_not_know_is_refused_by_vault(
    engine: Engine, mount: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_IAM_PATIENCE", "0")
    closed = f"http://127.0.0.1:{free_port()}"
    client = {
        "backend": mount.id,
        "accessKey": "AKIAX",
        "secretKey": Secret("the secret key"),
        "maxRetries": 0,
    }
    sts = {"iamEndpoint": closed, "stsEndpoint": closed, "stsRegion": "us-east-1"}
    engine.create(CLIENT, {**client, **sts})
    with pytest.raises(Refused, match="Vault refused: unable to resolve ARN") as refused:
        engine.create(ROLE, {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD]})
    assert "the secret key" not in str(refused.value)


def test_role_of_a_mount_that_is_gone_is_gone(engine: Engine, mount: Deployed) -> None:
    inputs = {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD], "resolveAwsUniqueIds": False}
    role = engine.create(ROLE, inputs)
    engine.delete(mount)
    assert engine.refresh(role) is None
    with pytest.raises(Refused, match="no handler for route"):
        engine.delete(role)
    with pytest.raises(Refused, match="no handler for route"):
        engine.create(ROLE, inputs)


def test_role_is_imported(engine: Engine, mount: Deployed) -> None:
    inputs = {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD], "resolveAwsUniqueIds": False}
    role = engine.create(ROLE, inputs)
    imported = engine.read(ROLE, role.id)
    assert imported
    # The token type is Vault's own default, which it always answers with.
    assert engine.diff(imported, engine.check(ROLE, inputs)).kinds == {"tokenType": "DELETE"}
    with pytest.raises(Refused, match="is not an ID of this type"):
        engine.read(ROLE, "role/r")


def test_a_field_that_this_vault_ignores_is_refused(engine: Engine, mount: Deployed) -> None:
    inputs = {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD], "resolveAwsUniqueIds": False}
    with pytest.raises(Refused, match="this Vault does not know aliasMetadata"):
        engine.create(ROLE, {**inputs, "aliasMetadata": {"team": "x"}})


def test_sts_role_lives(engine: Engine, mount: Deployed, vault_server: VaultServer) -> None:
    arn = "arn:aws:iam::222222222222:role/vault"
    inputs = {"backend": mount.id, "accountId": "222222222222", "stsRole": arn, "externalId": "e-1"}
    role = engine.create(STS_ROLE, inputs)
    assert role.id == f"auth/{mount.id}/config/sts/222222222222"
    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs
    engine.update(again, {**inputs, "externalId": "e-2"})
    assert read(vault_server, role.id) == {"sts_role": arn, "external_id": "e-2"}
    assert engine.diff(role, {**inputs, "accountId": "333333333333"}).replaces == ["accountId"]
    vault_server.client.write(role.id, sts_role=f"{arn}-2", external_id="")
    drifted = engine.refresh(role)
    assert drifted
    assert drifted.inputs["stsRole"] == f"{arn}-2"
    assert "externalId" not in drifted.inputs
    engine.delete(role)
    assert engine.refresh(role) is None


def test_identity_config_lives(engine: Engine, mount: Deployed, vault_server: VaultServer) -> None:
    identity = engine.create(IDENTITY, {"backend": mount.id, "iamAlias": "unique_id"})
    assert identity.id == f"auth/{mount.id}/config/identity"
    assert identity.values["iamMetadatas"] == ["account_id", "auth_type"]
    changed = engine.update(
        identity,
        {
            "backend": mount.id,
            "iamAlias": "full_arn",
            "iamMetadatas": ["auth_type", "account_id", "client_arn"],
        },
    )
    found = read(vault_server, identity.id)
    assert found
    assert (found["iam_alias"], len(found["iam_metadata"])) == ("full_arn", 3)
    again = engine.refresh(changed)
    assert again
    assert again.inputs == changed.inputs
    engine.delete(changed)


def test_endpoint_lives(engine: Engine, mount: Deployed, vault_server: VaultServer) -> None:
    path = f"auth/{mount.id}/config/sts/222222222222"
    inputs = {
        "path": path,
        "dataJson": '{"sts_role": "arn:aws:iam::222222222222:role/v", "external_id": "e"}',
    }
    endpoint = engine.create(ENDPOINT, inputs)
    assert endpoint.id == path
    assert isinstance(endpoint.outputs["dataJson"], Secret)
    again = engine.refresh(endpoint)
    assert again
    assert engine.diff(again, engine.check(ENDPOINT, inputs)).kinds == {}

    changed = engine.update(again, {**inputs, "dataJson": inputs["dataJson"].replace('"e"', '"f"')})
    assert changed.steps == ["update"]
    assert (read(vault_server, path) or {})["external_id"] == "f"
    vault_server.client.write(path, sts_role=NODE, external_id="f")
    drifted = engine.refresh(changed)
    assert drifted
    assert engine.diff(drifted, changed.inputs).kinds == {"dataJson": "UPDATE"}
    assert engine.diff(drifted, {**inputs, "path": "other"}).replaces == ["path"]

    engine.delete(drifted)
    assert read(vault_server, path) is None
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_endpoint_can_keep_to_its_own_fields_of_an_object(
    engine: Engine, mount: Deployed, vault_server: VaultServer
) -> None:
    role = engine.create(
        ROLE, {"backend": mount.id, "role": "r", "boundIamPrincipalArns": [POD], "resolveAwsUniqueIds": False}
    )
    inputs = {
        "path": role.id,
        # Vault answers with the second field, but does not take it; the third it does not know.
        "dataJson": json.dumps(
            {"bound_iam_principal_arn": [NODE], "bound_iam_principal_id": ["AROAX"], "unknown": 1}
        ),
        "ignoreAbsentFields": True,
        "disableDelete": True,
    }
    endpoint = engine.create(ENDPOINT, inputs)
    assert (read(vault_server, role.id) or {})["bound_iam_principal_arn"] == [NODE]
    again = engine.refresh(endpoint)
    assert again
    assert json.loads(again.values["dataJson"]) == {
        "bound_iam_principal_arn": [NODE], "bound_iam_principal_id": [], "unknown": 1
    }  # fmt: skip
    engine.delete(again)
    assert read(vault_server, role.id), "only its own resource deletes it"
    unread = engine.refresh(engine.create(ENDPOINT, {**inputs, "disableRead": True}))
    assert unread
    assert json.loads(unread.values["dataJson"])["bound_iam_principal_id"] == ["AROAX"]


def test_previews_without_touching_vault(engine: Engine, vault_server: VaultServer) -> None:
    planned = engine.create(AUTH, {"type": "aws", "path": "not-there"}, preview=True)
    assert planned.outputs["path"] == "not-there"
    assert "accessor" not in planned.outputs
    role = engine.create(ROLE, {"role": "r", "boundIamPrincipalArns": [UNKNOWN]}, preview=True)
    assert role.outputs["boundIamPrincipalArns"] == [UNKNOWN]
    assert "not-there/" not in (read(vault_server, "sys/auth") or {})


def test_unknown_inputs_and_types_are_refused(engine: Engine) -> None:
    with pytest.raises(
        Refused, match=r"'boundIamPrincipalArn' is not an input of vault\.aws\.AuthBackendRole"
    ):
        engine.check(ROLE, {"role": "r", "boundIamPrincipalArn": POD})
    with pytest.raises(Refused, match="this resource type is not supported"):
        engine.check("vault:gcp/secretBackend:SecretBackend", {})


def test_provider_reads_the_environment(vault_server: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault_server.address)
    monkeypatch.setenv("VAULT_TOKEN", vault_server.token)
    with engine_for(PLUGIN) as engine:
        engine.delete(engine.create(POLICY, {"policy": "# empty"}))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no Vault address"),
        ({"address": "http://127.0.0.1:1"}, "no Vault token"),
        ({"address": "http://127.0.0.1:1", "token": Secret("t-123")}, "Vault does not answer"),
    ],
)
def test_provider_says_why_it_cannot_connect(
    config: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with engine_for(PLUGIN, config) as engine, pytest.raises(Refused, match=message):
        engine.create(POLICY, {"policy": "# empty"})


def test_provider_with_a_wrong_token_is_refused_without_showing_it(vault_server: VaultServer) -> None:
    config = {"address": vault_server.address, "token": Secret("a-wrong-token")}
    with engine_for(PLUGIN, config) as engine, pytest.raises(Refused, match="permission denied") as refused:
        engine.create(POLICY, {"policy": "# empty"})
    assert "a-wrong-token" not in str(refused.value)


@pytest.mark.parametrize(
    ("token", "inputs", "not_read"),
    [
        (CLIENT, {"allowedStsHeaderValues": ["X-Custom"]}, {"secretKey"}),
        # This Vault is older than the field.
        (
            ROLE,
            {
                "role": "r",
                "inferredEntityType": "ec2_instance",
                "inferredAwsRegion": "us-east-1",
                "boundEc2InstanceIds": ["i-1"],
                "resolveAwsUniqueIds": False,
            },
            {"aliasMetadata"},
        ),
        (STS_ROLE, {"accountId": "222222222222", "stsRole": POD, "externalId": "e"}, set()),
        (IDENTITY, {}, set()),
    ],
)
def test_every_field_is_one_that_vault_has(
    engine: Engine, mount: Deployed, token: str, inputs: dict[str, Any], not_read: set[str]
) -> None:
    made = engine.create(token, {"backend": mount.id, **inputs})
    assert PLUGIN.resources[token].inputs - made.values.keys() == {"namespace"} | not_read
