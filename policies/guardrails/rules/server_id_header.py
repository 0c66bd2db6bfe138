"""A login is signed for one Vault."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings

FIELD = "iamServerIdHeaderValue"


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if not resource.get(FIELD):
        yield f"{FIELD}: is not set"


RULE = Rule(
    name="server-id-header",
    says="Vault's AWS client config demands the server-id header",
    why="without it a login's signed request that one Vault has seen can be replayed to this one.",
    mend=f"set {FIELD} (in this project's settings vault.serverIdHeader) to this Vault's own DNS name.",
    types=("vault:aws/authBackendClient:AuthBackendClient",),
    check=check,
)
