"""The teams' Pulumi project, as its users have it: in a folder of its own, with the library."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sandbox import environment
from sandbox.home import Home
from tests import tally
from tests.sandbox.kit import REPOSITORY, Sandbox

EXAMPLE = REPOSITORY / "examples" / "platform-and-teams"


class TeamProject:
    """A folder `team` in which `pulumi` works against a sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.project = folder / "team"
        packages = folder / "packages"  # the library under the name that it has when it is installed
        packages.mkdir()
        (packages / "pulumi_vault_aws_auth").symlink_to(REPOSITORY / "components")
        variables = environment.process_environment(Home(sandbox.home))
        path = os.pathsep.join(filter(None, [str(packages), variables.get("PYTHONPATH", "")]))
        self.variables = {**variables, "PYTHONPATH": path}

    def copy_example(self) -> None:
        """With its program and the stack files of its two teams."""
        shutil.copytree(EXAMPLE / "team", self.project)

    def pulumi(self, *words: str) -> str:
        return self.run("pulumi", *words, "--non-interactive")

    def run(self, *words: str, folder: Path | None = None) -> str:
        """A command in the project's folder, or another, which has to succeed; returns what it printed."""
        answer = tally.note(
            subprocess.run(
                words,
                cwd=folder or self.project,
                env=self.variables,
                capture_output=True,
                text=True,
                timeout=250,
                check=False,
            )
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout
