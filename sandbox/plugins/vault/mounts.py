"""Mounts: auth methods and secrets engines.

As with the official provider, a changed path moves the mount, with all that is below it. The engine does not
know: mount and roles keep their IDs, which hold the old path, so deleting them fails or is lost. A program
that wants a new mount instead says `replace_on_changes=["path"]`.

Also as with the official provider, `identityTokenKey` is left out for a Community Vault, and stays as it was
on an auth mount or AWS engine that does not set it any more.
"""

import re
import time
from typing import Any

from hvac import exceptions

from sandbox.plugins.resource import Function, Inputs, ProviderError, Resource, State
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.vault.objects import fields, written

_TUNE = fields(
    "allowedResponseHeaders",
    "auditNonHmacRequestKeys",
    "auditNonHmacResponseKeys",
    "defaultLeaseTtl",
    "listingVisibility",
    "maxLeaseTtl",
    "passthroughRequestHeaders",
    "tokenType",
)
_NO_MOUNT = ("No auth engine at", "No secret engine mount at")
_MOVE_ATTEMPTS, _MOVE_SECONDS = 300, 0.1
_TUNE_RESET = {"defaultLeaseTtl": "system", "maxLeaseTtl": "system", "tokenType": "default-service"}

ENGINE = fields("description", "externalEntropyAccess", "local", "options", "sealWrap", "type")
ENGINE_REPLACED = frozenset({"externalEntropyAccess", "forceNoCache", "local", "namespace", "sealWrap"})
ENGINE_COMPUTED = frozenset({"defaultLeaseTtlSeconds", "maxLeaseTtlSeconds"})
ENGINE_CONFIG = fields(
    "allowedManagedKeys",
    "allowedResponseHeaders",
    "auditNonHmacRequestKeys",
    "auditNonHmacResponseKeys",
    "delegatedAuthAccessors",
    "forceNoCache",
    "identityTokenKey",
    "listingVisibility",
    "passthroughRequestHeaders",
    "pluginVersion",
    defaultLeaseTtlSeconds="default_lease_ttl",
    maxLeaseTtlSeconds="max_lease_ttl",
)


def _create_auth(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    path, namespace = str(inputs.get("path") or inputs["type"]).strip("/"), inputs.get("namespace")
    inputs = with_known_key(vault, inputs)
    config = {
        **written(fields("identityTokenKey"), {}, inputs),
        **written(_TUNE, {}, inputs.get("tune", {})),
    }
    mount = written(fields("type", "description", "local"), {}, inputs)
    vault.write(f"sys/auth/{path}", {**mount, "config": config}, namespace)
    return path, _read_auth(vault, path, inputs) or {}


def _read_auth(vault: Vault, path: str, state: State) -> State | None:
    namespace, tune = state.get("namespace"), state.get("tune")
    found = _mounted(vault, f"auth/{path}", namespace)
    if found is None:
        return None
    live = {"path": path, **{name: found[name] for name in ("accessor", "description", "local", "type")}}
    if tune:
        now = vault.read(f"sys/mounts/auth/{path}/tune", namespace) or {}
        live["tune"] = {name: _as_written(now.get(_TUNE[name]), value) for name, value in tune.items()}
    return live


def _update_auth(vault: Vault, _: str, state: State, inputs: Inputs) -> State:
    path = move(vault, "auth/", state, {"path": inputs["type"], **inputs})
    data = written(_TUNE, state.get("tune", {}), inputs.get("tune", {}), _TUNE_RESET)
    data |= written(fields("description"), state, inputs)
    data |= written(fields("identityTokenKey"), {}, with_known_key(vault, inputs))
    vault.write(f"sys/mounts/auth/{path}/tune", data, inputs.get("namespace"))
    return _read_auth(vault, path, inputs) or {}


def _delete_auth(vault: Vault, path: str, state: State) -> None:
    vault.delete(f"sys/auth/{path}", state.get("namespace"))


def _as_written(now: Any, before: Any) -> Any:
    """A duration, which Vault returns in seconds, as the text that was set if that is equal."""
    if not isinstance(before, str) or not isinstance(now, int):
        return now
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}
    parts = re.findall(r"(\d+)([dhms]?)", before)
    return before if sum(int(count) * units[unit] for count, unit in parts) == now else f"{now}s"


def move(vault: Vault, above: str, state: State, inputs: Inputs) -> str:
    """The path of the mount, which is moved there if it is another one now."""
    old, new = str(state["path"]).strip("/"), str(inputs["path"]).strip("/")
    namespace = inputs.get("namespace")
    if old != new:
        vault.write("sys/remount", {"from": f"{above}{old}", "to": f"{above}{new}"}, namespace)
        table = "sys/auth" if above else "sys/mounts"
        for _ in range(_MOVE_ATTEMPTS):
            if f"{new}/" in (vault.read(table, namespace) or {}):
                return new
            time.sleep(_MOVE_SECONDS)
        raise ProviderError(f"Vault has not moved {above}{old} to {above}{new}")
    return new


def _mounted(vault: Vault, path: str, namespace: str | None) -> dict[str, Any] | None:
    """What is mounted at a path, `auth/aws` of an auth method; read where that needs no sudo."""
    try:
        return vault.read(f"sys/mounts/{path}", namespace)
    except exceptions.InvalidRequest as error:
        if any(words in str(error) for words in _NO_MOUNT):
            return None
        raise


def with_known_key(vault: Vault, inputs: Inputs) -> Inputs:
    """The inputs without the signing key, if this Vault has none: only Enterprise does."""
    if "identityTokenKey" in inputs and not vault.health().get("enterprise"):
        return {name: value for name, value in inputs.items() if name != "identityTokenKey"}
    return inputs


def create_engine(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    """Mounts a secrets engine."""
    path = inputs["path"].strip("/")
    inputs = with_known_key(vault, inputs)
    data = {**written(ENGINE, {}, inputs), "config": written(ENGINE_CONFIG, {}, inputs)}
    vault.write(f"sys/mounts/{path}", data, inputs.get("namespace"))
    return path, read_engine(vault, path, inputs) or {}


def read_engine(vault: Vault, path: str, state: State) -> State | None:
    """The mount of a secrets engine; None if there is none."""
    found = _mounted(vault, path, state.get("namespace"))
    if found is None:
        return None
    live = {name: found.get(field) for name, field in ENGINE.items()}
    if state.get("type") == "kv-v2" and live["type"] == "kv" and live["options"] == {"version": "2"}:
        live["type"] = "kv-v2"  # an alias that Vault does not return
    live |= {name: found["config"].get(field) for name, field in ENGINE_CONFIG.items()}
    if live["identityTokenKey"] is None:  # a Community Vault: what is set stays set
        del live["identityTokenKey"]
    return {**live, "path": path, "accessor": found["accessor"]}


def update_engine(vault: Vault, _: str, state: State, inputs: Inputs) -> State:
    """Moves and tunes the mount of a secrets engine."""
    path = move(vault, "", state, inputs)
    data = written({"description": "description", **ENGINE_CONFIG}, state, with_known_key(vault, inputs))
    data |= written({"options": "options"}, {}, inputs)
    vault.write(f"sys/mounts/{path}/tune", data, inputs.get("namespace"))
    return read_engine(vault, path, inputs) or {}


def delete_engine(vault: Vault, path: str, state: State) -> None:
    """Unmounts a secrets engine, which deletes its data and revokes its leases."""
    vault.delete(f"sys/mounts/{path}", state.get("namespace"))


def _find_auth(vault: Vault, inputs: Inputs) -> dict[str, Any]:
    path = inputs["path"].strip("/")
    try:
        # Not the table of all, which fewer may read: as the official provider does it.
        found = vault.read(f"sys/auth/{path}", inputs.get("namespace")) or {}
    except exceptions.InvalidRequest as error:
        raise ProviderError(f"error reading from Vault: mount not found: {error}") from None
    live = {name: found[name] for name in ("accessor", "description", "local", "type")}
    live |= {
        "defaultLeaseTtlSeconds": found["config"]["default_lease_ttl"],
        "maxLeaseTtlSeconds": found["config"]["max_lease_ttl"],
        "listingVisibility": found["config"].get("listing_visibility", ""),
    }
    return {**live, "id": path, "path": inputs["path"]}


GET_AUTH = Function(
    "vault:index/getAuthBackend:getAuthBackend",
    "pulumi_vault.get_auth_backend",
    frozenset({"namespace", "path"}),
    _find_auth,
    required=frozenset({"path"}),
)

RESOURCES = (
    Resource(
        "vault:index/authBackend:AuthBackend",
        "pulumi_vault.AuthBackend",
        frozenset({"description", "identityTokenKey", "local", "namespace", "path", "tune", "type"}),
        create=_create_auth,
        read=_read_auth,
        update=_update_auth,
        delete=_delete_auth,
        required=frozenset({"type"}),
        replace_on=frozenset({"local", "namespace", "type"}),
        computed=frozenset({"path", "tune"}),
        unsupported=frozenset({"disableRemount"}),
    ),
    Resource(
        "vault:index/mount:Mount",
        "pulumi_vault.Mount",
        frozenset({"namespace", "path", *ENGINE, *ENGINE_CONFIG}),
        create=create_engine,
        read=read_engine,
        update=update_engine,
        delete=delete_engine,
        required=frozenset({"path", "type"}),
        replace_on=ENGINE_REPLACED | {"type"},
        unordered=frozenset({"allowedManagedKeys"}),
        computed=ENGINE_COMPUTED | {"auditNonHmacRequestKeys", "sealWrap"},
        partial=frozenset({"options"}),
    ),
)
