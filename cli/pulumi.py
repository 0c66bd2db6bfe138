"""The `pulumi` command, which knows the stacks."""

import subprocess
from pathlib import Path


def run(project: Path, stack: str | None, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs it in the project's folder, for this stack or the selected one; it asks nothing.

    Raises OSError where it cannot be run.
    """
    return subprocess.run(
        ["pulumi", *words, "--non-interactive", *(["--stack", stack] if stack else [])],
        cwd=project,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )
