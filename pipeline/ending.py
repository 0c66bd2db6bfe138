"""How a run ends: by a signal, with its terminal or with its parent; and its engine with it, after its step.

An engine that is killed in the middle of a step leaves a state that does not say whether the step was done.
So it is in a session of its own, where no signal reaches it by accident, and always asked to end first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from cli import interrupts

_GUARD = Path(__file__).resolve().parent / "guard.py"
PATIENCE = (60, 10)
"""Seconds that an engine may take to finish its steps; then to stop without that."""

LOOK_FOR_PARENT = 0.5  # seconds


def interrupt_on_signals(ending: Callable[[], None] = lambda: None) -> None:
    """Makes SIGINT, SIGTERM, SIGHUP (a closed terminal) and the end of the parent raise KeyboardInterrupt.

    `ending` is called before that. What ignores SIGHUP (`nohup`) or leads a session (`setsid`) is meant to go
    on without its parent.
    """
    terminal = [stream for stream in (1, 2) if os.isatty(stream)]
    begun = False

    def interrupted(number: int, _frame: FrameType | None) -> None:
        nonlocal begun
        again, begun = begun, True
        if number == signal.SIGHUP:
            for stream in terminal:  # it is gone, and a message to it would be an error
                with contextlib.suppress(OSError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            if again:  # the kernel and the shell each send one
                return
        ending()
        raise KeyboardInterrupt

    detached = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN or os.getsid(0) == os.getpid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupted)
    if detached:
        return
    main_thread = threading.main_thread().ident

    def watch() -> None:
        while os.getppid() == interrupts.PARENT:
            time.sleep(LOOK_FOR_PARENT)
        if not begun and main_thread:
            signal.pthread_kill(main_thread, signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def under_guard(lifeline: int, words: Sequence[str]) -> list[str]:
    """The words of a command that ends when the other end of this pipe is closed. It inherits the pipe."""
    return [sys.executable, "-I", "-S", str(_GUARD), str(lifeline), *words]


@contextlib.contextmanager
def guarded(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    keep: Sequence[int] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Runs an engine, which ends with this process however that ends; to be waited for in the `with` block.

    On an interrupt it finishes its running steps first, on a second one it stops at once. It inherits the
    descriptors `keep`.
    """
    lifeline, held = os.pipe()
    try:
        try:
            process = subprocess.Popen(
                under_guard(lifeline, words),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                start_new_session=True,
                pass_fds=(lifeline, *keep),
            )
        finally:
            os.close(lifeline)
        try:
            yield process
        except KeyboardInterrupt:
            end_gently(process)
            raise
    finally:
        os.close(held)  # whatever went wrong: the engine is asked to end


def end_gently(process: subprocess.Popen[str], patience: Sequence[float] = PATIENCE) -> None:
    """Asks an engine to finish its running steps, then to stop without that, then kills it."""
    for seconds in patience:
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):  # again: stop at once
            process.communicate(timeout=seconds)
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_to_its_end(words: Sequence[str], *, env: Mapping[str, str], stdout: int | None = None) -> int:
    """Runs a command that cleans up after itself, and returns its exit code.

    On an interrupt it is interrupted too, and waited for, where `subprocess.run` would kill it.
    """
    with subprocess.Popen(list(words), env=dict(env), stdin=subprocess.DEVNULL, stdout=stdout) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # After Ctrl-C in the terminal it has had its own; a second one does not stop the cleaning up.
            with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                process.wait(1)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE[0])
            process.kill()
            raise
