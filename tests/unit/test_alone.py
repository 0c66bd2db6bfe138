"""The sandbox runs with its own Python: nothing of the user's takes part."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.home import REPOSITORY

SPOILED = ("typer", "yaml", "psutil", "rich", "urllib3")


def commanded(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*words], cwd=REPOSITORY, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Modules of the user with the names of those that are imported."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in SPOILED:
        (folder / f"{name}.py").write_text("raise SystemExit('imported from PYTHONPATH')\n")
    return folder


def test_modules_of_the_user_are_not_imported(modules: Path) -> None:
    done = commanded(
        sys.executable, "-m", "sandbox", "down", PYTHONPATH=str(modules), SANDBOX_HOME=str(modules / "none")
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing to take down" in done.stdout


def test_a_path_is_spelled_as_it_is_whatever_the_locale(tmp_path: Path) -> None:
    home = tmp_path / "Größe 東京"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = commanded(sys.executable, "-m", "sandbox", "down", SANDBOX_HOME=str(home), **plain)
    assert done.returncode == 0, done.stderr
    assert r"Gr\xf6\xdfe \u6771\u4eac" in done.stdout


def test_make_takes_nothing_of_the_users_python(tmp_path: Path, modules: Path) -> None:
    (tmp_path / "show.mk").write_text("show:\n\t@env\n")
    words = ("make", "-f", "Makefile", "-f", str(tmp_path / "show.mk"), "show")
    done = commanded(*words, PYTHONPATH=str(modules), PYTHONWARNINGS="error", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    names = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert not names & {"PYTHONPATH", "PYTHONWARNINGS", "PYTHONUTF8"}
