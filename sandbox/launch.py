"""Runs `python -m MODULE` as a fork of the sandbox's fork server; if none answers, in a Python of its own.

Usage: `python -I -S launch.py FOLDER MODULE [ARGUMENT ...]`; the fork server listens in FOLDER. Every start
of a plugin runs this, so it imports modules written in C (`_socket` for `socket`), which halves its time.

The fork is like a child: it has this process' arguments, environment, working directory and standard streams,
it gets the signals, and it ends with this process, which ends with its own parent.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import marshal
import os
import select
import sys

ANSWERS_WITHIN = 10  # seconds; a fork server that does not answer by then is ignored


def main() -> None:
    """Runs the command line's module, and ends with its exit code."""
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    engine = os.getppid()
    connection = _ask(sys.argv[1], sys.argv[2:])
    if connection is None:
        repository = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        path = [repository, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        words = [sys.executable, "-u", "-m", "sandbox.lifetime", *sys.argv[2:]]
        os.execve(sys.executable, words, environment)  # noqa: S606 - no shell is wanted
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, lambda number, _: connection.send(bytes([number])))
    while not select.select([connection], [], [], 1)[0]:
        if os.getppid() != engine:
            os._exit(0)
    code = connection.recv(1)  # none: the fork server was killed before it sent one
    os._exit(code[0] if code else 1)


def _ask(folder: str, words: list[str]) -> _socket.socket | None:
    """The connection to the fork; None if there is none."""
    here, mask = os.getcwd(), os.umask(0o077)
    os.umask(mask)
    request = marshal.dumps((words, os.fsencode(here), dict(os.environb), mask))
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.settimeout(ANSWERS_WITHIN)
    try:
        os.chdir(folder)  # the path of a Unix socket has room for 100 characters: this one is relative
        connection.connect("forkserver")
        streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)]
        connection.sendmsg([len(request).to_bytes(4, "big")], rights)
        connection.sendall(request)
        forked = connection.recv(1) == b"+"
    except OSError:
        forked = False
    os.chdir(here)
    return connection if forked else None


if __name__ == "__main__":
    main()
