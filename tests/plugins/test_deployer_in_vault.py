"""The deployer's policy in Vault: with it everything comes and goes, and without a capability it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import hvac
import pytest

from sandbox.plugins.vault import PLUGIN
from stack.deployer import in_vault
from stack.deployer.in_vault import Policy, Rule
from stack.deployer.program import Declared, Place, Program
from stack.preflight.in_vault import look
from stack.preflight.objects import TYPES, Made
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Deployed, Engine, Refused, engine_for

PLACE = Place("us-east-1", "111111111111", "", "vault-aws-auth", "dev", frozenset())
ROLE = {"backend": "own", "authType": "iam", "resolveAwsUniqueIds": False}
BOUND = {"boundIamPrincipalArns": ["arn:aws:iam::111111111111:role/app"]}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
OF_ENGINE = {"backend": "aws-engine", "credentialType": "iam_user", "policyDocument": DOCUMENT}

DECLARED: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("vault:index/authBackend:AuthBackend", {"type": "aws", "path": "own"}, {"description": "changed"}),
    (
        "vault:aws/authBackendClient:AuthBackendClient",
        {"backend": "own", "accessKey": "AKIA", "secretKey": "first"},
        {"iamServerIdHeaderValue": "vault.example.com"},
    ),
    (
        "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity",
        {"backend": "own", "iamAlias": "role_id"},
        {"iamAlias": "unique_id"},
    ),
    (
        "vault:aws/authBackendStsRole:AuthBackendStsRole",
        {"backend": "own", "accountId": "222222222222", "stsRole": "arn:aws:iam::222222222222:role/a"},
        {"stsRole": "arn:aws:iam::222222222222:role/b"},
    ),
    ("vault:aws/authBackendRole:AuthBackendRole", {**ROLE, **BOUND, "role": "one"}, {"tokenTtl": 60}),
    ("vault:aws/authBackendRole:AuthBackendRole", {**ROLE, **BOUND, "role": "two"}, {"tokenTtl": 60}),
    (
        "vault:generic/endpoint:Endpoint",
        {"path": "own-kv/data/app", "dataJson": '{"data": {"a": "1"}}', "disableRead": True},
        {"dataJson": '{"data": {"a": "2"}}'},
    ),
    ("vault:index/policy:Policy", {"name": "own-one", "policy": "# first"}, {"policy": "# second"}),
    ("vault:index/policy:Policy", {"name": "own-two", "policy": "# first"}, {"policy": "# second"}),
    (
        "vault:aws/secretBackend:SecretBackend",
        {"path": "aws-engine", "accessKey": "AKIA", "secretKey": "first"},
        {"region": "us-west-2"},
    ),
    ("vault:aws/secretBackendRole:SecretBackendRole", {**OF_ENGINE, "name": "one"}, {"userPath": "/a/"}),
    ("vault:aws/secretBackendRole:SecretBackendRole", {**OF_ENGINE, "name": "two"}, {"userPath": "/a/"}),
    ("vault:identity/oidc:Oidc", {"issuer": "https://a.example.com"}, {"issuer": "https://b.example.com"}),
    ("vault:identity/oidcKey:OidcKey", {"name": "own"}, {"rotationPeriod": 43200}),
)
KV = ("vault:index/mount:Mount", {"path": "own-kv", "type": "kv", "options": {"version": "2"}})
ALL = ((*KV, {"description": "changed"}), *DECLARED)
POLICY = in_vault.policy(
    Program(
        PLACE, tuple(Declared(kind, f"it-{number}", inputs) for number, (kind, inputs, _) in enumerate(ALL))
    )
)

OFFICIAL = {
    # terraform-provider-vault: vault/resource_mount.go reads what it has tuned; internal/provider/meta.go
    # looks its token up and makes a child of it.
    ("sys/mounts/own/tune", "read"),
    ("sys/mounts/own-kv/tune", "read"),
    ("sys/mounts/aws-engine/tune", "read"),
    ("sys/mounts/auth/own/tune", "read"),
}


@dataclass
class World:
    """A deployer in Vault."""

    engine: Engine
    server: VaultServer
    token: str
    permit: Callable[..., None]

    def up_and_down(self, patch: pytest.MonkeyPatch) -> None:
        """Looks what is there, makes everything, changes and reads it, and deletes it."""
        self.look(patch)
        made: list[Deployed] = []
        for number, (kind, inputs, more) in enumerate(ALL):
            made.append(self.engine.create(kind, inputs, f"it-{number}"))
            made[-1] = self.engine.update(made[-1], {**inputs, **more})
            assert made[-1].steps == ["update"]
            assert self.engine.refresh(made[-1])
        for each in reversed(made):
            self.engine.delete(each)

    def look(self, patch: pytest.MonkeyPatch) -> None:
        """The look at what is there already."""
        patch.setenv("VAULT_TOKEN", self.token)
        found = [TYPES[kind](inputs) for kind, inputs, _ in ALL if kind in TYPES]
        seen = look(self.server.address, "", [Made(it, "a key") for it in found if it])
        assert not seen.unseen, seen.unseen

    def clear(self) -> None:
        """Deletes what a refusal has left, as the administrator."""
        vault = self.server.client
        for path in ("sys/auth/own", "sys/mounts/own-kv", "sys/mounts/aws-engine", "identity/oidc/key/own"):
            with suppress(hvac.exceptions.VaultError):
                vault.delete(path)
        for name in ("own-one", "own-two"):
            vault.sys.delete_policy(name)
        vault.write("identity/oidc/config", issuer="")


@pytest.fixture(scope="module")
def world(vault_server: VaultServer) -> Iterator[World]:
    vault = vault_server.client

    def permit(policy: Policy, reading: bool = False) -> None:
        vault.sys.create_or_update_policy("the-deployer", policy.text("of the test", reading))

    permit(POLICY)
    made = vault.auth.token.create(policies=["the-deployer"], no_default_policy=True, ttl="1h")
    token = made["auth"]["client_token"]
    config = {"address": vault_server.address, "token": token}
    with engine_for(PLUGIN, config) as engine:
        yield World(engine, vault_server, token, permit)
    vault.sys.delete_policy("the-deployer")


def test_with_this_policy_everything_comes_and_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.permit(POLICY)
    world.up_and_down(monkeypatch)


@pytest.mark.parametrize(
    ("path", "capability"),
    [
        (rule.path, capability)
        for rule in POLICY.rules
        for capability in sorted(rule.capabilities)
        if (rule.path, capability) not in OFFICIAL
    ],
)
def test_without_a_capability_something_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str, capability: str
) -> None:
    less = [
        Rule(rule.path, rule.capabilities - {capability}) if rule.path == path else rule
        for rule in POLICY.rules
    ]
    world.permit(POLICY._replace(rules=tuple(less)))
    with pytest.raises((Refused, AssertionError), match=r"permission denied|may not read"):
        world.up_and_down(monkeypatch)
    world.clear()


def test_a_refresh_needs_what_reading_has_and_cannot_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.permit(POLICY)
    made = [world.engine.create(kind, inputs, f"it-{number}") for number, (kind, inputs, _) in enumerate(ALL)]
    world.permit(POLICY, reading=True)
    world.look(monkeypatch)
    for each, (_, inputs, more) in zip(made, ALL, strict=True):
        assert world.engine.refresh(each)
        with pytest.raises(Refused, match="permission denied"):
            world.engine.update(each, {**inputs, **more})
    world.clear()


def test_the_token_needs_sudo_for_its_auth_mount_alone() -> None:
    assert [rule.path for rule in POLICY.rules if "sudo" in rule.capabilities] == ["sys/auth/own"]


def test_every_type_that_a_stack_declares_is_tried() -> None:
    tried = {kind for kind, _, _ in ALL} | {"pulumi:providers:vault"}
    assert tried == {*in_vault.TYPES}
