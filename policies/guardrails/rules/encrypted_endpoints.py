"""Vault and AWS are reached by TLS, and at hosts that are what they look like."""

import difflib
import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN, is_true, listed

VAULT = "pulumi:providers:vault"
ADDRESS = "address"
FIELDS = (ADDRESS, "stsEndpoint", "iamEndpoint", "ec2Endpoint", "stsFallbackEndpoints")
ISSUERS = ("oidcDiscoveryUrl", "jwksUrl", "kubernetesHost", "baseUrl")
"""Who is asked whether a login's token is right."""

LDAP = "url"
SWITCHES = {
    "skipTlsVerify": "any server can pass for this Vault",
    "insecure": "any server can pass for AWS",
    "insecureTls": "any server can pass for this directory",
}
SERVICES = ("sts", "iam", "ec2")
"""The services that say who somebody is, as the AWS provider's `endpoints` call them."""

_SUFFIX = (
    r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws|api\.amazonwebservices\.com\.cn"
    r"|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|sc2s\.sgov\.gov)"
)
_OFFICIAL = re.compile(
    rf"(?:vpce-[a-z0-9-]+\.)?(?:{'|'.join(SERVICES)})(?:-fips)?"
    rf"(?:\.[a-z]+(?:-[a-z]+)+-[0-9]|\.us-gov|\.global)?(?:\.vpce)?\.{_SUFFIX}"
)
"""A service's own host, and an interface endpoint's, `vpce-1.sts.us-east-1.vpce.amazonaws.com`."""

_AWS = ("amazonaws", "amazonwebservices")
_NEAR = 0.82
"""From this ratio on (`difflib`), a word is read for another."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for field, endpoint in _endpoints(resource):
        if endpoint is UNKNOWN or not endpoint or endpoint in settings["allowed"]:
            continue
        if fault := _fault(str(endpoint), of_aws=field not in (ADDRESS, *ISSUERS)):
            yield f"{field}: {endpoint} {fault}"
    for switch, what in SWITCHES.items():
        if is_true(resource.get(switch)):
            yield f"{switch}: is on, so {what}"
    yield from _directories(resource, settings["allowed"])


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
    given = resource.get("endpoints")
    if isinstance(given, str):  # a provider's inputs are JSON
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError("endpoints: is not JSON") from None
    for each in listed(given):
        if isinstance(each, dict):
            yield from ((f"endpoints.{service}", each.get(service)) for service in SERVICES)


def _fault(endpoint: str, *, of_aws: bool) -> str | None:
    """What is wrong with an endpoint, of AWS or of Vault."""
    given = endpoint if "://" in endpoint else f"https://{endpoint}"
    try:
        url = urlsplit(given)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "is not a URL"
    if not host or not re.fullmatch(r"[a-z0-9.:-]+", host) or re.search(r"[\s\\]", endpoint):
        return "has no host, or one with foreign characters"
    if url.username is not None or url.query or url.fragment:
        return "is more than a scheme, a host, a port and a path"
    if url.scheme != "https" and not (url.scheme == "http" and _is_local(host)):
        return "does not use TLS; write https://"
    if host.endswith(".") or ".." in host or host.startswith("."):
        return "has a dot too many, so it is not the host that it looks like"
    if of_aws and _looks_like_aws(f"{host}{url.path}") and not _OFFICIAL.fullmatch(host):
        return "looks like AWS's, and is not STS, IAM or EC2"
    return None


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _looks_like_aws(host: str) -> bool:
    """Whether a part of the host is AWS's name, or one that is read for it, as `arnazonaws` is."""
    if any(name in host.replace("-", "") for name in _AWS) or host.endswith(".aws") or "xn--" in host:
        return True
    if host.split(".")[-2:-1] in (["aws"], ["amazon"], ["awsapi"]):  # sts.us-east-1.aws.com
        return True
    return any(difflib.get_close_matches(word, _AWS, 1, _NEAR) for word in re.split(r"[./-]", host))


RULE = Rule(
    name="encrypted-endpoints",
    topic=Topic.VAULT,
    requires="Vault, STS, IAM, EC2 and what an auth method asks about its callers are reached by TLS that is "
    "verified, and no endpoint only looks like AWS's",
    why="who can answer for Vault gets its tokens; who can answer for STS or IAM says who logs in.",
    fix="write https:// and the host of the service or of your own endpoint, without a dot at its end. Only "
    "loopback addresses may use http. List another endpoint that the stack needs under `allowed` in its "
    "configuration of this rule, as written here.",
    types=(
        VAULT,
        "pulumi:providers:aws",
        "vault:aws/authBackendClient:AuthBackendClient",
        "vault:aws/secretBackend:SecretBackend",
        "vault:kubernetes/authBackendConfig:AuthBackendConfig",
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
