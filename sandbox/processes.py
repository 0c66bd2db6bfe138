"""Starts, watches and stops the sandbox's long-running processes."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from sandbox.home import Home, SandboxError, port_is_free, write_private

STOP_SECONDS = 15
STARTS_OTHERS = "emulator"
"""Stopped first, with those that it has started: the API servers of clusters."""
OUTLIVE = ("etcd",)
"""Stopped last: without etcd, the API servers cannot end."""

RUN_ONCE_RECORDED = 'read -r recorded && exec "$@" < /dev/null'
"""How a shell starts a service: if this program is killed before it has recorded the process, not at all."""


@dataclass(frozen=True)
class Service:
    """A process: how to start it, and how to see that it is ready."""

    name: str
    command: Sequence[str]
    ports: Sequence[int]
    healthy: Callable[[], bool]
    """Returns True once it serves; False or an exception means not yet."""
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60
    """How long it may take to become healthy."""


def is_alive(process: psutil.Process, started: float) -> bool:
    """Whether it is the one that was started then, and has not ended.

    The time is counted from the boot, whose own time moves by a second when the clock is put right.
    """
    return abs(process.create_time() - started) < 2 and process.status() != psutil.STATUS_ZOMBIE


class Processes:
    """The processes of one sandbox, stored on disk by pid and start time.

    The start time tells them from later processes with the same pid. Commands and the emulated AWS start some
    at the same time, so the record is changed under a lock.
    """

    def __init__(self, home: Home, starter: str = "") -> None:
        """`starter` is the service on whose behalf these are started, and with which they are stopped."""
        self.home = home
        self.record = home.root / "processes.json"
        self.starter = starter
        self.started_here: list[str] = []

    def running(self) -> dict[str, psutil.Process]:
        """Those that run, by name."""
        alive = {}
        for name, entry in self._read().items():
            try:
                process = psutil.Process(int(entry["pid"]))
                if is_alive(process, entry["started"]):
                    alive[name] = process
            except psutil.NoSuchProcess:
                continue
        return alive

    def start(self, service: Service) -> None:
        """Starts the service unless it already runs; `wait` waits for it."""
        with self._locked():
            if service.name not in self.running():
                self._start(service)

    def _start(self, service: Service) -> None:
        for port in service.ports:
            if not port_is_free(port):
                raise SandboxError(
                    f"port {port}, which {service.name} listens on, is in use{_user_of(port)}. Stop that "
                    f"process and run the command again, or start another sandbox: "
                    f"SANDBOX_HOME=<folder>"
                )
        log = self.home.root / "logs" / f"{service.name}.log"
        with log.open("ab") as output, _gate() as (closed, opened):
            process = subprocess.Popen(
                ["/bin/sh", "-c", RUN_ONCE_RECORDED, "sh", *service.command],
                stdin=closed,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_minimal_environment(self.home), **service.environment},
                # A separate process group: Ctrl-C in the terminal reaches this program only.
                start_new_session=True,
            )
            self.started_here.append(service.name)
            entries = self._read()
            started = psutil.Process(process.pid).create_time()
            entry = {"pid": process.pid, "started": started, "starter": self.starter}
            self._write({**entries, service.name: entry})
            os.write(opened, b"recorded\n")  # `closed` is open here, so this never breaks

    def wait(self, service: Service) -> None:
        """Returns once the service is healthy; raises SandboxError if it dies or takes too long."""
        deadline = time.monotonic() + service.seconds
        reason = "no answer"
        while True:
            if service.name not in self.running():
                raise SandboxError(f"{service.name} stopped by itself. {self._last_words(service.name)}")
            try:
                if service.healthy():
                    return
            except Exception as error:  # any failure means: not yet
                reason = f"last answer: {error.__cause__ or error}"
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{service.name} was not ready after {service.seconds:.0f} s ({reason}). To start it "
                    f"again: python -m sandbox stop, then the same command. {self._last_words(service.name)}"
                )
            time.sleep(0.1)

    def stop(self, names: Collection[str] | None = None, *, at_once: bool = False) -> list[str]:
        """Stops all or the named processes, the last started first; returns the stopped names.

        `at_once` kills them, for when their data is deleted anyway.
        """
        chosen = self._named(names)
        if STARTS_OTHERS in chosen:
            # First of all: from then on nothing starts any other, and those that it has started are known.
            self._end_in_time([it for name, it in self.running().items() if name == STARTS_OTHERS], at_once)
            with_it = [name for name, entry in self._read().items() if entry.get("starter") == STARTS_OTHERS]
            chosen = [*self._named(None if names is None else {*names, *with_it}), STARTS_OTHERS]
        alive = self.running()
        last = () if at_once else OUTLIVE
        self._end_in_time([alive[name] for name in chosen if name in alive and name not in last], at_once)
        self._end_in_time([alive[name] for name in chosen if name in alive and name in last], at_once)
        with self._locked():
            still_running = self.running()
            self._write({name: entry for name, entry in self._read().items() if name in still_running})
        return chosen

    def _named(self, names: Collection[str] | None) -> list[str]:
        """Those that run, of all or of the named ones, the last started first."""
        return [name for name in reversed(list(self.running())) if names is None or name in names]

    def _end_in_time(self, processes: list[psutil.Process], at_once: bool) -> None:
        stubborn = processes if at_once else self._end(processes, signal.SIGTERM)
        self._end(stubborn, signal.SIGKILL)

    def _end(self, processes: list[psutil.Process], number: int) -> list[psutil.Process]:
        """Sends a signal and waits; returns those still running."""
        for process in processes:
            _signal_group(process, number)
        stubborn: list[psutil.Process] = psutil.wait_procs(processes, timeout=STOP_SECONDS)[1]
        return stubborn

    def _last_words(self, name: str) -> str:
        log = self.home.root / "logs" / f"{name}.log"
        lines = [
            line for line in log.read_text(errors="replace", encoding="utf-8").splitlines() if line.strip()
        ][-5:]
        return "Its log ends with:\n  " + "\n  ".join(lines) + f"\nThe whole log: {log}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self.record.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.record.exists():
            return {}
        entries: dict[str, dict[str, Any]] = self.home.read_json(self.record)
        return entries

    def _write(self, entries: Mapping[str, object]) -> None:
        write_private(self.record, json.dumps(entries, indent=2))


@contextlib.contextmanager
def _gate() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe, closed afterwards."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _minimal_environment(home: Home) -> dict[str, str]:
    """A service's environment: nothing that points at another AWS, Vault or cluster, nor the user's files."""
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    return {**inherited, "HOME": str(home.root / "run"), "PYTHONUTF8": "1"}


def _signal_group(process: psutil.Process, number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        process.send_signal(number)


def _user_of(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            local: Any = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and local and local.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""
