"""A provider plugin of the user's own, official or not, wins over the local one; nothing else does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox import environment, plugin_choice
from sandbox.home import Home
from tests.sandbox.kit import REPOSITORY, Sandbox


def test_plugins_in_the_given_folder_are_the_ones_that_run_and_none_of_another_sandbox(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """In a shell that has sourced the `env` of another sandbox. The folder's plugins note that they ran and
    then do what the local ones do."""
    chosen, other = tmp_path / "chosen", Home(tmp_path / "other")
    mask = os.umask(0o077)
    other.create()
    os.umask(mask)
    environment.link_tools(other)
    plugin_choice.install(other)
    for each in (*(other.root / "pulumi").rglob("pulumi-*-*"), *(other.root / "bin").iterdir()):
        each.unlink()
        each.write_text(f"#!/bin/sh\necho {each} is of another sandbox >&2\nexit 1\n")
        each.chmod(0o700)
    chosen.mkdir()
    for name in ("vault", "kubernetes", "eks"):
        plugin = chosen / f"pulumi-resource-{name}"
        plugin.write_text(
            "#!/bin/sh\n"
            f"touch {chosen}/{name}.ran\n"
            f'PYTHONPATH={REPOSITORY} exec {sys.executable} -m sandbox.plugins {name} "$@"\n'
        )
        plugin.chmod(0o755)
    shell = {
        "PATH": os.pathsep.join([*environment.path_prefix(other), os.environ["PATH"]]),
        "PULUMI_HOME": str(other.root / "pulumi" / "home"),
    }
    try:
        answer = sandbox.run("preview", env={**shell, "SANDBOX_PLUGIN_PATH": str(chosen)})
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert {path.stem for path in chosen.glob("*.ran")} == {"vault", "kubernetes", "eks"}
        assert f"plugins from {chosen}: eks, kubernetes, vault" in answer.stdout
        assert "unchanged" in answer.stdout
    finally:
        plugin_choice.install(Home(sandbox.home))  # as the next command would do
