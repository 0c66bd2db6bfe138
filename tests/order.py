"""Which tests run in one worker, and which groups of them start first.

A group shares what is slow to make: a sandbox, a stack in it, servers. Within a group, and of groups, any
order is right; this one lets all workers end at about the same time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent

SERVERS = ("emulator", "plugins")
"""Folders whose tests share servers, one of each for a worker."""

LONGEST = (
    "shared sandbox",
    "component package",
    "plugins",
    "checks",  # in a fresh checkout; seconds later on
    "enterprise",
    "emulator",
    "pipeline",
    "pipeline of this project",
    "test_changes_of_settings",
    "test_failures",
    "test_down",
    "test_examples",
    "test_split",
    "test_many_clusters",
    "test_existing_cluster",
    "test_preflight",
    "test_drills",
    "traps",
    "example of cross-account",
    "platform and teams",
    "vault's identity",
    "test_adopt",
    "test_existing_mounts",
    "test_who_can_log_in",
    "test_upgrade",
    "test_guardrails",
    "test_identity_switch",
    "example of vault-access-operator",
    "example of gloo",
)
"""Groups, and modules for tests without one, by what they took when they were last measured, the longest
first: from three minutes to half a minute. Then comes what else needs a sandbox, then all the rest."""


def mark(item: pytest.Item) -> None:
    """Puts a test into its group, unless it names one or brings all that it needs."""
    if item.get_closest_marker("xdist_group"):
        return
    used = getattr(item, "fixturenames", ())
    folder, *rest = item.path.relative_to(TESTS).parts
    if "sandbox" in used:
        item.add_marker(pytest.mark.xdist_group("shared sandbox"))
    elif "example" in used:
        item.add_marker(pytest.mark.xdist_group(f"example of {item.module.EXAMPLE}"))  # type: ignore[attr-defined]
    elif folder in SERVERS:
        item.add_marker(pytest.mark.xdist_group(folder))
    elif folder != "sandbox":
        item.add_marker(pytest.mark.xdist_group("/".join([folder, *rest])))


def arrange(items: list[pytest.Item]) -> None:
    """Sorts tests in place: groups by what they take; those of a group, a module and a class stay together.

    Where that leaves a choice, modules, classes and tests come in the order that they had.
    """
    first: dict[object, int] = {}
    for number, item in enumerate(items):
        for owner in (item.path, (item.path, item.parent)):
            first.setdefault(owner, number)

    def key(item: pytest.Item) -> tuple[object, ...]:
        marker = item.get_closest_marker("xdist_group")
        group = str(marker.args[0]) if marker else ""
        known = group or item.path.stem
        place = LONGEST.index(known) if known in LONGEST else len(LONGEST)
        apart = item.path.parent.name != "sandbox"
        return place, apart, group, first[item.path], first[item.path, item.parent]

    items.sort(key=key)
