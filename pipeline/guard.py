"""Becomes a command that ends with the process that started it, even if that is killed.

Usage: `python -I -S guard.py LIFELINE COMMAND [ARGUMENT ...]`. LIFELINE is the descriptor of a pipe whose
other end only that process has: it closes however that process ends. A watcher beside the command then asks
it to finish its running steps, as Ctrl-C does, and kills it if it does not end.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

PATIENCE = ((signal.SIGINT, 60), (signal.SIGINT, 10), (signal.SIGKILL, 10))
"""What is sent, and how many seconds it may take. The engine ends at once at a second interrupt."""

PAUSE = 0.2


def main() -> None:
    """Forks the watcher, then runs the command in this process."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    guarded = os.getpid()
    if os.fork() == 0:
        _let_go_of_all_but(lifeline)
        _watch(guarded, lifeline)
        os._exit(0)
    os.close(lifeline)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would inherit that
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def _let_go_of_all_but(lifeline: int) -> None:
    """The watcher holds no lock and keeps no reader of the command's output waiting."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.closerange(3, lifeline)
    os.closerange(lifeline + 1, 1024)


def _watch(guarded: int, lifeline: int) -> None:
    # The command is this process' parent: while it is, its number cannot be another's.
    while os.getppid() == guarded and not select.select([lifeline], [], [], PAUSE)[0]:
        pass
    for number, seconds in PATIENCE:
        if os.getppid() != guarded:
            return
        os.kill(guarded, number)
        deadline = time.monotonic() + seconds
        while os.getppid() == guarded and time.monotonic() < deadline:
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
