"""Stops the sandboxes of a test session that ends early: their processes are made to outlive everything else.

A session that is interrupted stops its own. Those of one that was killed are stopped by the next session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psutil
import pytest

from sandbox import lock
from sandbox.home import Home, SandboxError
from sandbox.processes import Processes

LEADS = pytest.StashKey[bool]()
"""Whether this process leads a session, and is none of its workers."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before the tests: those of sessions that were killed; from here on, signals end this one in order."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[LEADS] = True
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupted)
        for folder in killed_sessions(temporary_folder(session.config).parent):
            stop_below(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the tests, and after all workers have ended."""
    if config.stash.get(LEADS, False):
        stop_below(temporary_folder(config))


def temporary_folder(config: pytest.Config) -> Path:
    """The session's, in which those of its workers are."""
    # As xdist has it for its workers: pytest gives it to tests alone by a public name.
    folder: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    return folder


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """What ends a session as Ctrl-C does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of a closed terminal, the kernel and the shell send one
    raise KeyboardInterrupt


def killed_sessions(folder: Path) -> Iterator[Path]:
    """The sessions' folders whose session could not let go of them: pytest locks them with its number."""
    for locked in folder.glob("pytest-*/.lock"):
        try:
            process = psutil.Process(int(locked.read_text()))
            alive = process.create_time() <= locked.stat().st_mtime + 2  # else the number is another's by now
        except psutil.NoSuchProcess:
            alive = False
        except (OSError, ValueError):  # it has just begun, or ended
            alive = True
        if not alive:
            yield locked.parent


def stop_below(folder: Path) -> None:
    """Stops every sandbox that runs in a folder, once the commands that worked on it have ended."""
    for home in homes(folder):
        processes = Processes(home)
        if not processes.running():
            continue
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(SandboxError):  # then a command of it hangs
                stack.enter_context(lock.only_one_run(home))
            stopped = processes.stop(at_once=True)
        if stopped:
            print(f"stopped the sandbox that tests have left in {home.root}", file=sys.stderr)


def homes(folder: Path) -> Iterator[Home]:
    """The sandboxes in a folder that have started anything."""
    for place, folders, files in os.walk(folder):
        if "processes.json" in files:
            folders.clear()
            yield Home(Path(place))
