"""A provider plugin of the user's own, official or not, wins over the local one."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox import engine
from sandbox.home import Home
from tests.sandbox.kit import REPOSITORY, Sandbox


def test_plugins_in_the_given_folder_are_the_ones_that_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """The folder's plugins note that they ran and then do what the local ones do."""
    for name in ("vault", "kubernetes", "eks"):
        plugin = tmp_path / f"pulumi-resource-{name}"
        plugin.write_text(
            "#!/bin/sh\n"
            f"touch {tmp_path}/{name}.ran\n"
            f'PYTHONPATH={REPOSITORY} exec {sys.executable} -m sandbox.plugins {name} "$@"\n'
        )
        plugin.chmod(0o755)
    try:
        answer = sandbox.run("preview", env={"SANDBOX_PLUGIN_PATH": str(tmp_path)})
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert {path.stem for path in tmp_path.glob("*.ran")} == {"vault", "kubernetes", "eks"}
        assert "unchanged" in answer.stdout
    finally:
        engine.install_plugins(Home(sandbox.home))  # as the next command would do


def test_a_folder_that_is_not_there_is_one_message(sandbox: Sandbox) -> None:
    answer = sandbox.run("up", env={"SANDBOX_PLUGIN_PATH": "/nonexistent"})
    assert answer.returncode == 1
    assert "SANDBOX_PLUGIN_PATH=/nonexistent is not a folder" in answer.stderr
