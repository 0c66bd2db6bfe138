"""What `make bench` prints: a figure, what it is to reach, and its unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CPU = "CPU-s"
WALL = "s"
RATIO = "×"
RATE = "/s"
ERRORS = "errors"
SIZE = "KiB"


@dataclass(frozen=True)
class Row:
    """One figure."""

    name: str
    value: float
    unit: str
    reach: float | None = None
    """What the value is to be at most, or for a rate at least; None where it only explains another."""

    @property
    def reached(self) -> bool | None:
        if self.reach is None:
            return None
        return self.value >= self.reach if self.unit == RATE else self.value <= self.reach


Report = Callable[[Row], None]
"""Takes a row as soon as it is measured."""
