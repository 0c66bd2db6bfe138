"""What the commands print: text for people, or JSON for scripts."""

from __future__ import annotations

import json
import sys

from cli.screen import Part, Screen

STYLES = {"✓": "green", "✗": "red"}


class Output:
    """Prints to standard output; with `as_json`, text goes to standard error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.log = 2 if as_json else 1
        """File descriptor for the output of the commands that are run."""
        self._screen = Screen(sys.stderr if as_json else sys.stdout)

    def heading(self, text: str) -> None:
        """Print a heading."""
        self._screen.put()
        self._screen.put((text, "bold"))

    def line(self, mark: str, name: str, text: str) -> None:
        """Print a line of the result, with further lines of the text below it."""
        before: list[Part] = [(mark, STYLES.get(mark, "yellow")), f" {name:<10} "]
        for line in text.splitlines() or [""]:
            self._screen.put(*before, line, hang=13)
            before = [" " * 13]

    def json(self, document: object) -> None:
        """Print the result for scripts."""
        if self.as_json:
            print(json.dumps(document, indent=2))
