"""A login is signed for one Vault."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .values import is_filled

FIELD = "iamServerIdHeaderValue"


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if not is_filled(resource.get(FIELD)) and (resource.whole or resource.get(FIELD) is not None):
        yield f"{FIELD}: is not set"


RULE = Rule(
    name="server-id-header",
    topic=Topic.VAULT,
    requires="Vault's AWS client config requires the server-id header",
    why="without it, a signed login request sent to another Vault can be replayed to this one.",
    fix=f"set {FIELD} (in this project's settings: vault.serverIdHeader) to this Vault's own DNS name.",
    types=("vault:aws/authBackendClient:AuthBackendClient",),
    check=check,
)
