"""Vault as an OIDC issuer: issuer URL and signing keys, which also sign plugin identity tokens."""

from sandbox.plugins.resource import Inputs, Resource, State
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.vault.objects import fields, vault_object

_CONFIG = "identity/oidc/config"


def _create(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    return vault.address, _update(vault, vault.address, {}, inputs)


def _read(vault: Vault, _: str, state: State) -> State | None:
    issuer = (vault.read(_CONFIG, state.get("namespace")) or {}).get("issuer")
    return {"issuer": issuer} if issuer else None


def _update(vault: Vault, _: str, __: State, inputs: Inputs) -> State:
    issuer = inputs.get("issuer", "")
    vault.write(_CONFIG, {"issuer": issuer}, inputs.get("namespace"))
    return {"issuer": issuer}


def _delete(vault: Vault, _: str, state: State) -> None:
    # Each namespace has one, which cannot be deleted, so it is reset.
    vault.write(_CONFIG, {"issuer": ""}, state.get("namespace"))


RESOURCES = (
    Resource(
        "vault:identity/oidc:Oidc",
        "pulumi_vault.identity.Oidc",
        frozenset({"issuer", "namespace"}),
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        replace_on=frozenset({"namespace"}),
    ),
    vault_object(
        "vault:identity/oidcKey:OidcKey",
        "identity/oidc/key/{name}",
        fields("algorithm", "allowedClientIds", "rotationPeriod", "verificationTtl"),
        identifier="{name}",
        computed=frozenset({"allowedClientIds"}),
        autoname="name",
        defaults={"algorithm": "RS256", "rotationPeriod": 86400, "verificationTtl": 86400},
        unordered=frozenset({"allowedClientIds"}),
    ),
)
