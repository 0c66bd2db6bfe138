"""A fork of the fork server: reads its launcher's request and becomes that process."""

from __future__ import annotations

import atexit
import importlib
import io
import marshal
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sandbox.home import REPOSITORY

READ_ANEW = (
    *("hvac.constants.client", "hvac.v1", "hvac"),
    *("kubernetes.config.kube_config", "kubernetes.config"),
)
"""Imported modules that read settings at import: VAULT_CACERT, KUBECONFIG."""

FIXED = (
    *(b"PYTHON", b"PROTOCOL_BUFFERS_", b"GRPC_PYTHON_", b"GRPC_ENABLE_FORK_SUPPORT", b"GRPC_ASYNCIO_ENGINE"),
    b"GRPC_SINGLE_THREADED_UNARY_STREAM",
    *(b"PYDANTIC_", b"OTEL_", b"TRACEPARENT", b"PULUMI_OTEL_", b"PULUMI_ENABLE_LEGACY_APPLY"),
)
"""Prefixes of variables that Python reads at its start, or modules at import. A launcher with other values
than the fork server gets no fork."""

NOT_FIXED = {b"PYTHONPATH", b"PYTHONUNBUFFERED", b"PYTHONDONTWRITEBYTECODE"}

_REQUEST_WITHIN = 5


@dataclass
class Launch:
    """A launcher's request."""

    module: str
    arguments: list[str]
    folder: bytes
    environment: dict[bytes, bytes]
    umask: int
    streams: list[int]
    """File descriptors: standard input, output and error."""
    connection: socket.socket
    """Carries the launcher's signals; its end means that the launcher is gone."""


def received(connection: socket.socket) -> Launch | None:
    """A launcher's request; None if a fork cannot fulfil it, or there was none."""
    connection.settimeout(_REQUEST_WITHIN)
    streams: list[int] = []
    try:
        head, streams, _, _ = socket.recv_fds(connection, 4, 3)
        with connection.makefile("rb") as stream:
            text = stream.read(int.from_bytes(head, "big"))
            words, folder, environment, umask = marshal.loads(text)  # noqa: S302 - the folder is private
    except (OSError, ValueError, EOFError, TypeError):
        words = []
    connection.settimeout(None)
    if len(streams) != 3 or not words or _fixed(environment) != _fixed(os.environb):
        for descriptor in streams:
            os.close(descriptor)
        return None
    return Launch(words[0], words[1:], folder, environment, umask, streams, connection)


def _fixed(environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {k: v for k, v in environment.items() if k.startswith(FIXED) and k not in NOT_FIXED}


def become(launch: Launch, folder: Path) -> NoReturn:
    """Runs what the launcher requested, as if started that way, and exits."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for target, descriptor in enumerate(launch.streams):
        os.dup2(descriptor, target)
    for descriptor in launch.streams:
        if descriptor > 2:
            os.close(descriptor)
    sys.stdout = sys.__stdout__ = _unbuffered(1)  # type: ignore[misc]  # they are constants to others
    sys.stderr = sys.__stderr__ = _unbuffered(2)  # type: ignore[misc]
    os.umask(launch.umask)
    os.chdir(launch.folder)
    os.environb.clear()
    os.environb.update(launch.environment)
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [str(Path.cwd()), str(REPOSITORY), *filter(None, added)]
    # Bytecode is kept, but not in the user's folders.
    sys.pycache_prefix, sys.dont_write_bytecode = str(folder / "bytecode"), False
    importlib.invalidate_caches()
    for name in READ_ANEW:
        importlib.reload(sys.modules[name])
    tempfile.tempdir = None
    sys.argv = [launch.module, *launch.arguments]
    threading.Thread(target=_follow, args=(launch.connection,), daemon=True).start()
    code = 0
    try:
        runpy.run_module(launch.module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    # Not `sys.exit`: tearing down all imports costs as much as a run.
    atexit._run_exitfuncs()
    os._exit(code)


def _unbuffered(descriptor: int) -> io.TextIOWrapper:
    """Unbuffered as with `python -u`, because a fork can end without flushing."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, errors="backslashreplace", write_through=True)


def _follow(launcher: socket.socket) -> None:
    """Passes on the launcher's signals; ends this process as soon as the launcher is gone."""
    with suppress(OSError):
        while number := launcher.recv(1):
            os.kill(os.getpid(), number[0])
    os._exit(0)
