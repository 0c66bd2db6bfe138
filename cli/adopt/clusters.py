"""The clusters of a stack file: those of its logins. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from stack.sections import PROJECT

from .plan import Login

KEY = f"{PROJECT}:cluster"


def chosen(proposals: Mapping[str, Sequence[Login]]) -> tuple[str, ...]:
    """The names of the clusters that a stack file can have, of those that logins are of: one, that of the
    most logins."""
    firsts = [ways[0].cluster for ways in proposals.values() if ways and ways[0].cluster]
    return tuple(sorted({*firsts}, key=lambda name: (-firsts.count(name), name))[:1])


def sections(names: Sequence[str]) -> dict[str, Any]:
    """The keys of the stack file that name these clusters."""
    return {KEY: {"name": names[0], "existing": True}} if names else {}


def why_not(way: Login, names: Sequence[str]) -> str:
    """Why a login cannot be of its cluster in this stack file; empty where it can."""
    if way.cluster in ("", *names):
        return ""
    return f"is of the cluster {way.cluster}, and a stack has one"
