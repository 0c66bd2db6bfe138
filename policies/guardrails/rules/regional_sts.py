"""Vault talks to the STS of its region."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN, is_filled, is_true

CLIENT = "vault:aws/authBackendClient:AuthBackendClient"

_DNS_SUFFIXES = (
    r"amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov"
    r"|sc2s\.sgov\.gov"
)
"""Of all partitions, as in components/arns.py, which this pack cannot import: the engine runs it alone."""

_DUAL_STACK = r"api\.aws|api\.amazonwebservices\.(?:com\.cn|eu)"
_REGIONAL = re.compile(
    rf"(vpce-[a-z0-9-]+\.)?sts(?:-fips)?\.([a-z0-9-]+)(?(1)\.vpce)\.(?:{_DNS_SUFFIXES}|{_DUAL_STACK})"
)


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    endpoint, region = resource.get("stsEndpoint"), resource.get("stsRegion")
    by_client = resource.get("useStsRegionFromClient")
    if endpoint is UNKNOWN or by_client is UNKNOWN or is_true(by_client):
        return  # Vault asks the region that the client signed for
    if not is_filled(endpoint):
        if resource.type == CLIENT and (resource.whole or endpoint is not None):
            yield "stsEndpoint: is not set, so Vault uses the global one"
        return
    endpoint = str(endpoint)
    host = urlsplit(endpoint.strip() if "://" in endpoint else f"//{endpoint}").hostname
    host = (host or "").rstrip(".")
    if host == "sts.amazonaws.com":
        yield f"stsEndpoint: {endpoint} is the global one"
    regional = _REGIONAL.fullmatch(host)
    if not is_filled(region) and not is_filled(resource.get("region")):
        yield f"stsRegion: is not set, but stsEndpoint {endpoint} is"
    elif regional and region and region is not UNKNOWN and regional[2] != region:
        yield f"stsRegion: is {region}, but stsEndpoint {endpoint} is in {regional[2]}"


RULE = Rule(
    name="regional-sts",
    topic=Topic.VAULT,
    requires="Vault uses the STS endpoint of a region, or takes the region from the client",
    why="the global endpoint runs in one region: it rejects requests signed for another, and its outage "
    "stops every login.",
    fix="set stsEndpoint to https://sts.<region>.amazonaws.com or a private endpoint, and stsRegion to "
    "<region>.",
    types=(CLIENT, "vault:aws/secretBackend:SecretBackend"),
    check=check,
)
