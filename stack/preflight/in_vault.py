"""What is in Vault: mounts, the config of the AWS auth method, roles, policies, keys."""

import json
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components import names
from components.vault_auth import NOTED_BY_DEFAULT
from stack.edition import trusts_any_certificate
from stack.preflight.found import Findings
from stack.preflight.objects import Made
from stack.preflight.web import Answer, Server, Unreachable


class UnknownToken(Exception):
    """Vault does not know the token."""


_TABLES = {"auth mount": "/v1/sys/auth", "secrets engine": "/v1/sys/mounts"}

_LISTS: Mapping[str, Callable[[str], str]] = {
    "Vault policy": lambda _: "/v1/sys/policies/acl",
    "Vault role": lambda mount: f"/v1/auth/{mount}/role",
    "secrets engine role": lambda mount: f"/v1/{mount}/roles",
}
"""Where names are listed, by the mount that they are below."""

_PATHS: Mapping[str, Callable[[str, str], str]] = {
    "client config": lambda mount, _: f"/v1/auth/{mount}/config/client",
    "identity config": lambda mount, _: f"/v1/auth/{mount}/config/identity",
    "STS role": lambda mount, account: f"/v1/auth/{mount}/config/sts/{account}",
    "Vault role": lambda mount, role: f"/v1/auth/{mount}/role/{role}",
    "secrets engine role": lambda mount, role: f"/v1/{mount}/roles/{role}",
    "Vault policy": lambda _, policy: f"/v1/sys/policies/acl/{policy}",
    "identity issuer": lambda _mount, _name: "/v1/identity/oidc/config",
    "signing key": lambda _, key: f"/v1/identity/oidc/key/{key}",
    "Vault namespace": lambda _mount, _name: "/v1/sys/auth",  # every namespace has that
}
"""Where a thing is, by the mount that it is below and its own name."""

_VAULTS_ALIAS = "role_id"
_VAULTS_METADATA = {"account_id", "auth_type"}

_BELOW_MOUNT = ("STS role", "Vault role", "secrets engine role")
_ALONE = ("client config", "identity config", "Vault namespace")


def look(
    address: str, namespace: str, wanted: Iterable[Made], identity_alias: str = _VAULTS_ALIAS
) -> Findings:
    """Looks the things up, with the token that the vault provider has, from the environment.

    `identity_alias` is the one that the stack would write. Raises UnknownToken.
    """
    findings, wanted = Findings(), list(wanted)
    if not wanted:
        return findings
    try:
        _look(server(address, namespace), wanted, findings, identity_alias)
    except Unreachable as error:
        for made in wanted:
            if made.thing not in findings.there:
                findings.miss(made, str(error))
    return findings


def server(address: str, namespace: str) -> Server:
    """Vault, with the token that the vault provider has, from the environment. Raises Unreachable, as each
    of its reads does, with the whole reason."""
    token = _token()
    if not token:
        raise Unreachable("there is no token, VAULT_TOKEN")
    headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
    if namespace:
        headers["X-Vault-Namespace"] = namespace
    try:
        return Server(address, headers, _tls())
    except OSError as error:
        raise Unreachable(f"{address} cannot be reached: {error}") from None


def _look(vault: Server, wanted: list[Made], findings: Findings, identity_alias: str) -> None:
    single = []
    for noun, table in _TABLES.items():
        if mounts := [made for made in wanted if made.thing.noun == noun]:
            _in_table(vault.get(table), mounts, findings)
    for noun, lists in _LISTS.items():
        by_list: dict[str, list[Made]] = {}
        for made in wanted:
            if made.thing.noun == noun:
                by_list.setdefault(lists(_split(made)[0]), []).append(made)
        for path, members in by_list.items():
            answer = vault.get(f"{path}?list=true") if len(members) > 1 else None
            if answer and answer.status in (200, 404):
                listed = {str(name).lower() for name in data_of(answer).get("keys") or []}
                single += [made for made in members if _split(made)[1].lower() in listed]
            else:
                single += members
    single += [made for made in wanted if made.thing.noun in _PATHS and made.thing.noun not in _LISTS]
    paths = {made: quote(_PATHS[made.thing.noun](*_split(made))) for made in single}
    answers = vault.get_all(dict.fromkeys(paths.values()))
    for made, path in paths.items():
        _judge(made, answers[path], findings, identity_alias)


def _split(made: Made) -> tuple[str, str]:
    """The mount that a thing is below, and its name there."""
    name = made.thing.name
    if made.thing.noun in _BELOW_MOUNT:
        mount, _, below = name.rpartition("/")
        return mount, below
    return (name, "") if made.thing.noun in _ALONE else ("", name)


def _in_table(answer: Answer, wanted: list[Made], findings: Findings) -> None:
    """Mounts: one is in the way of another at the same path, above it and below it."""
    if answer.status != 200:
        for made in wanted:
            findings.miss(made, reason(answer))
        return
    table = {path.strip("/"): mount for path, mount in data_of(answer).items() if isinstance(mount, Mapping)}
    for made in wanted:
        own = made.thing.name
        for path, mount in table.items():
            if path == own or {*names.nested([path, own])}:
                where = "" if path == own else f"{path}, in whose way it would be: "
                words = [f"type {mount.get('type')}", f"accessor {mount.get('accessor')}"]
                if about := mount.get("description"):
                    words.append(f"described as {json.dumps(about, ensure_ascii=False)}")
                findings.there[made.thing] = where + ", ".join(words)


def _judge(made: Made, answer: Answer, findings: Findings, identity_alias: str) -> None:
    if answer.status == 200:
        data = data_of(answer)
        if _is_written(made.thing.noun, data, identity_alias):
            findings.there[made.thing] = _seen(made.thing.noun, data)
    elif answer.status in (404, 405):  # neither the thing nor what it would be below
        findings.absent.add(made.thing)
    else:
        findings.miss(made, reason(answer))


def _is_written(noun: str, data: Mapping[str, Any], identity_alias: str) -> bool:
    """Whether it is more than what every Vault, and every mount, has from the beginning; of an identity
    config, which nothing deletes, also more than what the stack would write, and may have written."""
    if noun == "identity issuer":
        return bool(data.get("issuer"))
    if noun == "identity config":
        alias, metadata = data.get("iam_alias") or _VAULTS_ALIAS, set(data.get("iam_metadata") or [])
        ours = alias == identity_alias and metadata == {noted.value for noted in NOTED_BY_DEFAULT}
        return not ours and (alias != _VAULTS_ALIAS or not metadata <= {*_VAULTS_METADATA, "default"})
    return True


def _seen(noun: str, data: Mapping[str, Any]) -> str:
    """What tells its owner to whom it is: nothing that is secret."""
    if noun == "Vault role":
        bound = [str(it) for field, value in data.items() if field.startswith("bound_") for it in value or []]
        policies = data.get("token_policies") or data.get("policies") or []
        parts = [f"binds {', '.join(sorted(bound)[:3])}"] if bound else []
        return "; ".join([*parts, *([f"gives {', '.join(policies)}"] if policies else [])])
    fields = {
        "client config": ("access_key", "role_arn", "iam_server_id_header_value", "sts_endpoint"),
        "STS role": ("sts_role",),
        "identity issuer": ("issuer",),
        "identity config": ("iam_alias",),
        "secrets engine role": ("credential_type",),
    }.get(noun, ())
    return ", ".join(f"{field} {data[field]}" for field in fields if data.get(field))


def data_of(answer: Answer) -> Mapping[str, Any]:
    """What an answer says; empty where it says nothing."""
    data = answer.body.get("data") if isinstance(answer.body, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def reason(answer: Answer) -> str:
    """Why an answer says nothing. Raises UnknownToken."""
    errors = answer.body.get("errors") if isinstance(answer.body, Mapping) else None
    if answer.status == 403:
        if "invalid token" in str(errors):  # and not one that may do less
            raise UnknownToken
        return "the token may not read it"
    return f"Vault answered {answer.status}{': ' + '; '.join(map(str, errors)) if errors else ''}"


def _token() -> str:
    if token := os.environ.get("VAULT_TOKEN"):
        return token
    try:
        return (Path.home() / ".vault-token").read_text().strip()
    except (OSError, RuntimeError):
        return ""


def _tls() -> ssl.SSLContext:
    """As Vault's own tools and the provider have it, from the environment."""
    if trusts_any_certificate():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        file, folder = os.environ.get("VAULT_CACERT"), os.environ.get("VAULT_CAPATH")
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    if certificate := os.environ.get("VAULT_CLIENT_CERT"):
        context.load_cert_chain(certificate, os.environ.get("VAULT_CLIENT_KEY"))
    return context
