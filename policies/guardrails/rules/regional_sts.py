"""Vault talks to the STS of its region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from .base import Resource, Rule, Settings
from .values import UNKNOWN

CLIENT = "vault:aws/authBackendClient:AuthBackendClient"

_REGIONAL = re.compile(r"sts(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    endpoint, region = resource.get("stsEndpoint"), resource.get("stsRegion")
    if endpoint is UNKNOWN or resource.get("useStsRegionFromClient"):
        return  # from the client: a login is checked where it was signed for
    if not endpoint:
        if resource.type == CLIENT:
            yield "stsEndpoint: is not set, which is the global one"
        return
    host = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname
    if host == "sts.amazonaws.com":
        yield f"stsEndpoint: {endpoint} is the global one"
    regional = _REGIONAL.fullmatch(host or "")
    if not region and not resource.get("region"):
        yield f"stsRegion: is not set beside stsEndpoint {endpoint}"
    elif regional and region and region is not UNKNOWN and regional[1] != region:
        yield f"stsRegion: is {region}, and stsEndpoint {endpoint} is that of {regional[1]}"


RULE = Rule(
    name="regional-sts",
    says="Vault's STS endpoint is that of a region",
    why="the global endpoint is in one region alone, takes logins of nobody who signs for their own, and its "
    "outage is everybody's.",
    mend="set stsEndpoint to https://sts.<region>.amazonaws.com, or a private endpoint, and stsRegion to "
    "<region>.",
    types=(CLIENT, "vault:aws/secretBackend:SecretBackend"),
    check=check,
)
