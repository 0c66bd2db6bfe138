"""Progress on standard error: permanent lines, and the status of running jobs."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator

_LOCK = threading.Lock()
_jobs: list[Job] = []
_shown = False
"""Whether a thread shows the jobs."""


class Job:
    """A job that takes time; `text` is its status, for example "43 of 165 MB"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.started = time.monotonic()

    def took(self) -> str:
        """Minutes and seconds since its start, for example 2:07."""
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        return f"{minutes}:{seconds:02d}"

    def line(self) -> str:
        """The job as one line."""
        return f"{self.name}: {self.text or 'starting'}, {self.took()}"


def say(text: str) -> None:
    """Prints a permanent line."""
    with _LOCK:
        _clear()
        print(f"  {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def job(name: str) -> Iterator[Job]:
    """Shows a job while it runs: on a terminal all jobs in one rewritten line, else occasional lines."""
    global _shown
    running = Job(name)
    with _LOCK:
        _jobs.append(running)
        if not _shown:
            _shown = True
            threading.Thread(target=_show, daemon=True).start()
    try:
        yield running
    finally:
        with _LOCK:
            _jobs.remove(running)
            _clear()


def _show() -> None:
    global _shown
    terminal = sys.stderr.isatty()
    while True:
        time.sleep(1 if terminal else 20)
        with _LOCK:
            if not _jobs:
                _shown = False
                return
            if terminal:
                width = shutil.get_terminal_size().columns
                sys.stderr.write(f"\r\x1b[K  {' | '.join(each.line() for each in _jobs)}"[: width + 3])
            else:
                sys.stderr.writelines(f"  {each.line()}\n" for each in _jobs)
            sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
