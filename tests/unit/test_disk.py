"""A disk without room ends a command with one message, which says so; and is told before anything starts."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from sandbox import reserve
from sandbox.home import NEEDED_AT_WORK, Home, SandboxError

ROOT = Path(__file__).parents[2]
Usage = namedtuple("Usage", "total used free")


def test_too_little_room_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.require_space()
    monkeypatch.setattr("sandbox.home.shutil.disk_usage", lambda _: Usage(2**30, 2**30, 50 * 2**20))
    with pytest.raises(SandboxError, match=r"has 50 MB free, and the sandbox needs 250 MB.*SANDBOX_HOME="):
        home.require_space()
    assert not home.is_full
    monkeypatch.setattr("sandbox.home.shutil.disk_usage", lambda _: Usage(2**30, 2**30, 4096))
    assert home.is_full


def test_a_sandbox_that_runs_needs_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.home.shutil.disk_usage", lambda _: Usage(2**30, 2**30, 50 * 2**20))
    Home(tmp_path).require_space(NEEDED_AT_WORK)


ENDS_IN_ORDER = """\
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
print("at work", flush=True)
signal.pause()
"""


def test_an_engine_is_told_to_end_and_given_room_for_that_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [2**30, 2**30, 2 * 2**20]
    monkeypatch.setattr(reserve, "PAUSE", 0.01)
    monkeypatch.setattr("sandbox.reserve.shutil.disk_usage", lambda _: Usage(2**30, 2**30, free.pop(0)))
    with subprocess.Popen([sys.executable, "-c", ENDS_IN_ORDER], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        engine.stdout.readline()
        with reserve.kept(Home(tmp_path), engine) as room:
            assert (tmp_path / "reserve").stat().st_size == reserve.SIZE
            assert engine.wait(60) == 7
    assert room.used
    assert not (tmp_path / "reserve").exists()


def test_the_room_stays_for_the_next_engine_where_there_is_enough(tmp_path: Path) -> None:
    with (
        subprocess.Popen(["/bin/sleep", "0.1"], text=True) as engine,
        reserve.kept(Home(tmp_path), engine) as room,
    ):
        assert engine.wait(60) == 0
    assert not room.used
    assert (tmp_path / "reserve").exists()


def test_a_file_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: no file of more than ten bytes."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "start"],
        cwd=ROOT,
        env={**os.environ, "SANDBOX_HOME": str(tmp_path / "home")},
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert os.strerror(errno.EFBIG) in done.stderr
    assert "Traceback" not in done.stderr
