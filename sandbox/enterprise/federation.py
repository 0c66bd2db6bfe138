"""A mount's AWS configuration: the fields of Enterprise, and what the real Vault gets instead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIELDS = ("role_arn", "identity_token_audience", "identity_token_ttl")
_AUTH_ENDPOINTS = ("endpoint", "iam_endpoint", "sts_endpoint")
_ENGINE_ENDPOINTS = ("iam_endpoint", "sts_endpoint")
_UNITS = {"h": 3600, "m": 60, "s": 1, "": 1}


class Refused(Exception):
    """A request that Vault Enterprise refuses."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Change:
    """A write to `config/client` or `config/root`, and the configuration after it."""

    written: Mapping[str, Any]
    given: dict[str, Any]
    """Federation fields and endpoints, as readers get them."""
    federated: bool
    was_federated: bool

    def for_vault(self, mount: str, endpoint: str, access_key: str, secret_key: str) -> dict[str, Any]:
        """What the real Vault gets: the stand-in's key for the mount, and its endpoint."""
        body = {name: value for name, value in self.written.items() if name not in FIELDS}
        endpoints = _AUTH_ENDPOINTS if mount.startswith("auth/") else _ENGINE_ENDPOINTS
        if self.federated:
            body |= dict.fromkeys(endpoints, endpoint)
            return body | {"access_key": access_key, "secret_key": secret_key}
        if self.was_federated:  # remove all of the stand-in's values
            body = {name: self.given.get(name, "") for name in endpoints} | body
            body = {"access_key": "", "secret_key": ""} | body
        return body


def change(given: Mapping[str, Any], known: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> Change:
    """The effect of a write; raises Refused if Enterprise would.

    `stored` is the real Vault's configuration.
    """
    before = dict(known["given"]) if known else {}
    kept = (*FIELDS, *_AUTH_ENDPOINTS)
    after = {**before, **{name: value for name, value in given.items() if name in kept}}
    after["identity_token_ttl"] = _seconds(after.get("identity_token_ttl") or 0)
    audience = after.get("identity_token_audience")
    access_key = given.get("access_key", "" if known else stored.get("access_key", ""))
    if audience and access_key:
        raise Refused("only one of 'access_key' or 'identity_token_audience' can be set")
    if audience and not after.get("role_arn"):
        raise Refused("role_arn must be set when identity_token_audience is set")
    return Change(given, after, bool(audience), known is not None)


def shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration for readers, in place of the real Vault's."""
    return {**{name: given.get(name, "") for name in FIELDS}, **given, "access_key": ""}


def _seconds(value: Any) -> int:
    """A duration as Vault accepts it: seconds, or text such as 1h30m."""
    text = str(value)
    if not re.fullmatch(r"(\d+[hms]?)+", text):
        raise Refused(f"error converting input for field 'identity_token_ttl': {text}")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms]?)", text))
