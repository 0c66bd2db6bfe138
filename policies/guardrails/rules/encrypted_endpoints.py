"""Vault and AWS are reached by TLS, and at hosts that are what they look like."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .endpoints import SERVICES, Of, fault
from .values import UNKNOWN, is_true, listed

VAULT = "pulumi:providers:vault"
ADDRESS = "address"
FIELDS = (ADDRESS, "stsEndpoint", "iamEndpoint", "ec2Endpoint", "stsFallbackEndpoints")
JWKS = "jwksUrl"
ISSUERS = ("oidcDiscoveryUrl", JWKS, "kubernetesHost", "baseUrl", "allowedRedirectUris")
"""Who is asked whether a login's token is right, and who gets the code for one."""

LDAP = "url"
KUBECONFIG = "kubeconfig"
_ENDPOINTS = "endpoints."
SWITCHES = {
    "skipTlsVerify": "any server can pass for this Vault",
    "insecure": "any server can pass for AWS",
    "insecureTls": "any server can pass for this directory",
}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for field, endpoint in _endpoints(resource):
        if endpoint is UNKNOWN or not endpoint or endpoint in settings["allowed"]:
            continue
        if what := fault(str(endpoint), _of(field)):
            yield f"{field}: {endpoint} {what}"
    for switch, what in SWITCHES.items():
        if is_true(resource.get(switch)):
            yield f"{switch}: is on, so {what}"
    yield from _directories(resource, settings["allowed"])
    yield from _clusters(resource.get(KUBECONFIG))


def _of(field: str) -> Of:
    if field == ADDRESS:
        return Of.ANY
    return Of.SERVICES if field in FIELDS or field.removeprefix(_ENDPOINTS) in SERVICES else Of.AWS


def _directories(resource: Resource, allowed: list[str]) -> Iterator[str]:
    """LDAP without TLS: a login's password is readable, and who answers says which groups it is in."""
    given = resource.get(LDAP)
    if not isinstance(given, str) or is_true(resource.get("starttls")) or resource.get("starttls") is UNKNOWN:
        return
    for url in (each.strip() for each in given.split(",")):
        if url.lower().startswith("ldap://") and url not in allowed:
            yield f"{LDAP}: {url} does not use TLS; write ldaps:// or set starttls"


def _endpoints(resource: Resource) -> Iterator[tuple[str, Any]]:
    for field in (*FIELDS, *ISSUERS):
        yield from ((field, value) for value in listed(resource.get(field)))
    for pair in listed(resource.get("jwksPairs")):
        if isinstance(pair, dict):
            yield from ((JWKS, pair.get(key)) for key in ("jwks_url", JWKS))
    given = resource.get("endpoints")
    if isinstance(given, str):  # a provider's inputs are JSON
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError("endpoints: is not JSON") from None
    for each in listed(given):
        if isinstance(each, dict):
            yield from ((f"{_ENDPOINTS}{service}", endpoint) for service, endpoint in each.items())


def _clusters(kubeconfig: Any) -> Iterator[str]:
    """Of a kubeconfig, which is YAML or JSON. It is not shown: it may hold a credential."""
    if not isinstance(kubeconfig, str):
        return
    if re.search(r"insecure-skip-tls-verify[\"']?\s*:\s*[\"']?(?i:true|yes|on)\b", kubeconfig):
        yield f"{KUBECONFIG}: insecure-skip-tls-verify is on, so any server can pass for this cluster"
    for server in re.findall(r"\bserver[\"']?\s*:\s*[\"']?([^\s\"',}]+)", kubeconfig):
        if what := fault(server, Of.AWS):
            yield f"{KUBECONFIG}: {server} {what}"


RULE = Rule(
    name="encrypted-endpoints",
    topic=Topic.VAULT,
    requires="Vault, AWS, the cluster and what an auth method asks about its callers are reached by TLS that "
    "is verified, and no endpoint only looks like AWS's",
    why="who can answer for Vault gets its tokens; who can answer for STS or IAM says who logs in.",
    fix="write https:// and the host of the service or of your own endpoint, without a dot at its end. Only "
    "loopback addresses may use http. List another endpoint that the stack needs under `allowed` in its "
    "configuration of this rule, as written here.",
    types=(
        VAULT,
        "pulumi:providers:aws",
        "pulumi:providers:kubernetes",
        "vault:aws/authBackendClient:AuthBackendClient",
        "vault:aws/secretBackend:SecretBackend",
        "vault:kubernetes/authBackendConfig:AuthBackendConfig",
        "vault:jwt/authBackendRole:AuthBackendRole",
        *(f"vault:{method}/authBackend:AuthBackend" for method in ("github", "jwt", "ldap")),
        "vault:index/kerberosAuthBackendLdapConfig:KerberosAuthBackendLdapConfig",
    ),
    check=check,
    settings={
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "The endpoints that this stack may use all the same.",
        }
    },
)
