"""The engine's report on a terminal: its steps in one line that is rewritten, all else as it is."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO

_STEP = re.compile(
    r" ?[^\w\s@]{0,3} +([\w-]+:[\w/-]+:\w+) (\S+) (\w+(?:ing|ed|ad)(?:-\w+)?) "
    r"(?:\([\d.]+[smh]+\))?(?:\[retain\])? *\n?$"
)
"""Such as ` +  aws:iam:Role node creating (0s)`: without an error, a warning or a list of what changes."""
_MORE = re.compile(r"@ [\w ]+\.*\s*$")
"""Such as `@ previewing update....`, which says that it goes on."""


@contextlib.contextmanager
def shown() -> Iterator[int | None]:
    """A descriptor for the engine's output, which is shown until the block ends. None where it is not a
    terminal: there the engine writes all lines itself."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    reading, writing = os.pipe()
    thread = threading.Thread(target=_read, args=(reading,), daemon=True)
    thread.start()
    try:
        yield writing
    finally:
        os.close(writing)
        thread.join(10)  # ends with the last process that has the other end


def _read(descriptor: int) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        show(lines, sys.stdout)


def show(lines: Iterable[str], out: IO[str]) -> None:
    """Write the lines of a report, those of single steps as one that is rewritten."""
    done: Counter[str] = Counter()
    shown = blank = False
    for line in lines:
        step = _STEP.match(line)
        if step:
            kind, name, doing = step.groups()
            if not doing.endswith("ing"):
                done[doing] += 1
            so_far = ", ".join(f"{number} {what}" for what, number in done.items()) or "begun"
            width = shutil.get_terminal_size().columns - 1
            out.write("\r\x1b[K" + f"  {so_far}; {doing} {kind.rpartition(':')[2]} {name}"[:width])
            shown = True
        elif not _MORE.match(line) and not (blank and not line.strip()):
            out.write("\r\x1b[K" * shown + line)
            shown, blank = False, not line.strip()
        out.flush()
    out.write("\r\x1b[K" * shown)
    out.flush()
