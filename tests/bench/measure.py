"""What a command costs: CPU seconds of its whole process tree, which a busy machine lengthens far less than
seconds on the clock, and both side by side.

Two things are compared by taking turns in one run, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]


class BenchError(Exception):
    """Something that is measured did not work; the message ends with what it printed."""


@dataclass(frozen=True)
class Cost:
    """What one run of something took, in seconds."""

    cpu: float
    """User and system time of the process, of everything that it started, and of the servers watched."""
    wall: float


def run(
    words: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    cwd: Path = REPOSITORY,
    watched: Sequence[psutil.Process] = (),
) -> Cost:
    """Runs a command that must succeed and says what it took.

    `watched` are servers that do part of the command's work: what they and the children that they wait for
    burn meanwhile counts as well.
    """
    before = {server: burnt(server) for server in watched}
    began = time.perf_counter()
    process = subprocess.Popen(
        list(words),
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise BenchError(f"{' '.join(words)} failed (exit {process.returncode}):\n{printed.decode()[-4000:]}")
    # One that the command has stopped tells nothing any more.
    servers = sum(burnt(server) - start for server, start in before.items() if server.is_running())
    return Cost(usage.ru_utime + usage.ru_stime + servers, wall)


def burnt(process: psutil.Process) -> float:
    """CPU seconds of a process so far, and of the children that it has waited for."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def median(measure: Callable[[], Cost], repeat: int = 3) -> Cost:
    """The run in the middle of several, by CPU."""
    runs = sorted((measure() for _ in range(repeat)), key=lambda cost: cost.cpu)
    return runs[len(runs) // 2]


def ratio(one: Callable[[], Cost], other: Callable[[], Cost], repeat: int = 15) -> float:
    """CPU of `one` by that of `other`: the median over pairs that ran one after the other.

    They start by turns, for the first of a pair finds the machine in another state than the second. Many
    pairs, because two runs of the same differ by more than what is looked for.
    """
    pairs = []
    for number in range(repeat):
        first, second = (one, other) if number % 2 == 0 else (other, one)
        costs = {first: first().cpu, second: second().cpu}
        pairs.append(costs[one] / costs[other])
    return statistics.median(pairs)


def python(program: str, env: Mapping[str, str] | None = None) -> Cost:
    """What a fresh Python takes to run this text."""
    return run([sys.executable, "-c", program], env)
