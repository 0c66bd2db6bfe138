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

SANDBOX_MARKER = ".sandbox"
"""The file by which a sandbox's folder is told from others."""

ACCOUNTS = ("AWS_", "KUBE", "PULUMI_", "VAULT_")
"""Prefixes of variables that name accounts, servers, and commands that log in to them."""


def on_path(tool: Tool) -> Path | None:
    """The tool on PATH, if its version is in the tested range."""
    found = _found(tool)
    return found if found and not unsuitable(tool) else None


def unsuitable(tool: Tool) -> str | None:
    """Why the tool on PATH is not used; None if it is, or if there is none."""
    found = _found(tool)
    if not found:
        return None
    version = version_of(str(found), tool.version_args)
    low, high = tool.accepted
    if version and low <= version < high:
        return None
    problem = f"has version {version[0]}.{version[1]}" if version else "shows no version, or needs a license"
    return f"{found} {problem}; the sandbox is tested with {tool.name} {described(tool)}"


def search_path() -> str:
    """PATH without the folders of sandboxes, which are there after `source .sandbox/env`."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not is_of_a_sandbox(Path(folder)))


def is_of_a_sandbox(path: Path) -> bool:
    """Whether a path is in the folder of a sandbox."""
    return any((folder / SANDBOX_MARKER).is_file() for folder in path.absolute().parents)


def _found(tool: Tool) -> Path | None:
    found = shutil.which(tool.name, path=search_path()) if tool.version_args else None
    return Path(found) if found else None


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
