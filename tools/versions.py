"""The version of a tool, and whether the one on PATH can be used."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.table import Tool

ACCOUNTS = ("AWS_", "KUBE", "PULUMI_", "VAULT_")
"""Prefixes of variables that name accounts, servers, and commands that log in to them."""


def on_path(tool: Tool) -> Path | None:
    """The tool on PATH, if its version is in the tested range."""
    found = shutil.which(tool.name)
    version = version_of(found, tool.version_args) if found else None
    if not found or not version:
        return None
    low, high = tool.accepted
    return Path(found) if low <= version < high else None


@functools.cache  # cached, because asking starts the tool
def version_of(path: str, arguments: tuple[str, ...]) -> tuple[int, int] | None:
    """A binary's major and minor version; None if it does not run, or needs a license."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(
            [path, *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            env=_without_accounts(),
            check=False,
        )
        version = re.search(r"v?(\d+)\.(\d+)\.\d+(\+ent)?", answer.stdout + answer.stderr)
        if version and not version[3]:
            return int(version[1]), int(version[2])
    return None


def _without_accounts() -> dict[str, str]:
    """This environment, with nothing by which a tool would find the user's accounts, and log in to them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ACCOUNTS)}
    return {**kept, "KUBECONFIG": os.devnull, "KUBERC": "off", "PULUMI_SKIP_UPDATE_CHECK": "true"}


def described(tool: Tool) -> str:
    """The range as text: `1.32 to 1.36`."""
    (low, high) = tool.accepted
    last = f"{high[0]}.{high[1] - 1}"
    first = f"{low[0]}.{low[1]}"
    return first if first == last else f"{first} to {last}"
