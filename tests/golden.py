"""Golden files: what users rely on, kept as a file, so that a change of it is seen and thought about."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

RENEW = "RENEW_GOLDEN"


def check(found: str, golden: Path, advice: str) -> None:
    """Fails with the difference and the advice, unless the file holds what was found."""
    if os.environ.get(RENEW):
        golden.write_text(found)
        return
    kept = golden.read_text() if golden.exists() else ""
    if kept == found:
        return
    name = golden.name
    lines = difflib.unified_diff(
        kept.splitlines(), found.splitlines(), f"{name} (kept)", f"{name} (now)", lineterm=""
    )
    pytest.fail("\n".join([*lines, "", advice, "Then renew the file with: make golden"]), pytrace=False)
