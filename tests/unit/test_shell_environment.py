"""`source .sandbox/env`: in a folder of whatever name, the shell gets every variable as it is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import environment
from sandbox.__main__ import _relative
from sandbox.home import Home

FOLDERS = ["plain", "with a space", "quote's", 'double "quotes"', "$HOME `id` $(id)", "*?[a]", "a;b&c", "#a"]
SHELLS = [shell for shell in ("bash", "sh", "zsh") if shutil.which(shell)]
PRINT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(params=FOLDERS)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A sandbox with variables that contain its folder."""
    root = tmp_path / request.param / ".sandbox"
    root.mkdir(parents=True)
    found = {"VAULT_CACERT": str(root / "ca.pem"), "PULUMI_HOME": f"{root}/pulumi", "AWS_PAGER": ""}
    monkeypatch.setattr(environment, "build_environment", lambda *_: found)
    return Home(root)


def sourced(shell: str, words: str, folder: Path) -> dict[str, str]:
    """The environment behind some commands of a shell."""
    script = f'set -eu\n{words}\n"$PYTHON" -c "$PRINT"\n'
    given = {**os.environ, "PYTHON": sys.executable, "PRINT": PRINT, "AWS_PROFILE": "mine"}
    answer = subprocess.run(
        [shell, "-c", script], cwd=folder, env=given, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr
    found: dict[str, str] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_the_variables_are_as_they_were_written(shell: str, home: Home) -> None:
    environment.write_shell_file(home, stack="a b")
    for times in (1, 2):
        found = sourced(shell, ". ./env\n" * times, home.root)
        assert {name: found[name] for name in environment.build_environment(home)} == (
            environment.build_environment(home)
        )
        assert found["PULUMI_STACK"] == "a b"
        assert "AWS_PROFILE" not in found
        assert found["PATH"].split(os.pathsep).count(str(home.root / "bin")) == 1
        assert found["PATH"].startswith(f"{home.root}/bin:")


def test_what_up_prints_can_be_copied(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.write_shell_file(home)
    monkeypatch.chdir(home.root.parents[1])
    typed = f"source {_relative(home.root / 'env')}"
    assert sourced("bash", typed, Path.cwd())["PULUMI_HOME"] == f"{home.root}/pulumi"
