"""What everybody runs: the sandbox up and down, one run of the engine, a login, `verify`, the guardrails."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline import guardrails
from policies.guardrails.configuration import PACK, path_of
from sandbox import place
from sandbox.engine import Engine
from sandbox.environment import process_environment
from sandbox.home import Home
from sandbox.processes import Processes
from tests.bench.measure import Cost, median, ratio, run
from tests.bench.rows import CPU, RATIO, WALL, Report, Row

FORK_SERVER = "fork-server"


@dataclass(frozen=True)
class Bench:
    """A sandbox of its own, in which stack `local` comes up."""

    home: Home

    def sandbox(self, *words: str) -> Cost:
        env = {**os.environ, "SANDBOX_HOME": str(self.home.root)}
        return run([sys.executable, "-m", "sandbox", *words], env, watched=fork_server(self.home))

    def shell(self, *words: str) -> Cost:
        """A command in the sandbox's environment, as after `source .sandbox/env`."""
        variables = process_environment(self.home, place.variables(self.home))
        return run(words, variables, watched=fork_server(self.home))

    def outputs(self) -> dict[str, Any]:
        return Engine(self.home, "local").outputs()


def fork_server(home: Home) -> list[psutil.Process]:
    """What also does the engine's work: plugins and program are its forks, which no engine waits for."""
    running = Processes(home).running() if home.exists else {}
    return [running[FORK_SERVER]] if FORK_SERVER in running else []


@contextmanager
def new_sandbox() -> Iterator[Bench]:
    """An empty one, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Home(Path(folder) / "sandbox"))
        try:
            yield bench
        finally:
            bench.sandbox("down", "--force")


def rows(report: Report) -> None:
    """Brings stack `local` up and down in a sandbox of its own, and measures on the way."""
    with new_sandbox() as bench:
        report(Row("make up, from nothing", bench.sandbox("up").wall, WALL, 25))
        report(Row("make up, running", median(lambda: bench.sandbox("up")).wall, WALL, 8))
        logins = len(bench.outputs()["logins"])
        login = median(lambda: bench.shell("vault-aws-auth", "login", "pod", "--stack", "local"))
        report(Row("vault-aws-auth login pod", login.cpu, CPU, 0.8))
        proof = median(lambda: bench.shell("vault-aws-auth", "login", "--all", "--stack", "local"))
        report(Row(f"{logins} logins proven", proof.cpu, CPU, 2.3))
        verify = median(lambda: bench.shell("vault-aws-auth", "verify", "--stack", "local"))
        report(Row("vault-aws-auth verify", verify.cpu, CPU, 4))
        _engine_runs(bench, report)
        bench.sandbox("stop")
        report(Row("make up, stopped", bench.sandbox("up").wall, WALL, 20))
        report(Row("make down", bench.sandbox("down").wall, WALL, 15))


def _engine_runs(bench: Bench, report: Report) -> None:
    plain = ["pulumi", "preview", "--stack", "local", "--expect-no-changes"]
    pack = guardrails.variables(guardrails.engine_options(PACK, path_of(PACK, "local")))
    guarded = ["env", *(f"{name}={value}" for name, value in pack.items()), *plain]
    report(Row("one run of the engine", median(lambda: bench.shell(*plain)).cpu, CPU, 4))
    on_to_off = ratio(lambda: bench.shell(*guarded), lambda: bench.shell(*plain))
    report(Row("policy pack ÷ the program's own guardrails", on_to_off, RATIO, 1.05))
