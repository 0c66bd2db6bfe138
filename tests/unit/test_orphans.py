"""A test session that ends early leaves no sandbox running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from sandbox.home import Home
from sandbox.processes import Processes, Service
from tests import orphans

ROOT = Path(__file__).parents[2]

STARTS_A_SANDBOX = """\
import time
from sandbox.home import Home
from sandbox.processes import Processes, Service

def test_one(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    Processes(home).start(Service("one", ["/bin/sleep", "600"], [], lambda: True))
    time.sleep(600)
"""


def sandbox_in(folder: Path) -> psutil.Process:
    """A sandbox with one service, which is returned."""
    home = Home(folder)
    home.create()
    Processes(home).start(Service("one", ["/bin/sleep", "600"], [], lambda: True))
    return Processes(home).running()["one"]


def services_below(folder: Path) -> list[psutil.Process]:
    return [process for home in orphans.homes(folder) for process in Processes(home).running().values()]


def ended(process: psutil.Process) -> bool:
    return not psutil.wait_procs([process], timeout=20)[1]


def test_a_session_that_is_ended_by_a_signal_stops_what_its_workers_have_started(tmp_path: Path) -> None:
    tests = tmp_path / "test_it.py"
    tests.write_text(STARTS_A_SANDBOX)
    words = ["-q", "-n1", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "tests.orphans", str(tests)]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DEBUG_TEMPROOT": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as session:
        try:
            while not (found := services_below(tmp_path)):
                assert session.poll() is None
                time.sleep(0.1)
            session.terminate()
            said, _ = session.communicate(timeout=100)
            assert "stopped the sandbox that tests have left in" in said
            assert ended(found[0])
        finally:
            session.kill()
            for process in services_below(tmp_path):
                process.kill()


def test_what_a_killed_session_has_left_is_stopped_and_nobody_elses(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        pass
    begun = []
    for name, number in (("pytest-1", gone.pid), ("pytest-2", os.getpid())):
        begun.append(sandbox_in(tmp_path / name / "popen-gw0" / "test_one0" / "home"))
        (tmp_path / name / ".lock").write_text(str(number))
    try:
        assert [*orphans.killed_sessions(tmp_path)] == [tmp_path / "pytest-1"]
        for folder in orphans.killed_sessions(tmp_path):
            orphans.stop_below(folder)
        assert ended(begun[0])
        assert begun[1].is_running()
    finally:
        for process in begun:
            if process.is_running():
                process.kill()


def test_a_number_that_is_another_processs_by_now_is_no_session(tmp_path: Path) -> None:
    locked = tmp_path / "pytest-1" / ".lock"
    locked.parent.mkdir()
    locked.write_text(str(os.getpid()))
    os.utime(locked, (1, 1))
    assert [*orphans.killed_sessions(tmp_path)] == [locked.parent]
