"""Errors while a tool is prepared, each as one line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path


class BuildError(Exception):
    """A tool cannot be prepared; the message says why and what to do."""


class Unavailable(Exception):
    """A vendor's release is not available here, so the tool has to be built."""


@contextlib.contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the operating system for the cache folder into BuildError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            problem = f"{folder} is full ({error.strerror}); make room there, or name"
        else:
            problem = f"{folder} cannot be written to ({error.strerror or error}); name"
        raise BuildError(
            f"{problem} another folder with XDG_CACHE_HOME. Partial results were removed."
        ) from error
