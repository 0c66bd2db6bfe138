"""Kills runs at random moments, and asks of the next run that it converges: `python -m tests.sandbox.drill`.

Each moment is one `up` or `down` in the middle of which something is killed. Then the same command is started
at once. It has to succeed, with one engine at a time, and leave no process behind but the sandbox's own.
"""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

import argparse
import contextlib
import os
import pty
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from cli import interrupts
from pipeline import ending
from tests import tally
from tests.sandbox.kit import ADVISORY, REPOSITORY, SMALL_STACK, Sandbox

KINDS = ("parent", "command", "process group", "terminal", "Ctrl-C")
"""What is killed: what has started the command, as `make` does; the command; both; their terminal."""

A_PARENT = '"$@"; exit $?'
"""The shell that starts a command, as `make` does, and waits for it."""


class Run:
    """A command of the sandbox, started by a shell, in a terminal of its own if that is to be closed."""

    def __init__(self, sandbox: Sandbox, words: Sequence[str], kind: str, log: Path) -> None:
        self.kind, self.terminal = kind, -1
        self._closed, self._draining = threading.Event(), threading.Thread(target=self._drain, args=(log,))
        command = ["/bin/sh", "-c", A_PARENT, "sh", sys.executable, "-u", "-m", "sandbox", *words]
        env = {**os.environ, "SANDBOX_HOME": str(sandbox.home)}
        if kind in ("terminal", "Ctrl-C"):
            self.pid, self.terminal = pty.fork()
            if self.pid == 0:
                os.chdir(REPOSITORY)
                os.execve(command[0], command, env)  # noqa: S606 - it is a shell
            self._draining.start()
        else:
            with log.open("wb") as output:
                self.pid = subprocess.Popen(
                    command,
                    cwd=REPOSITORY,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ).pid

    def _drain(self, log: Path) -> None:
        # Never blocked in a read, which would keep the terminal open after it is closed.
        with log.open("wb") as output, contextlib.suppress(OSError):
            while not self._closed.is_set():
                if select.select([self.terminal], [], [], 0.05)[0]:
                    output.write(os.read(self.terminal, 4096))
        os.close(self.terminal)

    def _close(self) -> None:
        self._closed.set()
        self._draining.join()

    def kill(self) -> None:
        """Kills what this run is about, if the run has not ended by itself."""
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess, OSError):
            if self.kind == "parent":
                os.kill(self.pid, signal.SIGKILL)
            elif self.kind == "command":
                for child in psutil.Process(self.pid).children():
                    child.kill()
            elif self.kind == "process group":
                os.killpg(self.pid, signal.SIGKILL)
            elif self.kind == "Ctrl-C":
                os.write(self.terminal, b"\x03")
            else:
                self._close()

    def reap(self) -> None:
        """To be called at the end: the shell is a child of this process."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        if self.kind == "Ctrl-C":
            self._close()


def engines(sandbox: Sandbox) -> list[psutil.Process]:
    """The engines that change a stack of this sandbox."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            changes = process.name() == "pulumi" and process.cmdline()[1:2] in (["up"], ["destroy"])
            if changes and process.environ().get("SANDBOX_HOME") == str(sandbox.home):
                found.append(process)
    return found


@contextlib.contextmanager
def one_engine_at_a_time(sandbox: Sandbox) -> Iterator[None]:
    """Fails if there are ever two."""
    most, done = 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(0.1):
            most = max(most, len(engines(sandbox)))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()
    assert most <= 1, f"{most} engines at a time"


def strays(sandbox: Sandbox) -> list[str]:
    """Processes of the sandbox that are none of its services, once they have had the time to end."""
    deadline = time.monotonic() + 15
    while True:
        services = {int(pid) for pid in sandbox.service_pids().values()}
        found = [each for each in sandbox.processes() if each.pid not in services]
        if not found or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    lines = []
    for each in found:
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(each.cmdline()))
    return lines


def moment(sandbox: Sandbox, words: Sequence[str], kind: str, after: float) -> None:
    """One kill, so many seconds after the start, and the run that follows."""
    log = sandbox.home.parent / "killed.log"
    with one_engine_at_a_time(sandbox):
        run = Run(sandbox, words, kind, log)
        tally.add("run")
        time.sleep(after)
        run.kill()
        answer = sandbox.run(*words)
        run.reap()
    said = f"killed:\n{log.read_text(errors='replace')}\nnext:\n{answer.stdout}{answer.stderr}"
    assert answer.returncode == 0, said
    assert "Traceback" not in said, said
    assert strays(sandbox) == [], said


def measured(sandbox: Sandbox) -> tuple[float, float]:
    """How many seconds `up` and `down` take here."""
    took = []
    for words in commands(sandbox):
        began = time.monotonic()
        answer = sandbox.run(*words)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        took.append(time.monotonic() - began)
    return took[0], took[1]


def commands(sandbox: Sandbox) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`up` of a small stack, and `down`."""
    stack_file = sandbox.home.parent / "Pulumi.small.yaml"
    stack_file.write_text(SMALL_STACK)
    return ("up", "--stack", "small", "--config", str(stack_file), *ADVISORY), ("down",)


def drill(sandbox: Sandbox, moments: int, seed: int, took: Sequence[float]) -> Iterator[str]:
    """So many kills of `up` and `down`, in turn, while they are at work; a line for each, before it."""
    chosen = random.Random(seed)  # noqa: S311 - no secret
    kinds: list[str] = []
    for number in range(moments):
        if not kinds:
            kinds = chosen.sample(KINDS, len(KINDS))
        words, after, kind = commands(sandbox)[number % 2], chosen.uniform(0, took[number % 2]), kinds.pop()
        yield f"{number + 1}: {words[0]}, {kind} killed after {after:.1f} s"
        moment(sandbox, words, kind, after)
    answer = sandbox.run("down")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert sandbox.still_running() == []


def main() -> None:
    """Prints what it does; ends with a traceback at the first moment that does not converge."""
    arguments = argparse.ArgumentParser(prog="python -m tests.sandbox.drill", description=__doc__)
    arguments.add_argument("--moments", type=int, default=40)
    arguments.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="default: random")
    arguments.add_argument("--took", type=float, nargs=2, help="seconds of up and down; default: measured")
    given = arguments.parse_args()
    # A shell starts what it runs in the background with SIGINT ignored, and the runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ending.interrupt_on_signals()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        sandbox = Sandbox(Path(folder) / "sandbox")
        try:
            for line in drill(sandbox, given.moments, given.seed, given.took or measured(sandbox)):
                print(line, flush=True)
        finally:
            sandbox.run("down", "--force")
    print(f"{given.moments} of {given.moments} converged")


if __name__ == "__main__":
    interrupts.told(main)
