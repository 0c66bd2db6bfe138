"""A Vault token ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings
from .values import UNKNOWN

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = r"(?:\d+[dhms])+"

DURATION = {"type": "string", "pattern": f"^{_DURATION}$"}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    limit = settings["roles"].get(resource.get("role") or resource.get("roleName"), settings["limit"])
    period, longest = resource.get("tokenPeriod"), resource.get("tokenMaxTtl")
    if period not in (None, UNKNOWN) and int(period) > 0:
        yield f"tokenPeriod: is {hours(period)}, so the token can be renewed for ever"
    if longest is UNKNOWN:
        return
    if not longest:
        yield f"tokenMaxTtl: is not set, which is Vault's own default of 768h; the limit here is {limit}"
    elif int(longest) > seconds(limit):
        yield f"tokenMaxTtl: is {hours(longest)}, and the limit here is {limit}"


def seconds(duration: str) -> int:
    """`15m`, `1h30m`, `30d` in seconds. Raises ValueError for anything else."""
    if not re.fullmatch(_DURATION, duration, re.ASCII):
        raise ValueError(
            f"the stack's configuration of this rule: {duration!r} is not a duration like 15m or 24h"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))


def hours(number: Any) -> str:
    """Seconds as people say them: `24h`, `1h30m0s`."""
    whole = int(number)
    if whole % 3600 == 0:
        return f"{whole // 3600}h"
    return f"{whole // 3600}h{whole // 60 % 60}m{whole % 60}s"


RULE = Rule(
    name="token-ttl",
    says="A Vault token cannot be renewed past a limit",
    why="a token that is stolen, or of a workload that is gone, works until its max TTL is over.",
    mend="set tokenMaxTtl (in this project's settings `maxTtl` of the login) to the limit or less, and "
    "tokenPeriod to none. A longer limit is declared in the stack's configuration of this rule: `limit` for "
    "the stack, `roles` for single Vault roles.",
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
