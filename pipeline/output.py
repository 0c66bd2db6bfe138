"""What the commands print: for people, or JSON for scripts; and the summary that they write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from pipeline.delivery import Delivery

STYLES = {"✓": "green", "✗": "red"}


class Output:
    """Where a command's words go: to standard output, unless that is for a script's JSON."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.log = 2 if as_json else 1
        """File descriptor for the display of what is run."""
        self._console = Console(stderr=as_json, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A heading."""
        self._console.print(f"\n[bold]{text}[/bold]")
        self._console.file.flush()  # before the engine writes to the same stream

    def line(self, mark: str, name: str, text: str) -> None:
        """A line of the result, and below it the rest of the text."""
        style = STYLES.get(mark, "yellow")
        first, *rest = text.splitlines() or [""]
        self._console.print(f"[{style}]{mark}[/{style}] {name:<10} ", end="")
        self._console.print(first, markup=False)
        for each in rest:
            self._console.print(f"  {'':<10} {each}", markup=False)

    def json(self, document: object) -> None:
        """The result for scripts."""
        if self.as_json:
            print(json.dumps(document, indent=2))

    def deliveries(self, done: list[Delivery], caveats: Mapping[str, str], summary_file: Path | None) -> None:
        """How far each environment came, why not further, and which guardrails did not hold there."""
        self.say("Result")
        lines = []
        for each in done:
            mark = "✓" if each.ok else "–" if each.step == "none" else "✗"
            text = _told(each)
            self.line(mark, each.environment, text)
            lines.append(f"- {mark} `{each.environment}` {' '.join(text.split())}")
            if caveat := caveats.get(each.environment):
                self.line("!", each.environment, caveat)
                lines.append(f"- ! `{each.environment}` {caveat}")
        write(summary_file, lines)
        self.json([{**asdict(each), "touched": each.touched} for each in done])


def write(file: Path | None, parts: list[str]) -> None:
    """Writes a summary, where one is wanted."""
    if file:
        file.write_text("\n".join(parts) + "\n")


def _told(delivery: Delivery) -> str:
    if delivery.ok and delivery.report:
        verified = "; every login verified" if delivery.step == "verify" else ""
        return f"{delivery.report.counts(done=True)}{verified}"
    if delivery.step == "none":
        return delivery.reason
    kept = (
        "\nWhat was done so far is kept: mend the cause and run this again."
        if delivery.touched
        else "\nNothing was changed."
    )
    return f"failed at {delivery.step}: {delivery.reason}{kept}"
