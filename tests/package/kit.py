"""The component package as the engine finds it, and programs that use it, against a sandbox."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox import plugin_choice
from sandbox.environment import write_launcher
from sandbox.home import Home
from tests import tally
from tests.sandbox.kit import REPOSITORY, Sandbox

PLUGIN = "pulumi-resource-vault-aws-auth"


def write_plugin(folder: Path, python: Path, plugin: Path) -> Path:
    """The executable that the engine looks for: it runs the plugin's folder, as Pulumi's Python host does."""
    return _write_launcher(folder / PLUGIN, python, plugin)


def write_language_host(folder: Path, python: Path) -> Path:
    """A language host that runs programs with this Python and nothing of this repository."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "language_host.py"
    copy.write_text((REPOSITORY / "sandbox" / "language.py").read_text())
    return _write_launcher(folder / "pulumi-language-python", python, copy)


def write_plugin_host(folder: Path) -> Path:
    """The sandbox's language host, which starts plugins from their folder, too."""
    target = folder / "pulumi-language-python"
    write_launcher(target, ["-u", "-m", "sandbox.language"])
    return target


def _write_launcher(target: Path, python: Path, program: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -u {shlex.quote(str(program))} "$@"\n')
    target.chmod(0o700)
    return target


def pulumi(*words: str, folder: Path, tools: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The CLI where it needs no state; `tools` is a folder of plugins."""
    found = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        **env,
    }
    return subprocess.run(
        ["pulumi", *words], cwd=folder, env=found, capture_output=True, text=True, timeout=280, check=False
    )


ABOUT_THE_MAKING = (
    *("created", "modified", "sourcePosition", "stackTrace"),
    *("dependencies", "propertyDependencies"),
)
"""What the state says of how a resource was made, and not of the resource."""


@dataclass
class Project:
    """A copy of a Pulumi project, with one stack in a sandbox that runs."""

    sandbox: Sandbox
    source: Path
    folder: Path
    """Where the copy is, which gets the stack file."""
    tools: Path
    """A folder of plugins that go before all others."""
    stack: str = "test"
    hosts: bool = True
    """Whether they are used."""

    def start(self, **config: str) -> None:
        """Makes the copy and the stack."""
        shutil.copytree(self.source, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        home = Home(self.sandbox.home)
        (home.root / "pulumi" / "state").mkdir(exist_ok=True)
        plugin_choice.install(home)
        self.done("stack", "init", self.stack)
        for key, value in config.items():
            self.done("config", "set", key, value)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`pulumi WORDS`; the caller looks at the exit code."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VAULT_"))},
            **self.sandbox.env,
            "PULUMI_STACK": self.stack,
        }
        own = [*([str(self.tools)] if self.hosts else []), str(Path(sys.executable).parent)]
        environment["PATH"] = os.pathsep.join([*own, os.environ["PATH"]])
        return tally.note(
            subprocess.run(
                ["pulumi", *words, "--non-interactive"],
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=280,
                check=False,
            )
        )

    def done(self, *words: str) -> str:
        """The same, where it must succeed; returns what is printed."""
        answer = self.run(*words)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def change(self, command: str, *options: str, **config: str) -> subprocess.CompletedProcess[str]:
        """`up`, `preview` or `destroy`, with some of the configuration changed."""
        changed = [word for key, value in config.items() for word in ("-c", f"{key}={value}")]
        unasked = [] if command == "preview" else ["--yes", "--skip-preview"]
        return self.run(command, *unasked, *options, *changed)

    def up(self, *options: str, **config: str) -> str:
        """Brings the stack up; returns what is printed."""
        answer = self.change("up", *options, **config)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def preview(self, *options: str, **config: str) -> str:
        """Previews the stack; returns what is printed."""
        answer = self.change("preview", *options, **config)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def in_this_environment(self) -> Project:
        """The same project; its program runs with this virtual environment and can import this repository."""
        return replace(self, hosts=False)

    def state(self) -> list[dict[str, Any]]:
        """The stack's resources, secrets encrypted."""
        found: list[dict[str, Any]] = json.loads(self.done("stack", "export"))["deployment"]["resources"]
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The same in the clear, in an order of its own: comparable with those of another update.

        Without what the engine tracks of the outputs that went in: those of a remote component count the
        component and its children, those of one in process the child that an output comes from.
        """
        text = self.done("stack", "export", "--show-secrets")
        resources = json.loads(text)["deployment"]["resources"]
        found = [{k: v for k, v in each.items() if k not in ABOUT_THE_MAKING} for each in resources]
        return sorted(found, key=lambda resource: str(resource["urn"]))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in the clear."""
        found: dict[str, Any] = json.loads(self.done("stack", "output", "--json", "--show-secrets"))
        return found
