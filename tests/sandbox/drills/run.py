"""A command of the sandbox that runs while something happens to it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

A_PARENT = '"$@"; exit $?'
"""The shell that starts a command, as `make` does, and waits for it."""


class Run:
    """A command, started by a shell; in a terminal of its own if that is to be closed or typed into."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        log: Path,
        umask: int = -1,
        in_terminal: bool = False,
    ) -> None:
        self.log, self._terminal = log, -1
        self._code: int | None = None
        self._closed, self._draining = threading.Event(), threading.Thread(target=self._drain)
        command = ["/bin/sh", "-c", A_PARENT, "sh", *words]
        if in_terminal:
            self.pid, self._terminal = pty.fork()
            if self.pid == 0:
                os.chdir(folder)
                os.execve(command[0], command, dict(env))  # noqa: S606 - it is a shell
            self._draining.start()
        else:
            with log.open("wb") as output:
                self.pid = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=dict(env),
                    umask=umask,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ).pid

    def _drain(self) -> None:
        # Never blocked in a read, which would keep the terminal open after it is closed.
        with self.log.open("wb") as output, contextlib.suppress(OSError):
            while not self._closed.is_set():
                if select.select([self._terminal], [], [], 0.05)[0]:
                    output.write(os.read(self._terminal, 4096))
        os.close(self._terminal)

    def close_terminal(self) -> None:
        """As the window of a terminal is closed."""
        self._closed.set()
        self._draining.join()

    def type(self, text: bytes) -> None:
        """As on the keyboard of its terminal."""
        with contextlib.suppress(OSError):  # it has ended
            os.write(self._terminal, text)

    def kill_group(self) -> None:
        """The command, and the shell that started it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def tree(self) -> list[psutil.Process]:
        """The shell, the command and all that it has started; empty once it has ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            shell = psutil.Process(self.pid)
            if shell.status() != psutil.STATUS_ZOMBIE:
                return [shell, *shell.children(recursive=True)]
        return []

    @property
    def has_ended(self) -> bool:
        """Whether the shell has, which waits for the command."""
        if self._code is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid == 0:
                    return False
                self._code = os.waitstatus_to_exitcode(status)
        return True

    def reap(self) -> int:
        """Waits for its end; its exit code, negative if a signal has ended it."""
        if not self.has_ended:
            with contextlib.suppress(ChildProcessError):
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if self._draining.is_alive():
            self.close_terminal()
        return self._code or 0

    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
