"""The project's folder in the user's cache.

Its entries are complete, and written by one process at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tools import report
from tools.errors import cache_errors


def cache_dir() -> Path:
    """The tools' folder: `$XDG_CACHE_HOME` (default `~/.cache`) `/vault-aws-auth/bin`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "vault-aws-auth" / "bin"


def folder(name: str, *parts: bytes) -> Path:
    """The folder for a result of `parts`, on this kind of machine."""
    digest = hashlib.sha256()
    for part in (sys.platform.encode(), os.uname().machine.encode(), *parts):
        digest.update(len(part).to_bytes(8, "big") + part)
    return cache_dir() / f"{name}-{digest.hexdigest()[:16]}"


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A cache folder, locked for this process and without leftovers of a killed one."""
    own = cache_dir() / f".{name}"
    with cache_errors(cache_dir()):
        own.mkdir(parents=True, exist_ok=True)
        with (own / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report.say(f"{name}: another process makes it ready; waiting")
                fcntl.flock(handle, fcntl.LOCK_EX)
            for left in own.iterdir():
                if left.is_dir():
                    remove(left)
            with tempfile.TemporaryDirectory(dir=own) as made:
                yield Path(made)


def remove(target: Path) -> None:
    """Removes a folder, even Go's module cache, which is write-protected."""

    def unprotect(again: Any, path: str, _: Any) -> None:
        for each in (Path(path).parent, Path(path)):
            each.chmod(each.stat().st_mode | stat.S_IRWXU)
        again(path)

    shutil.rmtree(target, onerror=unprotect)


def kept(name: str, made_from: str, make: Callable[[Path], None]) -> Path:
    """A cache folder that `make` fills once on this machine, and again when `made_from` changes."""
    target = folder(name, made_from.encode())
    if not target.exists():
        with scratch(name) as made:
            if not target.exists():  # another process filled it while this one waited
                fresh = made / target.name
                fresh.mkdir()
                make(fresh)
                fresh.replace(target)
    return target
