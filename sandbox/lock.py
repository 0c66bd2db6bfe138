"""One owner of a sandbox at a time: the lock that a command holds, and every process that works for it.

It is a lock of the operating system on a file, and the engine inherits its descriptor: so it is free when the
last of them has ended, however each did. Commands that the user's own shell gives the engine share it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator

import psutil

from sandbox.home import Home, SandboxError
from sandbox.processes import is_alive

ENDING, RUNNING = "ending ", "running"  # of one length: one is written over the other
ENDS_SOON = 5.0
"""Seconds in which a command notices that its parent is gone, on a busy machine too."""
PATIENCE = 100.0
"""Seconds that a killed command's engine has to end: more than its guard gives it."""
PAUSE = 0.2

_held: list[int] = []


def passed_on() -> tuple[int, ...]:
    """The lock's descriptor, for the processes that work for this command."""
    return tuple(_held)


@contextlib.contextmanager
def only_one_run(home: Home) -> Iterator[None]:
    """Lets one command at a time change this sandbox. A second one fails, unless the first is about to end.

    After a kill, it waits for the engine of the killed command.
    """
    home.create()
    with contextlib.ExitStack() as stack:
        descriptor = os.open(home.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        stack.callback(os.close, descriptor)
        _acquire(home, descriptor, fcntl.LOCK_EX)
        _write(descriptor, RUNNING)
        _held.append(descriptor)
        stack.callback(_held.clear)
        home.remove_scratch()
        if home.is_half_removed:
            home.remove()
            home.create()
        yield


def share(home: Home) -> None:
    """Holds the lock together with others of the user's shell, until this process and its children end."""
    descriptor = os.open(home.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    _acquire(home, descriptor, fcntl.LOCK_SH)
    _write(descriptor, RUNNING)
    os.set_inheritable(descriptor, True)


def say_ending() -> None:
    """Tells the next command that this one is about to end, and need only be waited for."""
    for descriptor in _held:
        _write(descriptor, ENDING)


def _write(descriptor: int, state: str) -> None:
    started = psutil.Process().create_time()
    os.pwrite(descriptor, f"{state} {os.getpid():>10} {started:20.6f}\n".encode(), 0)


def _acquire(home: Home, descriptor: int, kind: int) -> None:
    began, said = time.monotonic(), False
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        waited = time.monotonic() - began
        at_work = _command(descriptor)
        if at_work and waited > ENDS_SOON:
            raise SandboxError(
                f"another sandbox command is running in {home.root}{at_work}. Wait for it, or use another "
                f"sandbox: SANDBOX_HOME=<folder>"
            )
        if not at_work and not said:
            print("Waiting for an earlier run, which was ended, to finish its steps", file=sys.stderr)
            said = True
        if waited > PATIENCE:
            left = ", ".join(str(engine.pid) for engine in _engines(home)) or "unknown"
            raise SandboxError(
                f"an earlier run was killed, but its engine is still at work in {home.root} "
                f"(process {left}). Wait for it, or end it: kill {left}"
            )
        time.sleep(PAUSE)


def _command(descriptor: int) -> str:
    """The command that holds the lock, if it is at work: alive, and not about to end. Else empty."""
    try:
        state, pid, started = os.pread(descriptor, 100, 0).decode().split()
        alive = is_alive(psutil.Process(int(pid)), float(started))
    except psutil.Error:
        return ""
    except ValueError:  # it is being written
        return " "
    return f" (process {pid})" if alive and state == RUNNING else ""


def _engines(home: Home) -> list[psutil.Process]:
    """The engines that work in this sandbox."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "pulumi" and process.environ().get("SANDBOX_HOME") == str(home.root):
                found.append(process)
    return found
