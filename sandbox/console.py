"""What the sandbox's commands print for people, in lines of the terminal's width."""

from __future__ import annotations

import sys

from cli.screen import Part, Screen


class Console:
    """Prints to standard output, or to standard error if that is for something else."""

    def __init__(self) -> None:
        self.stderr = False

    def print(self, *parts: Part, hang: int = 2) -> None:
        """Print a line."""
        Screen(sys.stderr if self.stderr else sys.stdout).put(*parts, hang=hang)

    def heading(self, text: str) -> None:
        """Print a heading, after an empty line."""
        self.print()
        self.print((text, "bold"))

    def tick(self, text: str, hang: int = 4) -> None:
        """Print what is done."""
        self.print("  ", ("✓", "green"), f" {text}", hang=hang)

    def warn(self, text: str) -> None:
        """Print what a reader has to know."""
        self.print("  ", ("!", "yellow"), f" {text}", hang=4)


console = Console()
