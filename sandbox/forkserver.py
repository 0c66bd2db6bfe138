"""The fork server: a Python process that has imported all that plugins need; each plugin is a fork of it.

The engine starts ten Python processes for every run (language host, guardrails, provider plugins), which
spent most of their time importing SDKs. A fork has these from the start, and shares nothing else: it has the
arguments, environment, working directory and standard streams of its launcher (`launch.py`).

Imports are as on disk: if an imported file changes, the launcher starts a Python of its own, and the fork
server restarts itself. Of the project, it imports the plugins only, never the stack's program.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns
from types import ModuleType
from typing import NoReturn

from sandbox.forked import Launch, become, received
from sandbox.home import REPOSITORY

SOCKET = "forkserver"

IMPORTED = (
    # the language host, the guardrails, and what the stack's program imports
    "google.protobuf.json_format",
    "grpc._channel",  # these two are imported as the first channel and the first server are made
    "grpc._server",
    "hcl2",
    "pulumi.automation._server",
    "pulumi.policy",
    "pulumi_policy",
    "pulumi_aws.ec2",
    "pulumi_aws.eks",
    "pulumi_aws.iam",
    "pulumi_eks",
    "pulumi_kubernetes.apiextensions",
    "pulumi_kubernetes.core.v1",
    "pulumi_kubernetes.helm",
    "pulumi_kubernetes.helm.v3",
    "pulumi_random",
    "pulumi_vault.aws",
    "pulumi_vault.generic",
    "pulumi_vault.identity",
    # the local plugins
    "sandbox.plugins.server",
    "sandbox.plugins.serving",
    "sandbox.plugins.aws",
    "sandbox.plugins.eks.provider",
    "sandbox.plugins.kubernetes",
    "sandbox.plugins.random",
    "sandbox.plugins.vault",
)

A_VAULT_POLICY = 'path "a" {\n  capabilities = ["b", "c"]  # d\n}\n\npath "e" {}\n'
"""With it hcl2 makes its parser, down to the states in which the guardrails read Vault's policies."""


@dataclass
class ForkServer:
    """Listens in a private folder, forks, and reports the forks' exit codes to their launchers."""

    folder: Path
    started: int = field(default_factory=time_ns)
    """A time before the first import."""
    children: dict[int, socket.socket] = field(default_factory=dict)

    def serve(self) -> Launch:
        """Returns only in the forks, with the launch of each."""
        files = _files()
        if any(self.started < time <= time_ns() for time, _ in files.values()):
            _start_anew()  # edited during the imports, before or after its own
        listener = self._listen()
        woken, wake = socket.socketpair()
        for each in (woken, wake):
            each.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        while True:
            readable = select.select([listener, woken], [], [])[0]
            if woken in readable:
                woken.recv(4096)
                self._reap()
            if listener not in readable:
                continue
            connection = listener.accept()[0]
            if _files(files) != files:
                _start_anew()
            launch = received(connection)
            if launch is None:
                connection.close()
            elif self._forked(launch):
                for each in (listener, woken, wake):
                    each.close()
                return launch

    def _listen(self) -> socket.socket:
        os.chdir(self.folder)  # the path of a Unix socket has room for 100 characters: this one is relative
        Path(SOCKET).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(SOCKET)
        listener.listen(64)
        return listener

    def _forked(self, launch: Launch) -> bool:
        """Forks. Returns True in the fork, False in the server."""
        try:
            pid = os.fork()
        except OSError:  # no room for another process; the launcher starts a Python of its own
            launch.connection.close()
            pid = -1
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for each in self.children.values():
                each.close()
            return True
        for descriptor in launch.streams:
            os.close(descriptor)
        if pid > 0:
            self.children[pid] = launch.connection
            with suppress(OSError):  # else the launcher is gone, which the fork notices
                launch.connection.send(b"+")
        return False

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                connection = self.children.pop(ended[0], None)
                if connection is None:  # a child from before this server restarted itself
                    continue
                code = os.waitstatus_to_exitcode(ended[1])
                with connection, suppress(OSError):
                    connection.send(bytes([code if code >= 0 else 128 - code]))


def _files(of: Iterable[str] = ()) -> dict[str, tuple[int, int]]:
    """All imported files (or the given ones), with time and size; zeros if a file is gone."""
    found = {}
    for path in of or _imported_files():
        try:
            status = os.stat(path)  # noqa: PTH116 - three times as fast for a thousand files
            found[path] = (status.st_mtime_ns, status.st_size)
        except OSError:
            found[path] = (0, 0)
    return found


def _imported_files() -> set[str]:
    # Other types are lazy modules, which this would load.
    modules = [module for module in sys.modules.values() if type(module) is ModuleType]
    paths = {path for module in modules if (path := getattr(module, "__file__", None))}
    standard = f"{sysconfig.get_path('stdlib')}{os.sep}"
    return {sys.executable} | {
        path for path in paths if not path.startswith(standard) or "site-packages" in path
    }


def _start_anew() -> NoReturn:
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - no shell is wanted


def answers(folder: Path) -> bool:
    """Whether a fork server listens in a folder."""
    if not (folder / SOCKET).exists():
        return False
    connect = f"import _socket; _socket.socket(_socket.AF_UNIX).connect({SOCKET!r})"
    command = [sys.executable, "-I", "-S", "-c", connect]
    return subprocess.run(command, cwd=folder, stderr=subprocess.DEVNULL, check=False).returncode == 0


def import_all() -> None:
    """Imports all that forks need."""
    for name in IMPORTED:
        hasattr(importlib.import_module(name), "loaded")  # loads the SDKs' lazy modules


def main() -> None:
    """`python -m sandbox.forkserver FOLDER`"""
    server = ForkServer(Path(sys.argv[1]))
    gc.disable()  # nearly all that imports make stays; to look for the rest takes a third of their time
    import_all()
    sys.modules["sandbox.plugins.aws.client"].read_models()
    sys.modules["hcl2"].loads(A_VAULT_POLICY)
    if threading.active_count() > 1:
        raise RuntimeError(f"cannot fork with several threads: {threading.enumerate()}")
    sys.path[:] = [folder for folder in sys.path if folder not in ("", str(Path.cwd()), str(REPOSITORY))]
    gc.freeze()  # a collection in a fork would write to every page, and so copy it
    gc.enable()
    become(server.serve(), server.folder)


if __name__ == "__main__":
    main()
