"""Room on the disk for the engine to end in order: a state that it cannot write is lost."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from sandbox.home import Home

SIZE = 16 * 2**20
"""Bytes: several states of a large stack, and what the services write meanwhile."""
LOW = 4 * 2**20
"""Bytes that are left when the engine is told to end."""
PAUSE = 0.3


class Reserve:
    """A file that is deleted once the disk is full."""

    def __init__(self, home: Home) -> None:
        self.file = home.root / "reserve"
        self.used = False

    def make(self) -> None:
        """Raises OSError if there is no room for it."""
        if not self.file.exists():
            made = Path(f"{self.file}.new")
            made.write_bytes(bytes(SIZE))
            made.replace(self.file)

    def use_when_full(self, engine: subprocess.Popen[str], ended: threading.Event) -> None:
        """Until the engine has ended, watches the disk; when that is full, tells it to finish its steps."""
        while not ended.wait(PAUSE):
            if shutil.disk_usage(self.file.parent).free < LOW:
                self.used = True
                self.file.unlink(missing_ok=True)
                engine.send_signal(signal.SIGINT)
                return


@contextlib.contextmanager
def kept(home: Home, engine: subprocess.Popen[str]) -> Iterator[Reserve]:
    """For an engine at work, until the end of the `with` block."""
    reserve, ended = Reserve(home), threading.Event()
    reserve.make()
    watching = threading.Thread(target=reserve.use_when_full, args=(engine, ended))
    watching.start()
    try:
        yield reserve
    finally:
        ended.set()
        watching.join()
