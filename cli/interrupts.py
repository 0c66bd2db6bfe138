"""What ends a command from outside, in one line: Ctrl-C at any moment, with exit code 130; a full disk.

A command imports this first, as its other imports take longest.
"""

# All of `signal` but its enumerations, which take as long as the start of Python.
import _signal as signal  # type: ignore[import-not-found]
import errno
import os
import sys
from collections.abc import Callable

LINE = "interrupted"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
EXIT_CODE = 130
PARENT = os.getppid()
"""What has started this process: noted before the other imports, in which it may be killed."""
_said = False


def end_at_once() -> None:
    """From now on a signal ends this process on the spot, as it has nothing to clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` wants it
            signal.signal(number, _end if number == signal.SIGINT else signal.SIG_DFL)


def _end(*_: object) -> None:
    try:
        os.write(2, f"{LINE}\n".encode())
    finally:
        os._exit(EXIT_CODE)


def say(line: str) -> None:
    """Says on standard error what an interrupt has ended, in place of the one word."""
    global _said
    _said = True
    print(line, file=sys.stderr, flush=True)


def told(run: Callable[[], object], line: str = LINE) -> None:
    """Runs a command, in which an interrupt raises KeyboardInterrupt; that ends it with the line, unless the
    command has said another. After it, a signal ends this process at once.

    A full disk, and a pipe that nobody reads, end it without a traceback, too.
    """
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _once_more
    try:
        try:
            run()
        finally:
            if sys.stdout and not sys.stdout.closed:
                sys.stdout.flush()
    except KeyboardInterrupt:
        end_at_once()
        if not _said:
            say(line)
        sys.exit(EXIT_CODE)
    except SystemExit as ended:  # Typer makes it of KeyboardInterrupt, and says nothing
        end_at_once()
        if ended.code == EXIT_CODE and not _said:
            say(line)
        raise
    except OSError as error:
        end_at_once()
        if error.errno not in (*FULL, errno.EPIPE):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries once more to write there
        if error.errno in FULL:
            where = error.filename or "where this writes to"
            say(f"error: {where}: {error.strerror}. Free some space, and run this again")
        sys.exit(1)
    finally:
        end_at_once()


def _once_more(lost: "sys.UnraisableHookArgs") -> None:
    """Python prints an exception in a finalizer, and goes on: an interrupt in one comes again soon."""
    if lost.exc_type is KeyboardInterrupt:
        signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
    else:
        sys.__unraisablehook__(lost)
