"""Where a report comes from: the stack, the revision that was deployed last, and dates."""

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import pulumi


@dataclass(frozen=True)
class Origin:
    """What a report is about, for people who read it later. What is not known is empty."""

    stack: str
    """Name of the stack, or the file that its outputs were read from."""
    revision: str
    """The commit that was deployed last, as Pulumi noted it."""
    modified: bool
    """Whether it was deployed with changes that were not committed."""
    deployed: str
    """When that was: `2026-11-27 17:33 UTC`."""
    date: str
    """When the report was made."""


def of_file(name: str) -> Origin:
    """Of outputs from a file, which do not say when they were deployed."""
    return Origin("outputs on standard input" if name == "-" else name, "", False, "", now())


def of_stack(project: Path, stack: str | None) -> Origin:
    """Of a stack: its name, and its last update. Where `pulumi` does not tell, these stay empty."""
    name = stack or os.environ.get("PULUMI_STACK") or _told(project, None, "stack", "--show-name").strip()
    try:
        updates = json.loads(_told(project, stack, "stack", "history", "--json", "--page-size", "20"))
    except ValueError:
        updates = []
    for update in updates or ():
        if update.get("kind") == "update" and update.get("result") == "succeeded":
            return _deployed(name, update)
    return Origin(name, "", False, "", now())


def _deployed(name: str, update: dict[str, Any]) -> Origin:
    noted = update.get("environment") or {}
    return Origin(
        name,
        str(noted.get("git.head", "")),
        noted.get("git.dirty") == "true",
        minute(str(update.get("endTime") or "")),
        now(),
    )


def now() -> str:
    """The time, in UTC, to the minute."""
    return _written(datetime.now(timezone.utc))


def minute(stamp: str) -> str:
    """A time as Pulumi and git write it, in UTC, to the minute; empty if it is none."""
    try:
        return _written(datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(timezone.utc))
    except ValueError:
        return ""


def _written(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")


def _told(project: Path, stack: str | None, *words: str) -> str:
    """What the command says; nothing if it fails, for a report does without."""
    try:
        done = pulumi.run(project, stack, *words)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout
