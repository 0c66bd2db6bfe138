"""What can go wrong while a tool is made ready, and how that is said in one line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path


class BuildError(Exception):
    """A tool that cannot be made ready; the message says why and what to do."""


class Unavailable(Exception):
    """A vendor's release that is not to be had here, for a reason that speaks for building the tool."""


@contextlib.contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turns what the operating system says about the cache's folder into a BuildError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            problem = f"{folder} is full ({error.strerror}); make room there, or name"
        else:
            problem = f"{folder} cannot be written to ({error.strerror or error}); name"
        raise BuildError(
            f"{problem} another folder with XDG_CACHE_HOME. Nothing half-done was left behind."
        ) from error
