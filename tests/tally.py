"""How many sandboxes the tests start and how often the engine runs: what most of their time goes into.

Counted by what the commands print, in all test workers, and told at the end of a test run.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

VARIABLE: Final = "SANDBOX_TALLY"
"""The file, one word a line; workers inherit its name."""

STARTED = re.compile(r"^  ✓ ready in \d+ s$", re.MULTILINE)
ENGINE = re.compile(r"^(Previewing|Updating|Refreshing|Destroying)\b[^\n]*\(.+\):", re.MULTILINE)
SILENT = re.compile(r"\b(preview|refresh)\b.*--json\b")
"""With --json the engine prints no heading."""


def begin() -> Path | None:
    """Starts to count, in a new file; None in a worker, where another process has started to."""
    if VARIABLE in os.environ:
        return None
    handle, path = tempfile.mkstemp(prefix="tally-")
    os.close(handle)
    os.environ[VARIABLE] = path
    return Path(path)


def note(answer: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Counts what a command that has ended says that it did; returns it."""
    words = answer.args if isinstance(answer.args, str) else " ".join(map(str, answer.args))
    printed = "\n".join([answer.stdout or "", answer.stderr or ""])
    runs = len(ENGINE.findall(printed))
    if not runs and SILENT.search(words):
        runs = 1
    add("sandbox", len(STARTED.findall(printed)))
    add("run", runs)
    return answer


def add(kind: str, number: int = 1) -> None:
    """Counts a start (`sandbox`) or an engine run (`run`) that no ended command tells of."""
    path = os.environ.get(VARIABLE)
    if path and number:
        with Path(path).open("a") as file:  # one short write each: those of several workers do not mix
            file.write(f"{kind}\n" * number)


def end(file: Path) -> str:
    """The totals as a sentence, empty where nothing was counted; the file goes."""
    counted = Counter(file.read_text().split())
    file.unlink()
    if not counted:
        return ""
    return f"{counted['sandbox']} starts of a sandbox, {counted['run']} runs of the engine"
