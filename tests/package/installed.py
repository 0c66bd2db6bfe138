"""The package as users get it: built, and installed into an empty virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.package.kit import write_language_host, write_plugin
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
        """The repository's files, as `pulumi package add` lays them out."""
        return self.root / "tree"

    @property
    def wheel(self) -> Path:
        (found,) = (self.root / "dist").glob("*.whl")
        return found

    @property
    def python(self) -> Path:
        return self.root / "venv" / "bin" / "python"

    @property
    def tools(self) -> Path:
        """The plugins that run with this virtual environment: the component package, Python programs."""
        return self.root / "tools"

    def make(self) -> Installed:
        """Builds and installs all of it; takes a minute."""
        shutil.copytree(REPOSITORY, self.tree, ignore=LEFT_OUT)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(self.root / "dist"), str(self.tree))
        _run(sys.executable, "-m", "venv", "--without-pip", str(self.root / "venv"))
        install = [*pip, "--python", str(self.python), "install", "--quiet"]
        install += ["--cache-dir", str(build.cache_dir().parent / "pip")]  # `make clean-cache` empties it
        # The versions that the project is tested with; which packages is the wheel's own affair.
        pinned = ["--constraint", str(REPOSITORY / "constraints.txt")]
        _run(*install, "--no-compile", *pinned, str(self.wheel))
        write_plugin(self.tools, self.python, self.tree / "plugin")
        write_language_host(self.tools, self.python)
        return self

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


def _run(*words: str) -> None:
    answer = subprocess.run(words, capture_output=True, text=True, timeout=570, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
