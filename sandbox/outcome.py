"""What a run of the engine that failed has changed, by the stack's state before and after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def described(command: str, before: bytes, state: Path) -> str:
    """A sentence on what `pulumi COMMAND` did before it failed."""
    if command == "preview":
        return "Nothing was changed."
    try:
        was, now = _latest(before), _latest(state.read_bytes() if state.exists() else b"")
    except (ValueError, KeyError):
        return "What it changed cannot be told: the state cannot be read."
    old, new, begun = _resources(was), _resources(now), len(now.get("pending_operations") or [])
    changed = sum(old.get(urn) != new.get(urn) for urn in {*old, *new})
    if command == "destroy":
        said = f"Of {_counted(len(old))}, {len(new)} are left"
    elif changed:
        said = f"Before that, it made, changed or deleted {_counted(changed)}, and the stack's state has them"
    else:
        said = "Nothing was changed"
    return (
        f"{said}; whether {begun} more changed, which it had begun with, is unknown." if begun else f"{said}."
    )


def _counted(number: int) -> str:
    return "1 resource" if number == 1 else f"{number} resources"


def _latest(state: bytes) -> dict[str, Any]:
    return (json.loads(state)["checkpoint"].get("latest") or {}) if state else {}


def _resources(latest: Mapping[str, Any]) -> dict[str, Any]:
    """What is outside of the engine, by URN."""
    return {
        each["urn"]: [each.get("id"), each.get("inputs"), each.get("outputs")]
        for each in latest.get("resources") or []
        if each.get("custom") and not each["type"].startswith("pulumi:")
    }
