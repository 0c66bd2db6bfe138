"""What a killed run was creating: named, and taken over into the state where it exists.

The engine records an operation before it begins, and after a kill nobody but AWS, Kubernetes or Vault knows
whether it was done. The engine itself names none of them, and forgets them at the next `stack import`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET_ONCE = ("aws:iam/accessKey:AccessKey",)
"""Types whose secret is told at their creation only, to the run that was killed."""


class RecoverError(Exception):
    """What is wrong, and what to write instead."""


@dataclass(frozen=True)
class Pending:
    """An operation that a killed run had begun."""

    what: str
    """`creating`, `updating`, `deleting`, …"""
    urn: str
    type: str
    name: str
    """The object's own name, as far as it was chosen; else the resource's."""

    def __str__(self) -> str:
        return f"{self.what} {self.type} {self.name}\n  {self.urn}"


def read(file: Path) -> dict[str, Any]:
    """A state, as `pulumi stack export` writes it."""
    how = f"write it with: pulumi stack export --file {file}"
    try:
        state = json.loads(file.read_text())
        state["deployment"].get("resources")
    except OSError as error:
        raise RecoverError(f"{file}: {error.strerror}; {how}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RecoverError(f"{file} is not a state; {how}") from None
    found: dict[str, Any] = state
    return found


def pending(state: Mapping[str, Any]) -> Iterator[Pending]:
    """What was begun."""
    for operation in state["deployment"].get("pending_operations") or ():
        resource = operation["resource"]
        inputs = resource.get("inputs") or {}
        metadata = inputs.get("metadata")
        named = metadata if isinstance(metadata, dict) else inputs
        parts = [named.get("namespace"), named.get("name") or inputs.get("role") or inputs.get("path")]
        name = "/".join(part for part in parts if isinstance(part, str) and part)
        urn = resource["urn"]
        yield Pending(operation["type"], urn, resource["type"], name or urn.rsplit("::", 1)[-1])


def adopted(state: Mapping[str, Any], exists: Mapping[str, str]) -> dict[str, Any]:
    """The state with what exists (by URN, its ID) as the killed run would have written it; nothing pending.

    `pulumi up --refresh` then reads the rest of each from where it is.
    """
    operations = state["deployment"].get("pending_operations") or []
    begun = {each["resource"]["urn"]: each["resource"] for each in operations if each["type"] == "creating"}
    for urn in exists:
        if urn not in begun:
            known = ", ".join(begun) or "nothing"
            raise RecoverError(f"{urn} was not being created; that was: {known}")
        if begun[urn]["type"] in SECRET_ONCE:
            raise RecoverError(f"{urn} cannot be taken over, as its secret is lost: delete it")
    mended = copy.deepcopy(dict(state))
    deployment = mended["deployment"]
    resources = deployment.setdefault("resources", [])
    there = {resource["urn"] for resource in resources if not resource.get("delete")}
    for urn, identifier in exists.items():
        if urn in there:
            raise RecoverError(f"{urn} was to replace one that is in the state: delete the new one")
        resources.append({**begun[urn], "custom": True, "id": identifier, "outputs": {}})
    deployment.pop("pending_operations", None)
    return mended
