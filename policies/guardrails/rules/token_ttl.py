"""A Vault token expires."""

import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = r"(?:\d+[dhms])+"

DURATION = {"type": "string", "pattern": f"^{_DURATION}$"}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    limit = settings["roles"].get(resource.get("role") or resource.get("roleName"), settings["limit"])
    period, longest = resource.get("tokenPeriod"), resource.get("tokenMaxTtl")
    if period not in (None, UNKNOWN) and int(period) > 0:
        yield f"tokenPeriod: is {hours(period)}, so the token can be renewed forever"
    if longest is UNKNOWN:
        return
    if not longest:
        yield f"tokenMaxTtl: is not set, so Vault's default of 768h applies; the limit here is {limit}"
    elif int(longest) > seconds(limit):
        yield f"tokenMaxTtl: is {hours(longest)}, but the limit here is {limit}"


def seconds(duration: str) -> int:
    """`15m`, `1h30m`, `30d` in seconds. Raises ValueError for anything else."""
    if not re.fullmatch(_DURATION, duration, re.ASCII):
        raise ValueError(
            f"the stack's configuration of this rule: {duration!r} is not a duration like 15m or 24h"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(?a)(\d+)([dhms])", duration))


def hours(number: Any) -> str:
    """Seconds in words: `24h`, `1h30m0s`."""
    whole = int(number)
    if whole % 3600 == 0:
        return f"{whole // 3600}h"
    return f"{whole // 3600}h{whole // 60 % 60}m{whole % 60}s"


RULE = Rule(
    name="token-ttl",
    topic=Topic.VAULT,
    requires="A Vault role limits its tokens' max TTL and makes no periodic tokens",
    why="a stolen token, or one of a deleted workload, works until its max TTL ends.",
    fix="set tokenMaxTtl (in this project's settings: `maxTtl` of the login) to the limit or less, and "
    "remove tokenPeriod. To allow more, set `limit`, or `roles` for single Vault roles, in the stack's "
    "configuration of this rule.",
    types=("vault:*:AuthBackendRole",),
    check=check,
    settings={
        "limit": {**DURATION, "default": "24h", "description": "Longest max TTL, e.g. 15m, 24h, 30d."},
        "roles": {
            "type": "object",
            "additionalProperties": DURATION,
            "default": {},
            "description": "The limit of single Vault roles, by name.",
        },
    },
)
