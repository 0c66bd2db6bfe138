"""Help of every command line of the project: it fits a terminal, names no types, and knows the version."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from cli.__main__ import app
from cli.version import version
from components.version import VERSION
from pipeline.__main__ import app as pipeline_app
from sandbox.__main__ import app as sandbox_app
from stack.__main__ import app as stack_app
from tests.bench.__main__ import app as bench_app
from tests.bench.scale import app as scale_app

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "vault-aws-auth": app,
    "python -m sandbox": sandbox_app,
    "python -m stack": stack_app,
    "python -m pipeline": pipeline_app,
    "python -m tests.bench": bench_app,
    "python -m tests.bench.scale": scale_app,
}
WITHOUT_TYPER = ("tools/build.py", "tools/install.py", "tools/lock.py", "-m tools.docs", "-m sandbox.aws")


def commands() -> Iterator[tuple[str, ...]]:
    for program, its in PROGRAMS.items():
        yield (program,)
        yield from ((program, name) for name in getattr(get_command(its), "commands", ()))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_fits_a_terminal_and_names_no_types(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    program, *command = words
    done = CliRunner().invoke(PROGRAMS[program], [*command, "-h"], prog_name=program)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: {' '.join(words)} ")
    assert "  -h, --help" in done.stdout
    check(done.stdout)


def check(text: str) -> None:
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert not re.search(r"<[a-z|\[\]-]+>|\bTEXT\b|\bPATH>|<=x|[│╭]|\{", text), text


@pytest.mark.parametrize("words", WITHOUT_TYPER)
def test_help_of_what_needs_nothing_installed_does_nothing_else(words: str) -> None:
    for option, said in (("--help", "usage: python"), ("--version", "python")):
        done = subprocess.run(
            [sys.executable, *words.split(), option],
            cwd=ROOT,
            env={"COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(said)
        check(done.stdout.replace("{", ""))
    assert done.stdout.endswith(f" {VERSION}\n")


@pytest.mark.parametrize("program", [name for name, its in PROGRAMS.items() if "bench" not in name])
def test_each_says_the_version(program: str) -> None:
    found: typer.Typer = PROGRAMS[program]
    done = CliRunner().invoke(found, ["--version"], prog_name=program)
    assert (done.exit_code, done.stdout) == (0, f"{program} {VERSION}\n")


def test_outside_a_checkout_the_version_is_that_of_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("cli.version._DECLARED", tmp_path / "absent.py")
    monkeypatch.setattr("cli.version.metadata.version", {"pulumi-vault-aws-auth": "9.9.9"}.__getitem__)
    assert version() == "9.9.9"
