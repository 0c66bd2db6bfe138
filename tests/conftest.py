"""What every test relies on: the sandbox's binaries on PATH, and an interrupt that interrupts."""

from __future__ import annotations

import os
import signal

from tools import build


def pytest_configure() -> None:
    """Before any test module is imported, in every worker."""
    found = {str(path.parent) for name in build.TOOLS if (path := build.resolve(name))}
    # A shell starts what it runs in the background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["PATH"] = os.pathsep.join([*sorted(found), os.environ.get("PATH", os.defpath)])
