"""The clusters of a stack file: those of its logins. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stack.sections import PROJECT

from .plan import Login

KEYS = (f"{PROJECT}:cluster", f"{PROJECT}:clusters")


def of(logins: Iterable[Login]) -> list[str]:
    """The names in EKS of the clusters that logins are of, each once."""
    return sorted({name for login in logins for name in login.clusters})


def sections(names: Sequence[str]) -> dict[str, Any]:
    """The key of the stack file that names these clusters; none for no cluster."""
    one, several = KEYS
    if len(names) > 1:
        return {several: {name: {"existing": True} for name in names}}
    return {one: {"name": names[0], "existing": True}} if names else {}


def options(login: Login, names: Sequence[str]) -> Mapping[str, Any]:
    """The options of a login, with its clusters where these are not all of the stack file."""
    if not login.clusters or {*login.clusters} == {*names}:
        return login.options
    kind, *rest = login.options.items()
    return dict([kind, ("clusters", list(login.clusters)), *rest])
