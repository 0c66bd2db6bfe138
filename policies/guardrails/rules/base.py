"""What a rule is, and what it sees of a resource."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .values import Values

Settings = Mapping[str, Any]
"""A rule's configuration for the stack, with the defaults filled in."""


@dataclass(frozen=True)
class Resource:
    """A resource as the engine has it: its type token, and its inputs (of a finished stack, its outputs)."""

    type: str
    values: Values
    urn: str = ""
    stack: Sequence[Resource] = ()
    """For a rule of the whole stack: all that is in it."""

    def get(self, path: str) -> Any:
        """The value at a dotted path: plain, None when absent, UNKNOWN when a preview cannot tell it."""
        return self.values.get(path)


@dataclass(frozen=True)
class Rule:
    """One thing that no stack may do, unless its configuration declares the exception."""

    name: str
    """As configuration and messages have it."""

    says: str
    """What must hold, in a sentence."""

    why: str
    """What goes wrong otherwise."""

    mend: str
    """How a stack that breaks it is put right, and how an exception is declared."""

    types: Sequence[str]
    """The type tokens that it looks at; `*` stands for any text."""

    check: Callable[[Resource, Settings], Iterator[str]]
    """What is wrong with a resource, and where in it, once for each; a ValueError says what is unreadable."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of each of its settings, with description and default."""

    whole_stack: bool = False
    """It looks at the outputs of what is finished, and not at the inputs of what is to be made."""

    def concerns(self, type_token: str) -> bool:
        """Whether it looks at resources of this type."""
        return any(fnmatchcase(type_token, pattern) for pattern in self.types)

    def defaults(self) -> dict[str, Any]:
        """What its settings are in a stack that sets none."""
        return {name: schema["default"] for name, schema in self.settings.items()}

    def message(self, resource: Resource, given: Settings) -> str:
        """What to tell about a resource: what and where, why, and how to mend it. Empty when all is well."""
        if not self.concerns(resource.type):
            return ""
        found = [_not_a_setting(self, name) for name in given if name not in (*self.settings, REASON)]
        try:
            found += self.check(resource, {**self.defaults(), **given})
        except ValueError as error:
            found.append(f"{error}, so nobody can tell what it allows")
        return "".join(f"{what}.\n" for what in found) + self._advice if found else ""

    @property
    def _advice(self) -> str:
        return f"Why: {self.why}\nMend: {self.mend}"


REASON = "reason"
"""Every rule takes this beside its settings: why the stack needs the exception. JSON has no comments."""


def _not_a_setting(rule: Rule, name: str) -> str:
    known = [*rule.settings, REASON]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
    return f"the stack's configuration of this rule: {name} is not a setting; {hint}"
