"""Inputs that the user did not set: names, and fields that the API adds."""

import hashlib
import os
import re
from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.plugins import diff, wire
from sandbox.plugins.resource import Resource
from sandbox.plugins.wire import UNKNOWN, Secret


def named(
    entry: Resource, name: str, old: dict[str, Any], new: dict[str, Any], request: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """The new inputs, with a name; and {input: reason} if there cannot be one."""
    if entry.autoname is None or diff.at(new, tuple(entry.autoname.split("."))) is not None:
        return new, {}
    chosen = _autoname(entry, entry.autoname, name, old, request)
    if chosen is None:
        return new, {entry.autoname: "is not set, and automatic naming is disabled"}
    return _put(new, entry.autoname.split("."), chosen), {}


def _autoname(entry: Resource, autoname: str, name: str, old: dict[str, Any], request: Any) -> str | None:
    kept = diff.at(old, tuple(autoname.split(".")))
    if isinstance(kept, str) and (entry.keeps_chosen_name or _is_generated(name, kept)):
        return kept
    options = request.autonaming if request.HasField("autonaming") else None
    if options and options.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE:
        return None
    if options and options.proposed_name:
        return str(options.proposed_name)
    seed = request.randomSeed or os.urandom(16)
    return f"{name}-{hashlib.sha256(seed).hexdigest()[:7]}"


def _put(properties: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    if isinstance(properties, Secret):
        return Secret(_put(properties.value, path, value))
    properties = properties or {}
    return {**properties, path[0]: _put(properties.get(path[0]), path[1:], value)}


def delete_first(entry: Resource, name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether to delete before replacing: a name that the user chose cannot exist twice, a generated one is
    new.
    """
    if entry.delete_before_replace or entry.autoname is None:
        return entry.delete_before_replace
    path = tuple(entry.autoname.split("."))
    was, now = wire.plain(diff.at(old, path)), wire.plain(diff.at(new, path))
    return was == now and not _is_generated(name, str(now))


def _is_generated(name: str, own: str) -> bool:
    """Whether a name may be one of `_autoname` for the resource `name`."""
    return re.fullmatch(re.escape(name) + "-[0-9a-f]{7}", own) is not None


def added(entry: Resource, inputs: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Object inputs with the fields that the API adds: as before, or unknown."""
    result = {}
    for key, names in entry.adds.items():
        value, was = wire.plain(inputs.get(key)), wire.plain((old or {}).get(key))
        if isinstance(value, dict):
            before = was if isinstance(was, dict) else {}
            result[key] = {**{name: before.get(name, UNKNOWN) for name in names}, **value}
    return result
