"""What every test relies on: the sandbox's binaries are on PATH, wherever they were found or built."""

from __future__ import annotations

import os

from tools import build


def pytest_configure() -> None:
    """Before any test module is imported, in every worker."""
    found = {str(path.parent) for name in build.TOOLS if (path := build.resolve(name))}
    os.environ["PATH"] = os.pathsep.join([*sorted(found), os.environ.get("PATH", os.defpath)])
