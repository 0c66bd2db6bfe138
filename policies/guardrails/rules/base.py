"""What a rule is, and how it sees a resource."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from .resources import Resource as Resource
from .vault_policies import GENERIC
from .written import made

Settings = Mapping[str, Any]
"""A rule's configuration for the stack, with the defaults filled in."""


class Topic(Enum):
    """What a rule is about; rules and documentation are in this order."""

    TRUST = "Who is trusted"
    PERMISSIONS = "What identities may do"
    VAULT = "How Vault is set up"
    SECRETS = "What is secret"
    CLUSTER = "How the cluster is set up"


@dataclass(frozen=True)
class Rule:
    """One thing that no stack may do, unless its configuration declares an exception."""

    name: str
    """As in configuration and messages."""

    topic: Topic
    """Its place among the rules, with its name."""

    requires: str
    """What must hold, in a sentence."""

    why: str
    """What goes wrong otherwise."""

    fix: str
    """How to fix a violation, and how to declare an exception."""

    types: Sequence[str]
    """The type tokens that it checks; `*` stands for any text."""

    check: Callable[[Resource, Settings], Iterator[str]]
    """Yields each problem of a resource: where and what. A ValueError says what cannot be read."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of each of its settings, with description and default."""

    whole_stack: bool = False
    """Whether it checks the outputs after the update, not the inputs before."""

    def concerns(self, type_token: str) -> bool:
        """Whether it checks resources of this type."""
        return any(fnmatchcase(type_token, pattern) for pattern in self.types)

    def looks_at(self, type_token: str) -> bool:
        """Whether it checks resources of this type, or may check what they write to a path of Vault."""
        return self.concerns(type_token) or type_token in GENERIC

    def defaults(self) -> dict[str, Any]:
        """Its settings in a stack that configures none."""
        return {name: schema["default"] for name, schema in self.settings.items()}

    def message(self, resource: Resource, given: Settings) -> str:
        """The problems of a resource, why they matter and how to fix them. Empty if there are none."""
        resources = self._concerned(resource)
        if not resources:
            return ""
        found = [_not_a_setting(self, name) for name in given if name not in (*self.settings, REASON)]
        try:
            for where, each in resources:
                found += (f"{where}{what}" for what in self.check(each, {**self.defaults(), **given}))
        except ValueError as error:
            found.append(f"{error}, so it cannot be checked")
        return "".join(f"{what}.\n" for what in found) + self._advice if found else ""

    def _concerned(self, resource: Resource) -> list[tuple[str, Resource]]:
        """The resource, or what it writes to a path, if this rule checks it, with the path."""
        if self.concerns(resource.type):
            return [("", resource)]
        return [(f"{resource.get('path')}: ", each) for each in made(resource) if self.concerns(each.type)]

    @property
    def _advice(self) -> str:
        return f"Why: {self.why}\nFix: {self.fix}"


def list_setting(description: str, default: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON Schema of a setting that is a list of texts."""
    return {
        "type": "array",
        "items": {"type": "string"},
        "default": [*default],
        "description": description,
    }


REASON = "reason"
"""Every rule takes this beside its settings: why the stack needs the exception, as JSON has no comments."""


def _not_a_setting(rule: Rule, name: str) -> str:
    known = [*rule.settings, REASON]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return f"the stack's configuration of this rule: {name} is not a setting; {hint}"
