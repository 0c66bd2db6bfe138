"""A Vault token expires."""

import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN, is_true

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = r"(?:\d+[dhms])+"

DURATION = {"type": "string", "pattern": f"^{_DURATION}$"}


ISSUED = "vault:index/token:Token"


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    name = resource.get("role") or resource.get("roleName") or resource.get("name")
    limit = settings["roles"].get(str(name), settings["limit"])
    yield from (_of_token if resource.type == ISSUED else _of_logins)(resource, limit)


def _of_token(resource: Resource, limit: str) -> Iterator[str]:
    period, field = _given(resource, "period"), "explicitMaxTtl"
    longest = _given(resource, field)
    if period is not UNKNOWN and period > 0:
        yield f"period: is {hours(period)}, so the token can be renewed forever"
    if longest == 0 and is_true(resource.get("renewable")):
        yield f"{field}: is not set, so the token can be renewed to Vault's default of 768h"
        return
    if longest == 0:
        field, longest = "ttl", _given(resource, "ttl")
    yield from _unlimited(resource, field, longest, limit)


def _of_logins(resource: Resource, limit: str) -> Iterator[str]:
    period, ends = _given(resource, "tokenPeriod"), "tokenExplicitMaxTtl"
    end = _given(resource, ends)
    if period is not UNKNOWN and period > 0:  # Vault's max TTL does not end a periodic token
        if end is not UNKNOWN and end <= 0:
            yield f"tokenPeriod: is {hours(period)}, so the token can be renewed forever"
        else:
            yield from _too_long(ends, end, limit)
        return
    field = "tokenMaxTtl"
    longest = _given(resource, field)
    if UNKNOWN not in (end, longest) and end > 0 and (longest == 0 or end < longest):
        field, longest = ends, end
    yield from _unlimited(resource, field, longest, limit)


def _unlimited(resource: Resource, field: str, longest: Any, limit: str) -> Iterator[str]:
    if longest is UNKNOWN or longest > 0:
        yield from _too_long(field, longest, limit)
    elif resource.whole or resource.get(field) is not None:
        yield f"{field}: is not set, so Vault's default of 768h applies; the limit here is {limit}"


def _too_long(field: str, longest: Any, limit: str) -> Iterator[str]:
    if longest is not UNKNOWN and longest > seconds(limit):
        yield f"{field}: is {hours(longest)}, but the limit here is {limit}"


def _given(resource: Resource, field: str) -> Any:
    """A field in seconds: 0 if it is absent or blank, UNKNOWN if a preview cannot know it.

    Numbers may be text, with a unit or without. Raises ValueError for anything else.
    """
    value = resource.get(field)
    if value is UNKNOWN:
        return UNKNOWN
    text = "0" if value is None else str(value).strip() or "0"
    if isinstance(value, bool) or not re.fullmatch(rf"-?\d+(?:\.\d+)?|{_DURATION}", text, re.ASCII):
        raise ValueError(f"{field}: {value!r} is not a number of seconds")
    return int(float(text)) if text[-1].isdigit() else _sum(text)


def seconds(duration: str) -> int:
    """`15m`, `1h30m`, `30d` in seconds. Raises ValueError for anything else."""
    if not re.fullmatch(_DURATION, duration, re.ASCII):
        raise ValueError(
            f"the stack's configuration of this rule: {duration!r} is not a duration like 15m or 24h"
        )
    return _sum(duration)


def _sum(duration: str) -> int:
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
    requires="A Vault token, role or user limits the max TTL, and makes no periodic tokens that never end",
    why="a stolen token, or one of a deleted workload, works until its max TTL ends.",
    fix="set tokenMaxTtl (in this project's settings: `maxTtl` of the login) to the limit or less, and with "
    "tokenPeriod tokenExplicitMaxTtl. To allow more, set `limit`, or `roles` for single Vault roles, in the "
    "stack's configuration of this rule.",
    types=(
        ISSUED,
        "vault:*:AuthBackendRole",
        "vault:index/*:*AuthBackendRole",
        "vault:index/userpassAuthBackendUser:UserpassAuthBackendUser",
        "vault:index/kerberosAuthBackendLdapConfig:KerberosAuthBackendLdapConfig",
        *(f"vault:{method}/authBackend:AuthBackend" for method in ("github", "ldap", "okta", "radius")),
    ),
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
