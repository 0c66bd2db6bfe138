"""The vault plugin's AWS secrets engine and OIDC issuer, against a real Vault."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import hvac
import pytest

from sandbox.plugins.vault import PLUGIN
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.wire import Secret
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Deployed, Engine, Refused, engine_for

BACKEND = "vault:aws/secretBackend:SecretBackend"
ROLE = "vault:aws/secretBackendRole:SecretBackendRole"
OIDC = "vault:identity/oidc:Oidc"
KEY = "vault:identity/oidcKey:OidcKey"

ENDPOINT = "vault:generic/endpoint:Endpoint"
HALF_A_KEY = "static AWS client credentials haven't been properly configured"

ENGINE_ROLE = "arn:aws:iam::111111111111:role/vault-aws-secrets-engine-wif"
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}],
}


@pytest.fixture
def engine(vault_server: VaultServer) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"address": vault_server.address, "token": Secret(vault_server.token)}) as engine:
        yield engine


@pytest.fixture
def path() -> str:
    return f"aws-{uuid4().hex[:8]}"


@pytest.fixture
def backend(engine: Engine, path: str) -> Deployed:
    """A secrets engine without keys."""
    return engine.create(BACKEND, {"path": path})


def read(server: VaultServer, path: str) -> dict[str, Any]:
    answer = server.client.read(path)
    return answer["data"] if answer else {}


def keys(first: str) -> dict[str, Any]:
    return {"accessKey": Secret(first), "secretKey": Secret("the secret key")}


def test_secrets_engine_lives_and_keeps_the_secret_key_secret(
    engine: Engine, vault_server: VaultServer, path: str
) -> None:
    inputs = {
        "path": path,
        "description": "for dev",
        "region": "eu-west-1",
        "iamEndpoint": "http://127.0.0.1:1",
        "stsEndpoint": "http://127.0.0.1:1",
        "stsRegion": "eu-west-1",
        "usernameTemplate": "vault-token-{{.RoleName}}-{{random 20}}",
        "defaultLeaseTtlSeconds": 900,
        "maxLeaseTtlSeconds": 3600,
        **keys("AKIAACCESSKEY"),
    }
    made = engine.create(BACKEND, inputs)
    assert made.id == path
    assert made.values["accessor"].startswith("aws_")
    assert made.outputs["accessKey"] == Secret("AKIAACCESSKEY")
    assert made.outputs["secretKey"] == Secret("the secret key")
    root = read(vault_server, f"{path}/config/root")
    assert (root["access_key"], root["iam_endpoint"]) == ("AKIAACCESSKEY", "http://127.0.0.1:1")
    assert (root["region"], root["username_template"]) == ("eu-west-1", inputs["usernameTemplate"])
    tune = read(vault_server, f"sys/mounts/{path}/tune")
    assert (tune["default_lease_ttl"], tune["max_lease_ttl"]) == (900, 3600)

    again = engine.refresh(made)
    assert again
    assert again.inputs == made.inputs
    assert engine.update(again, inputs).steps == ["same"]

    # Vault's own rotation is written over only where the configuration changes.
    vault_server.client.write(f"{path}/config/root", access_key="AKIAROTATED", secret_key="rotated")
    changed = engine.update(again, {**inputs, "description": "for all", "maxLeaseTtlSeconds": 7200})
    assert changed.steps == ["update"]
    assert read(vault_server, f"sys/mounts/{path}/tune")["max_lease_ttl"] == 7200
    assert read(vault_server, f"{path}/config/root")["access_key"] == "AKIAROTATED"
    drifted = engine.refresh(changed)
    assert drifted
    assert drifted.inputs["accessKey"] == Secret("AKIAROTATED")
    assert drifted.inputs["secretKey"] == Secret("the secret key")
    engine.update(drifted, inputs)
    assert read(vault_server, f"{path}/config/root")["access_key"] == "AKIAACCESSKEY"

    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_secrets_engine_without_keys_has_the_default_region(
    engine: Engine, vault_server: VaultServer, backend: Deployed
) -> None:
    assert backend.values["region"] == "us-east-1"
    assert read(vault_server, f"{backend.id}/config/root")["access_key"] == ""
    again = engine.refresh(backend)
    assert again
    assert again.inputs == {"path": backend.id, "maxRetries": -1}


def test_secrets_engine_whose_keys_are_removed_has_no_access_key(
    engine: Engine, vault_server: VaultServer, path: str
) -> None:
    made = engine.create(BACKEND, {"path": path, "iamEndpoint": "http://127.0.0.1:1", **keys("AKIA")})
    changed = engine.update(made, {"path": path})
    assert changed.steps == ["update"]
    root = read(vault_server, f"{path}/config/root")
    assert (root["access_key"], root["iam_endpoint"]) == ("", "http://127.0.0.1:1")


def test_secrets_engine_whose_secret_is_taken_away_as_well_goes_by_what_vault_finds(
    engine: Engine, vault_server: VaultServer, path: str
) -> None:
    """The provider leaves half of a key, by which Vault refuses to work."""
    made = engine.create(BACKEND, {"path": path, "iamEndpoint": "http://127.0.0.1:1", **keys("AKIA")})
    engine.create(
        ROLE, {"backend": path, "name": "r", "credentialType": "iam_user", "policyArns": [BOUNDARY]}
    )
    engine.update(made, {"path": path, "iamEndpoint": "http://127.0.0.1:1"})
    with pytest.raises(hvac.exceptions.VaultError, match=HALF_A_KEY):
        vault_server.client.read(f"{path}/creds/r")
    nothing = json.dumps({"access_key": "", "secret_key": ""})
    inputs = {"path": f"{path}/config/root", "dataJson": Secret(nothing)}
    engine.create(ENDPOINT, {**inputs, "ignoreAbsentFields": True, "disableDelete": True})
    with pytest.raises(hvac.exceptions.VaultError) as refusal:
        vault_server.client.read(f"{path}/creds/r")
    assert HALF_A_KEY not in str(refusal.value)


def test_secrets_engine_needs_both_keys(engine: Engine) -> None:
    with pytest.raises(Refused, match="accessKey and secretKey must be set together"):
        engine.check(BACKEND, {"accessKey": "AKIA"})


def test_secrets_engine_with_federation_is_refused_by_a_community_vault_and_leaves_nothing(
    engine: Engine, vault_server: VaultServer, path: str
) -> None:
    federation = {"roleArn": ENGINE_ROLE, "identityTokenAudience": "vault", "identityTokenTtl": 3600}
    with pytest.raises(Refused, match="workload identity not supported in Vault community edition"):
        engine.create(BACKEND, {"path": path, **federation})
    assert f"{path}/" not in read(vault_server, "sys/mounts")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (keys("AKIA"), "only one of 'access_key' or 'identity_token_audience'"),
        ({}, "missing required 'role_arn'"),
    ],
)
def test_secrets_engine_with_contradictions_is_refused_by_vault(
    engine: Engine, path: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        engine.create(BACKEND, {"path": path, "identityTokenAudience": "vault", **more})


def test_secrets_engine_with_another_path_is_moved_and_its_roles_are_lost_as_by_the_official_provider(
    engine: Engine, vault_server: VaultServer, backend: Deployed
) -> None:
    of_role = {"backend": backend.id, "name": "r", "credentialType": "assumed_role"}
    role = engine.create(ROLE, {**of_role, "roleArns": [ENGINE_ROLE]})
    other = f"other-{uuid4().hex[:8]}"
    moved = engine.update(backend, {"path": other, "region": "eu-west-1"})
    assert (moved.steps, moved.id, moved.values["path"]) == (["update"], backend.id, other)
    assert read(vault_server, f"{other}/config/root")["region"] == "eu-west-1"
    assert read(vault_server, f"{other}/roles/r")
    with pytest.raises(Refused, match="no handler for route"):
        engine.delete(role)
    vault_server.client.sys.disable_secrets_engine(other)


def test_secrets_engine_keeps_its_signing_key_until_it_is_given_another(
    engine: Engine, vault_server: VaultServer, backend: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vault, "health", lambda self: {"enterprise": True})
    own, inputs = f"key-{uuid4().hex[:8]}", {"path": backend.id}

    def key() -> str:
        return str(read(vault_server, f"sys/mounts/{backend.id}/tune").get("identity_token_key"))

    vault_server.client.write(f"identity/oidc/key/{own}", allowed_client_ids="*")
    signed = engine.update(backend, {**inputs, "identityTokenKey": own})
    assert key() == own
    left = engine.update(signed, inputs)
    assert (left.steps, key()) == (["update"], own)
    engine.update(left, {**inputs, "identityTokenKey": "default"})
    assert key() == "default"
    vault_server.client.delete(f"identity/oidc/key/{own}")


def test_secrets_engine_s_role_lives(engine: Engine, vault_server: VaultServer, backend: Deployed) -> None:
    inputs: dict[str, Any] = {
        "backend": backend.id,
        "name": "my-role",
        "credentialType": "iam_user",
        "policyDocument": json.dumps(POLICY, indent=4),
        "policyArns": ["arn:aws:iam::aws:policy/B", "arn:aws:iam::aws:policy/A"],
        "permissionsBoundaryArn": BOUNDARY,
        "iamTags": {"team": "x"},
    }
    role = engine.create(ROLE, inputs)
    assert role.id == f"{backend.id}/roles/my-role"
    found = read(vault_server, role.id)
    assert json.loads(found["policy_document"]) == POLICY
    assert (found["credential_type"], found["permissions_boundary_arn"]) == ("iam_user", BOUNDARY)
    assert found["iam_tags"] == {"team": "x"}

    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs, "Vault has the document in another form, which means the same"
    compact = {**inputs, "policyDocument": json.dumps(POLICY), "policyArns": inputs["policyArns"][::-1]}
    assert engine.update(again, compact).steps == ["same"]

    other = json.dumps({**POLICY, "Statement": []})
    changed = engine.update(again, {**compact, "policyDocument": other})
    assert changed.steps == ["update"]
    assert json.loads(read(vault_server, role.id)["policy_document"])["Statement"] == []
    changed = engine.update(changed, {k: v for k, v in compact.items() if k in {*list(inputs)[:4]}})
    found = read(vault_server, role.id)
    assert (found["policy_arns"] or [], found["permissions_boundary_arn"], found["iam_tags"] or {}) == (
        [],
        "",
        {},
    )

    vault_server.client.write(role.id, credential_type="iam_user", policy_document=other)
    drifted = engine.refresh(changed)
    assert drifted
    assert engine.diff(drifted, changed.inputs).kinds == {"policyDocument": "UPDATE"}
    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_secrets_engine_s_role_of_another_kind_lives(engine: Engine, backend: Deployed) -> None:
    inputs = {
        "backend": backend.id,
        "name": "assumed",
        "credentialType": "assumed_role",
        "roleArns": [ENGINE_ROLE],
        "defaultStsTtl": 900,
        "sessionTags": {"team": "x"},
    }
    role = engine.create(ROLE, inputs)
    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs
    assert engine.diff(role, {**role.inputs, "roleArns": [BOUNDARY]}).replaces == ["roleArns"]
    assert engine.diff(role, {**role.inputs, "name": "other"}).replaces == ["name"]


def test_secrets_engine_s_role_that_gives_nothing_is_refused(engine: Engine, backend: Deployed) -> None:
    with pytest.raises(Refused, match="at least one of policyDocument, policyArns, roleArns or iamGroups"):
        engine.create(ROLE, {"backend": backend.id, "name": "r", "credentialType": "iam_user"})


def test_issuer_lives(engine: Engine, vault_server: VaultServer) -> None:
    oidc = engine.create(OIDC, {"issuer": "https://vault.example.com"})
    assert oidc.id == vault_server.address
    assert read(vault_server, "identity/oidc/config")["issuer"] == "https://vault.example.com"
    again = engine.refresh(oidc)
    assert again
    assert again.inputs == oidc.inputs
    changed = engine.update(again, {"issuer": "https://vault2.example.com"})
    assert changed.steps == ["update"]
    assert read(vault_server, "identity/oidc/config")["issuer"] == "https://vault2.example.com"
    engine.delete(changed)
    assert read(vault_server, "identity/oidc/config")["issuer"] == ""
    assert engine.refresh(changed) is None


def test_issuer_with_a_path_is_refused_by_vault(engine: Engine) -> None:
    with pytest.raises(Refused, match="must include only a scheme, host, and optional port"):
        engine.create(OIDC, {"issuer": "https://vault.example.com/path"})


def test_signing_key_lives(engine: Engine, vault_server: VaultServer) -> None:
    name = f"plugins-{uuid4().hex[:8]}"
    inputs = {"name": name, "allowedClientIds": ["b", "a"], "rotationPeriod": 3600, "verificationTtl": 7200}
    key = engine.create(KEY, inputs)
    assert key.id == name
    found = read(vault_server, f"identity/oidc/key/{name}")
    assert (found["rotation_period"], found["algorithm"]) == (3600, "RS256")
    again = engine.refresh(key)
    assert again
    assert again.inputs == key.inputs
    assert engine.update(again, {**inputs, "allowedClientIds": ["a", "b"]}).steps == ["same"]
    changed = engine.update(again, {**inputs, "allowedClientIds": ["*"]})
    assert changed.steps == ["update"]
    assert read(vault_server, f"identity/oidc/key/{name}")["allowed_client_ids"] == ["*"]
    assert engine.diff(changed, {**inputs, "name": "other"}).replaces == ["name"]
    engine.delete(changed)
    assert engine.refresh(changed) is None
    engine.delete(changed)


def test_signing_key_without_a_name_is_named_after_the_resource(engine: Engine) -> None:
    key = engine.create(KEY, {}, name="key")
    assert key.id.startswith("key-")
    engine.delete(key)


def test_every_field_is_one_that_vault_has(engine: Engine, backend: Deployed) -> None:
    mount = PLUGIN.resources["vault:index/mount:Mount"].inputs
    assert PLUGIN.resources[BACKEND].inputs - mount - backend.values.keys() == {"secretKey"}
    of_user = {
        "credentialType": "iam_user",
        "policyArns": [BOUNDARY],
        "iamGroups": ["g"],
        "iamTags": {"a": "1"},
    }
    assumed = {"credentialType": "assumed_role", "roleArns": [ENGINE_ROLE], "sessionTags": {"a": "1"}}
    told = {
        name
        for kind in (of_user, assumed)
        for name in engine.create(ROLE, {"backend": backend.id, "name": "r", **kind}).values
    }
    assert PLUGIN.resources[ROLE].inputs - told == {"namespace"}
