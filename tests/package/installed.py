"""The package as users get it: built from a tag of a git host, and installed from a package index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from components.version import REPOSITORY as PUBLISHED
from components.version import VERSION
from tests.package.hosting import git_host, index, tagged
from tests.package.kit import pulumi, write_language_host, write_plugin, write_plugin_host
from tests.sandbox.kit import REPOSITORY
from tools import build

LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".sandbox*",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
    "tests",
)


@dataclass(frozen=True)
class Installed:
    """A virtual environment that holds the wheel and what it declares."""

    root: Path

    @property
    def tree(self) -> Path:
        """The files as Pulumi fetched them, with the environment that it made in `plugin/venv`."""
        return self.root / "tree"

    @property
    def wheel(self) -> Path:
        (found,) = (self.root / "dist").glob("*.whl")
        return found

    @property
    def venv(self) -> Path:
        """Where `pulumi package add` makes it, for the plugin."""
        return self.tree / "plugin" / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def tools(self) -> Path:
        """The plugins that run with this virtual environment: the component package, Python programs."""
        return self.root / "tools"

    @property
    def schema(self) -> Path:
        """What Pulumi reads from the package at its tag."""
        return self.root / "schema.json"

    def make(self) -> Installed:
        """Does what the pages say, with a git host and an index of this machine; takes a minute.

        Pulumi fetches the package at its tag and makes its environment. There pip installs the wheel of the
        same tag, by its name, from an index that has nothing else: what it needs is there, installed once.
        """
        published, tag = self.root / "published", f"v{VERSION}"
        shutil.copytree(REPOSITORY, published, ignore=LEFT_OUT)
        tagged(published, tag)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        # The versions that the project is tested with; which packages is the wheel's own affair.
        pinned = {
            "PIP_CONSTRAINT": str(REPOSITORY / "constraints.txt"),
            "PIP_CACHE_DIR": str(build.cache_dir().parent / "pip"),  # `make clean-cache` empties it
            "PIP_NO_COMPILE": "1",
        }
        with git_host(published, self.root / "git host") as host:
            self._add(f"{PUBLISHED.removeprefix('https://')}/plugin@{tag}", **host.for_pulumi, **pinned)
            into = ["--no-deps", "--wheel-dir", str(self.root / "dist")]
            _run(
                *pip,
                "wheel",
                "--quiet",
                *into,
                f"pulumi-vault-aws-auth @ git+{PUBLISHED}@{tag}",
                **host.for_git,
            )
        with index(self.wheel) as url:
            install = [*pip, "--python", str(self.python), "install", "--quiet", "--index-url", url]
            _run(*install, f"pulumi-vault-aws-auth=={VERSION}", **pinned)
        write_plugin(self.tools, self.python, self.tree / "plugin")
        write_language_host(self.tools, self.python)
        return self

    def _add(self, source: str, **variables: str) -> None:
        """How `pulumi package add` begins: with the package, its environment and its schema."""
        home, hosts = self.root / "pulumi", self.root / "hosts"
        write_plugin_host(hosts)
        words = ["package", "get-schema", source]
        answer = pulumi(*words, folder=self.root, tools=hosts, PULUMI_HOME=str(home), **variables)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        self.schema.write_text(answer.stdout)
        (fetched,) = home.glob("plugins/resource-*/plugin")
        self.tree.symlink_to(fetched.parent)

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`python WORDS` in that environment, which knows nothing of this repository."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [str(self.python), *words],
            cwd=cwd or self.root,
            env=clean,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )


def _run(*words: str, **variables: str) -> None:
    answer = subprocess.run(
        words, env={**os.environ, **variables}, capture_output=True, text=True, timeout=570, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
