"""Text on a terminal: lines of its width, broken between words, in colours if it has them and the user wants
them. In a file or pipe, lines of any length, without colours.

COLUMNS sets a width, of a pipe too; NO_COLOR and TERM=dumb switch colours off.
"""

import os
import re
import sys
from collections.abc import Iterator
from typing import IO, Any

import typer

NARROW = 60
"""Columns. On a narrower terminal, what would stand in columns stands in lines."""

_STYLES: dict[str, dict[str, Any]] = {
    "": {},
    "bold": {"bold": True},
    "bold red": {"bold": True, "fg": "red"},
    **{colour: {"fg": colour} for colour in ("green", "red", "yellow", "cyan")},
}

Part = str | tuple[str, str]
"""Text, or text and its style: a colour, `bold` or `bold red`."""


def columns(file: IO[str]) -> int | None:
    """How wide the terminal is; None where lines may have any length."""
    given = os.environ.get("COLUMNS", "") if file in (sys.stdout, sys.stderr) else ""
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if not file.isatty():
        return None
    try:
        return os.get_terminal_size(file.fileno()).columns or 80
    except OSError:
        return 80


class Screen:
    """Writes lines to a file, by default standard output."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self.file = file or sys.stdout
        self.columns = columns(self.file)
        self.has_colours = (
            self.file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    @property
    def is_narrow(self) -> bool:
        """Whether columns have no room."""
        return self.columns is not None and self.columns < NARROW

    def put(self, *parts: Part, hang: int = 0) -> None:
        """Write a line, at once. Where it is too long, the rest is below, indented by `hang`."""
        texts = [(part, "") if isinstance(part, str) else part for part in parts]
        whole = "".join(text for text, _ in texts)
        styles = [style for text, style in texts for _ in text]
        for indent, start, end in self._lines(whole, hang):
            print(" " * indent + self._styled(whole, styles, start, end), file=self.file)
        self.file.flush()

    def _lines(self, text: str, hang: int) -> Iterator[tuple[int, int, int]]:
        """The indent of each line of a text, and where it begins and ends. A word is never broken."""
        start, end, indent = 0, len(text.rstrip()), 0
        first = len(text) - len(text.lstrip())  # its own indent is no place to break it
        while self.columns is not None and end - start > (room := max(self.columns - indent, 1)):
            cut = text.rfind(" ", max(start, first) + 1, start + room + 1)
            if cut < 0:  # the word is longer than the line
                cut = text.find(" ", max(start, first) + 1)
            if cut < 0 or cut >= end:
                break
            yield indent, start, start + len(text[start:cut].rstrip())
            start = cut + len(text[cut:]) - len(text[cut:].lstrip(" "))
            word = text[start:end].partition(" ")[0]
            indent = hang if hang + len(word) <= self.columns else max(self.columns - len(word), min(hang, 2))
        yield indent, start, end

    def _styled(self, text: str, styles: list[str], start: int, end: int) -> str:
        if not self.has_colours:
            return text[start:end]
        runs: list[tuple[str, str]] = []
        for sign, style in zip(text[start:end], styles[start:end], strict=True):
            if runs and runs[-1][1] == style:
                runs[-1] = (runs[-1][0] + sign, style)
            else:
                runs.append((sign, style))
        return "".join(typer.style(run, **_STYLES[style]) if style else run for run, style in runs)

    def row(self, mark: Part, left: Part, right: str, at: int) -> None:
        """A line of two columns, the second of which begins at a column; on a narrow terminal below."""
        texts = [part if isinstance(part, str) else part[0] for part in (mark, left)]
        if self.is_narrow:
            self.put(mark, left, hang=4)
            if right:
                self.put(f"    {right}", hang=4)
            return
        self.put(mark, left, " " * max(at - len("".join(texts)), 2), right, hang=at)


def say_error(text: str) -> None:
    """Say on standard error what ends a command. Indented lines, which are command lines, stay whole; those
    of a numbered list are broken below their text."""
    out = Screen(sys.stderr)
    mark: list[Part] = [("error:", "red"), " "]
    for line in text.splitlines():
        number = re.match(r" *[0-9]+\. ", line)
        if line.startswith("  ") and not number:
            print(line, file=out.file, flush=True)
        else:
            out.put(*mark, line, hang=len(number[0]) if number else 2)
        mark = []
