"""Vault and AWS are reached by TLS, and at hosts that are what they look like."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic, list_setting
from .endpoints import SERVICES, Of, fault
from .values import UNKNOWN, is_true, listed

VAULT = "pulumi:providers:vault"
OIDC_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
VAULTS_ISSUER = "vault:identity/oidc:Oidc"

JWKS, KUBECONFIG, URL = "jwksUrl", "kubeconfig", "url"
FIELDS = {
    "address": Of.ANY,
    **dict.fromkeys(("stsEndpoint", "iamEndpoint", "ec2Endpoint", "stsFallbackEndpoints"), Of.SERVICES),
    # Who is asked whether a login's token is right, and who gets the code for one.
    **dict.fromkeys(("oidcDiscoveryUrl", JWKS, "kubernetesHost", "baseUrl", "allowedRedirectUris"), Of.AWS),
}
"""The endpoints of resources, and whose they are."""

OF_TYPE = {OIDC_PROVIDER: {URL: Of.AWS}, VAULTS_ISSUER: {"issuer": Of.ANY}}
"""Endpoints whose names mean something else elsewhere: who signs the tokens that AWS takes."""

_SERVICES = (*SERVICES, "awsStsEndpoint", "awsIamEndpoint")
"""The services that say who a caller is, as the AWS provider's endpoints and the Vault provider's login call
them."""

_SERVER = re.compile(r"(?a)\bserver[\"']?\s*:\s*[\"']?([^\s\"',}]+)")
_UNVERIFIED = re.compile(r"(?a)insecure-skip-tls-verify[\"']?\s*:\s*[\"']?(?i:true|yes|on)\b")

SWITCHES = {
    "skipTlsVerify": "any server can pass for this Vault",
    "insecure": "any server can pass for AWS",
    "insecureTls": "any server can pass for this directory",
}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for field, endpoint, of in _endpoints(resource):
        if endpoint is UNKNOWN or not endpoint or endpoint in settings["allowed"]:
            continue
        if what := fault(str(endpoint), of):
            yield f"{field}: {endpoint} {what}"
    for switch, what in SWITCHES.items():
        if is_true(resource.get(switch)):
            yield f"{switch}: is on, so {what}"
    kubeconfig = resource.get(KUBECONFIG)
    if isinstance(kubeconfig, str) and _UNVERIFIED.search(kubeconfig):
        yield f"{KUBECONFIG}: insecure-skip-tls-verify is on, so any server can pass for this cluster"
    yield from _directories(resource, settings["allowed"])


def _endpoints(resource: Resource) -> Iterator[tuple[str, Any, Of]]:
    for field, of in {**FIELDS, **OF_TYPE.get(resource.type, {})}.items():
        yield from ((field, value, of) for value in listed(resource.get(field)))
    for pair in listed(resource.get("jwksPairs")):
        if isinstance(pair, dict):
            yield from ((JWKS, pair.get(key), Of.AWS) for key in ("jwks_url", JWKS))
    for field in ("endpoints", "authLoginAws"):
        for name, value in _of_provider(resource, field):
            yield f"{field}.{name}", value, Of.SERVICES if name in _SERVICES else Of.AWS
    kubeconfig = resource.get(KUBECONFIG)  # YAML or JSON; not shown, for it may hold a credential
    servers = _SERVER.findall(kubeconfig) if isinstance(kubeconfig, str) else []
    yield from ((KUBECONFIG, server, Of.AWS) for server in servers)


def _of_provider(resource: Resource, field: str) -> Iterator[tuple[str, Any]]:
    """The endpoints in an input of a provider, which may be JSON."""
    given = resource.get(field)
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError(f"{field}: is not JSON") from None
    for each in listed(given):
        if isinstance(each, dict):
            yield from ((name, each[name]) for name in each if field == "endpoints" or name in _SERVICES)


def _directories(resource: Resource, allowed: list[str]) -> Iterator[str]:
    """LDAP without TLS: a login's password is readable, and who answers says which groups it is in."""
    given = resource.get(URL)
    if not isinstance(given, str) or is_true(resource.get("starttls")) or resource.get("starttls") is UNKNOWN:
        return
    for url in (each.strip() for each in given.split(",")):
        if url.lower().startswith("ldap://") and url not in allowed:
            yield f"{URL}: {url} does not use TLS; write ldaps:// or set starttls"


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
        *OF_TYPE,
        "vault:aws/authBackendClient:AuthBackendClient",
        "vault:aws/secretBackend:SecretBackend",
        "vault:kubernetes/authBackendConfig:AuthBackendConfig",
        "vault:jwt/authBackendRole:AuthBackendRole",
        *(f"vault:{method}/authBackend:AuthBackend" for method in ("github", "jwt", "ldap")),
        "vault:index/kerberosAuthBackendLdapConfig:KerberosAuthBackendLdapConfig",
    ),
    check=check,
    settings={"allowed": list_setting("The endpoints that this stack may use all the same.")},
)
