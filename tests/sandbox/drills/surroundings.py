"""Drills around a whole life of a sandbox: its disk, its path, the umask, the locale.

Nothing fails in them but what a full disk makes fail: each command has to succeed.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.middle import Middle, the_engine
from tests.sandbox.drills.run import Run
from tests.sandbox.kit import REPOSITORY

Moments = Iterator[tuple[str, bool]]

UNCHANGED = re.compile(r"\d+ unchanged")
CHANGED = re.compile(r"\d+ (created|updated|replaced|deleted)")

STRANGE = "Prüfung mit Leerzeichen & (1)"

LOCALES: dict[str, dict[str, str | None]] = {
    "tr_TR.UTF-8, far in the east": {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"},
    "C, PYTHONUTF8=0": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX, far in the west, no language": {"LC_ALL": "POSIX", "LANG": "", "TZ": "Etc/GMT+12"},
}

BARE: dict[str, str | None] = {
    **dict.fromkeys(("HOME", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "TERM")),
    "TMPDIR": "/nonexistent",
    "PATH": os.defpath,
}
"""As a service manager or a container starts it: None is a variable that is not set."""

DISK = "480m"
"""What a sandbox needs to start, and some room to fill."""


def life(ground: Ground) -> Moments:
    """From nothing to nothing, in everyday's commands."""
    try:
        ground.succeed(*ground.up)
        ground.check(is_up=True)
        yield "up", True
        again = ground.succeed(*ground.up)
        assert UNCHANGED.search(again), again
        assert not CHANGED.search(again), again
        ground.succeed("status")
        ground.succeed("stop")
        ground.succeed("preview", *ground.up[1:])
        ground.check(is_up=True)
        yield "up again, stop, preview", True
        ground.succeed(*ground.down)
        ground.check(is_up=False)
        yield "down", True
    finally:
        ground.give_up()


def with_umask(mask: int) -> Callable[[Path, random.Random], Moments]:
    """The user's shell has this umask."""

    def around(folder: Path, _: random.Random) -> Moments:
        yield from life(Ground(folder, umask=mask))

    return around


def with_variables(**variables: str | None) -> Callable[[Path, random.Random], Moments]:
    """The user's shell has these, and the sandbox is in a folder that not each of them can spell."""

    def around(folder: Path, _: random.Random) -> Moments:
        yield from life(Ground(folder, home="Größe ñ 東京", env=variables))

    return around


def copy_of_the_checkout(folder: Path) -> Path:
    """The files that git knows, in another place, with the same virtual environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    return folder


def in_a_strange_path(folder: Path, _: random.Random) -> Moments:
    """Both the checkout and the sandbox; `make` brings it up as its users do."""
    checkout = copy_of_the_checkout(folder / STRANGE / "vault aws auth")
    ground = Ground(folder / STRANGE, home="Sandkasten 100% #ü's", checkout=checkout)
    try:
        yield from life(ground)
        stack_file = checkout / f"Pulumi.{ground.up[2]}.yaml"
        shutil.copy(ground.up[4], stack_file)
        for target in ("up", "status", "down"):
            made = ground.command("make", target, f"STACK={ground.up[2]}")
            assert made.returncode == 0, made.stdout + made.stderr
        ground.check(is_up=False)
        yield "make up, make down", True
    finally:
        ground.give_up()


# A full disk


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        raise NotTried(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def empty(folder: Path) -> None:
    """There is room again."""
    (folder / "filler").unlink(missing_ok=True)


class NotTried(Exception):
    """The machine does not let this drill happen; says why."""


def fill(folder: Path) -> None:
    """Leaves no room."""
    with contextlib.suppress(OSError), (folder / "filler").open("ab", buffering=0) as file:
        while True:
            if file.write(bytes(2**16)) < 2**16:
                break
    with contextlib.suppress(OSError), (folder / "filler").open("ab", buffering=0) as file:
        while file.write(bytes(512)):
            pass


@contextmanager
def full(ground: Ground, _: Run, __: random.Random) -> Iterator[None]:
    """Somebody else's file takes all that is left, until the run has ended."""
    fill(ground.home.root.parent)
    try:
        yield
    finally:
        empty(ground.home.root.parent)


def on_a_small_disk(folder: Path, chosen: random.Random) -> Moments:
    """It is full in the middle of `up` and of `down`; and from the start, which is told."""
    with small_disk(folder / "disk") as disk:
        ground = Ground(folder, home=str(disk / "sandbox"))
        try:
            yield from Middle(full, appears=the_engine, lives=0.4)(ground, chosen)
            fill(disk)
            answer = ground.run(*ground.up)
            empty(disk)
            said = answer.stdout + answer.stderr
            assert answer.returncode == 1, said
            assert "Traceback" not in said, said
            assert "disk" in said, said
            ground.succeed(*ground.up)
            ground.check(is_up=True)
            ground.succeed(*ground.down)
            ground.check(is_up=False)
            yield "full from the start", True
        finally:
            empty(disk)
            ground.give_up()
