"""The stand-in for Vault Enterprise: workload identity federation in front of the sandbox's Vault.

Community Vault refuses federation. This HTTPS proxy in front of it stores the federation settings, signs the
plugin identity tokens as Enterprise would, publishes their keys through the shipped reverse proxy
(federation/Caddyfile), and exchanges the tokens at the emulated STS for the role's credentials. The real
Vault does everything else. Writes are recorded in `enterprise/writes.jsonl`.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3

from sandbox import api
from sandbox.enterprise.state import State
from sandbox.home import REPOSITORY, Home, SandboxError, write_private
from sandbox.processes import Service
from tools import build

CADDYFILE = REPOSITORY / "federation" / "Caddyfile"

FEDERATION = "federation"
NAMES = ("vault-enterprise", "issuer-proxy")
"""The processes, in start order."""

_CHOICE = "issuer.json"


def wanted(config: Mapping[str, Any]) -> bool:
    """Whether a stack file needs Vault Enterprise: something in it has kind `federation`, or it is of a
    namespace."""
    sections = (config.get(f"vault-aws-auth:{name}") for name in ("vaultIdentity", "secretsEngine"))
    federated = any(isinstance(given, Mapping) and given.get("kind") == FEDERATION for given in sections)
    return federated or bool(_namespace(config))


def choose(home: Home, config: Mapping[str, Any]) -> None:
    """Makes this sandbox run the stand-in with a stack file's namespace, and its issuer if it has one;
    refuses a second issuer."""
    federation = config.get("vault-aws-auth:federation")
    host = federation.get("issuer") if isinstance(federation, Mapping) else None
    if federation and (not isinstance(host, str) or not urlsplit(host).hostname):
        return  # the stack's own settings report it
    namespace = _namespace(config)
    stored = _chosen(home)
    own = {"issuer": str(host or "").rstrip("/"), "namespace": namespace}
    if stored.get("issuer"):
        issuing = {field: stored[field] for field in own}
        if own["issuer"] and own != issuing:
            raise SandboxError(
                f"the stack file has federation.issuer {host} and Vault namespace {namespace or '(root)'}, "
                f"but this sandbox has another issuer. {home.in_another(str(urlsplit(str(host)).hostname))}"
            )
        own = issuing
    names = sorted({*stored.get("namespaces", []), *filter(None, [namespace])})
    if {**own, "namespaces": names} != stored:
        write_private(home.enterprise / _CHOICE, json.dumps({**own, "namespaces": names}))


def _namespace(config: Mapping[str, Any]) -> str:
    vault = config.get("vault-aws-auth:vault")
    return str(vault.get("namespace") or "").strip("/") if isinstance(vault, Mapping) else ""


def _chosen(home: Home) -> dict[str, Any]:
    """The issuer and its namespace, empty without one, and all namespaces at start; empty without any."""
    file = home.enterprise / _CHOICE
    found: dict[str, Any] = home.read_json(file) if file.exists() else {}
    return found


def names(home: Home) -> list[str]:
    """The processes of this sandbox's stand-in, in start order; none where it plays no Enterprise."""
    if not home.plays_enterprise:
        return []
    return [*NAMES] if _chosen(home)["issuer"] else [NAMES[0]]


def services(home: Home) -> list[tuple[Service, str]]:
    """The stand-in and the reverse proxy of its issuer, with their addresses."""
    from sandbox import pki  # slow to import
    from sandbox.enterprise import issuer

    chosen = _chosen(home)
    own, namespace = chosen["issuer"], chosen["namespace"]
    for each in chosen["namespaces"]:
        State(home.enterprise).ensure_namespace(each)
    stand_in = Service(
        NAMES[0],
        [sys.executable, "-m", "sandbox.enterprise", "--home", str(home.root)],
        [home.ports["enterprise"], home.ports["enterprise-aws"]],
        lambda: _healthy(home),
        {"PYTHONPATH": str(REPOSITORY)},
    )
    if not own:
        return [(stand_in, home.vault_address)]
    host = str(urlsplit(own).hostname)
    pki.issue(home, "issuer", host)
    _announce(home, issuer.url(own, namespace))
    certificate = home.root / "pki" / "issuer.crt"
    address = f"https://{host}:{home.ports['issuer']}"
    prefix = f"{namespace}/" if namespace else ""
    proxy = Service(
        NAMES[1],
        [str(build.ensure("caddy")), "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)],
        [home.ports["issuer"]],
        lambda: _discovery_answers(home, host),
        {
            "ISSUER_ADDRESS": address,
            "ISSUER_BIND": "127.0.0.1",
            "ISSUER_TLS": f'tls "{certificate}" "{certificate.with_suffix(".key")}"',
            "VAULT_ADDR": home.vault_address,
            "VAULT_CACERT": str(home.ca_certificate),
            "VAULT_NAMESPACE_PATH": prefix,
            # Caddy's own data goes here.
            "XDG_DATA_HOME": str(home.enterprise / "caddy"),
            "XDG_CONFIG_HOME": str(home.enterprise / "caddy"),
        },
    )
    return [(stand_in, home.vault_address), (proxy, f"{own} on port {home.ports['issuer']}")]


def namespaces(home: Home) -> list[str]:
    """Vault's namespaces, except those at start. Only the stand-in knows them."""
    if not home.plays_enterprise:
        return []
    there = {f"{'/'.join(parts[: i + 1])}/" for parts in _parts(home) for i in range(len(parts))}
    return [path for path in State(home.enterprise).namespaces() if path not in there]


def _parts(home: Home) -> list[list[str]]:
    return [name.split("/") for name in _chosen(home)["namespaces"]]


def _announce(home: Home, name: str) -> None:
    """Writes for the emulated AWS where the issuer's host is served."""
    file = home.root / "aws" / "issuers.json"
    place = {"discovery": f"https://127.0.0.1:{home.ports['issuer']}", "ca_file": str(home.ca_certificate)}
    known = home.read_json(file)
    if known.get(name) != place:
        write_private(file, json.dumps({**known, name: place}, indent=2))


def _healthy(home: Home) -> bool:
    stand_in = api.vault(home, home.vault_address, token=False)
    answer = stand_in.request("GET", "sys/health", accepted=range(400, 600), seconds=2)
    return bool(answer.json()["enterprise"])


def _discovery_answers(home: Home, host: str) -> bool:
    from sandbox.enterprise import issuer

    namespace = _chosen(home)["namespace"]
    path = urlsplit(issuer.url("", namespace)).path + "/.well-known/openid-configuration"
    pool = urllib3.HTTPSConnectionPool(
        "127.0.0.1",
        home.ports["issuer"],
        server_hostname=host,
        assert_hostname=host,
        ca_certs=str(home.ca_certificate),
    )
    return pool.request("GET", path, headers={"Host": host}, timeout=2, retries=False).status == 200
