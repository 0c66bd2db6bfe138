"""Reads Vault: the mount, what is in it, and the ACL policies that its roles name. Reads and lists only."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.auth_mount import DEFAULT_KEY

from .. import vault
from ..errors import Refused, UsageProblem
from ..outputs import VaultOutput
from .estate import Engine, Mount, Vault

LINK = "Vault"
OWN_POLICIES = ("default", "root")
"""Policies that every Vault has."""

_AT_ONCE = 8


def read(path: str, unread: list[str]) -> Vault:
    """The mount at `path`, of VAULT_ADDR and VAULT_NAMESPACE, with VAULT_TOKEN. Raises Refused.

    What may not be read beside it is added to `unread`.
    """
    address = os.environ.get("VAULT_ADDR", "")
    if not address or not vault.own_token():
        raise UsageProblem("set VAULT_ADDR and VAULT_TOKEN: adopt reads Vault with that token")
    where = VaultOutput(
        address=address,
        namespace=os.environ.get("VAULT_NAMESPACE") or None,
        mount_path=path,
        sts_endpoint="",
        sts_region="",
    )
    mounts = {
        key.strip("/"): it for key, it in (_get(where, "sys/auth") or {}).items() if isinstance(it, dict)
    }
    if path not in mounts or mounts[path].get("type") != "aws":
        kind = f"of the type {mounts[path].get('type')}" if path in mounts else "not there"
        aws = [key for key, it in mounts.items() if it.get("type") == "aws"]
        raise UsageProblem(
            f"--mount {path}: auth/{path} is {kind}; mounts of the type aws: {', '.join(aws) or 'none'}"
        )
    tune = _get(where, f"sys/mounts/auth/{path}/tune") or {}  # below sys/auth it would need sudo
    names = _keys(where, f"auth/{path}/role")
    roles = _each(lambda name: _get(where, f"auth/{path}/role/{name}"), names)
    accounts = _keys(where, f"auth/{path}/config/sts")
    mount = Mount(
        path=path,
        default_ttl=int(tune.get("default_lease_ttl") or 0),
        max_ttl=int(tune.get("max_lease_ttl") or 0),
        client=_get(where, f"auth/{path}/config/client") or {},
        identity=_get(where, f"auth/{path}/config/identity") or {},
        sts=_each(lambda account: _get(where, f"auth/{path}/config/sts/{account}"), accounts),
        roles=roles,
        accessor=str(mounts[path].get("accessor") or ""),
        local=bool(mounts[path].get("local")),
        token_key=_token_key(mounts[path]),
    )
    named = sorted({name for role in roles.values() for name in policies_of(role)} - {"root"})
    found = _each(lambda name: _get(where, f"sys/policies/acl/{name}"), named)
    texts = {name: str(found[name]["policy"]) if name in found else None for name in named}
    beside = {f"auth/{key}": str(it.get("type")) for key, it in mounts.items() if key not in (path, "token")}
    engines: dict[str, dict[str, Any]] = {}
    others: list[str] = []
    of_aws: list[Engine] = []
    keys: dict[str, str] = {}
    if mount.client.get("access_key"):
        for other in [key for key, it in mounts.items() if it.get("type") == "aws" and key != path]:
            try:
                client = _get(where, f"auth/{other}/config/client") or {}
            except Refused as error:
                unread.append(f"whether auth/{other} has the access key, too: {error.reason}")
            else:
                keys |= {f"auth/{other}": str(it) for it in [client.get("access_key")] if it}
    issuer, namespace_id = "", "root"
    try:
        others = _keys(where, "sys/policies/acl")
        engines = _engines(where)
    except Refused as error:
        unread.append(f"what else there is in Vault: {error.reason}")
    for engine in [key for key, it in engines.items() if it["type"] == "aws"]:
        try:
            of_aws.append(_engine(where, engine, engines.pop(engine)))
        except Refused as error:
            unread.append(f"the AWS secrets engine {engine}: {error.reason}")
    if any(it.get("identity_token_audience") for it in (mount.client, *(each.root for each in of_aws))):
        try:
            issuer = str((_get(where, "identity/oidc/config") or {}).get("issuer") or "")
            namespace_id = _namespace_id(where)
        except Refused as error:
            unread.append(f"the issuer of identity tokens: {error.reason}")
    return Vault(
        address=address,
        namespace=where.namespace or "",
        mount=mount,
        policies=texts,
        other_policies=[name for name in others if name not in (*texts, *OWN_POLICIES)],
        other_mounts={**beside, **{key: str(it["type"]) for key, it in engines.items()}},
        engines=of_aws,
        other_keys=keys,
        issuer=issuer,
        namespace_id=namespace_id,
    )


def policies_of(role: Mapping[str, Any]) -> list[str]:
    """The ACL policies that a role names."""
    return [str(name) for name in role.get("token_policies") or role.get("policies") or []]


def _engines(where: VaultOutput) -> dict[str, dict[str, Any]]:
    """The secrets engines that a stack can use, by path."""
    mounts = _get(where, "sys/mounts") or {}
    found = {key.strip("/"): it for key, it in mounts.items() if isinstance(it, dict)}
    return {key: it for key, it in found.items() if it.get("type") in ("aws", "kv")}


def _engine(where: VaultOutput, path: str, mount: Mapping[str, Any]) -> Engine:
    names = _keys(where, f"{path}/roles")
    config = mount.get("config") or {}
    return Engine(
        path=path,
        accessor=str(mount.get("accessor") or ""),
        local=bool(mount.get("local")),
        token_key=_token_key(mount),
        default_ttl=int(config.get("default_lease_ttl") or 0),
        max_ttl=int(config.get("max_lease_ttl") or 0),
        root=_get(where, f"{path}/config/root") or {},
        lease=_get(where, f"{path}/config/lease") or {},
        roles=_each(lambda name: _get(where, f"{path}/roles/{name}"), names),
        static_roles=_keys(where, f"{path}/static-roles"),
    )


def _token_key(mount: Mapping[str, Any]) -> str:
    return str((mount.get("config") or {}).get("identity_token_key") or DEFAULT_KEY)


def _namespace_id(where: VaultOutput) -> str:
    """Which only the namespace above it knows."""
    if not where.namespace:
        return "root"
    above, _, name = where.namespace.strip("/").rpartition("/")
    parent = where.model_copy(update={"namespace": above or None})
    found = _get(parent, f"sys/namespaces/{name}") or {}
    return str(found.get("id") or "")


def _get(where: VaultOutput, path: str) -> dict[str, Any] | None:
    try:
        return vault.read(where, path, LINK)
    except Refused as error:
        needs = f"adopt reads {path.partition('?')[0]}: {error.reason}"
        raise Refused(LINK, error.by, needs, error.code, error.hint) from error


def _keys(where: VaultOutput, path: str) -> list[str]:
    return [str(key) for key in (_get(where, f"{path}?list=true") or {}).get("keys") or []]


def _each(
    read_one: Callable[[str], dict[str, Any] | None], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """What is there of each, side by side."""
    names = list(names)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {name: found for name, found in zip(names, pool.map(read_one, names), strict=True) if found}
