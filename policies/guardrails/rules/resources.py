"""What a rule sees of a resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .values import Values


@dataclass(frozen=True)
class Resource:
    """A resource as the engine sends it: its type token and inputs, or after the update its outputs."""

    type: str
    values: Values
    urn: str = ""
    stack: Sequence[Resource] = ()
    """For a rule of the whole stack: all of its resources."""

    whole: bool = True
    """Whether what it leaves out has the default. A write to a path of Vault may change a part only."""

    def get(self, path: str) -> Any:
        """The value at a dotted path: plain, None if absent, UNKNOWN if a preview cannot know it."""
        return self.values.get(path)
