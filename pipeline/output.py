"""What the commands print: text for people, or JSON for scripts."""

from __future__ import annotations

import json

from rich.console import Console

STYLES = {"✓": "green", "✗": "red"}


class Output:
    """Prints to standard output; with `as_json`, text goes to standard error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.log = 2 if as_json else 1
        """File descriptor for the output of the commands that are run."""
        self._console = Console(stderr=as_json, highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """Print a heading."""
        self._console.print(f"\n[bold]{text}[/bold]")
        self._console.file.flush()  # before the engine writes to the same stream

    def line(self, mark: str, name: str, text: str) -> None:
        """Print a line of the result, with further lines of the text below it."""
        style = STYLES.get(mark, "yellow")
        first, *rest = text.splitlines() or [""]
        self._console.print(f"[{style}]{mark}[/{style}] {name:<10} ", end="")
        self._console.print(first, markup=False)
        for each in rest:
            self._console.print(f"  {'':<10} {each}", markup=False)

    def json(self, document: object) -> None:
        """Print the result for scripts."""
        if self.as_json:
            print(json.dumps(document, indent=2))
