"""Ctrl-C at any moment and a full disk end a command with one line, and without a traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

AT_AN_IMPORT = """\
import importlib.abc, os, runpy, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
"""
AT_THE_END = """\
import atexit, os, runpy, signal, sys
atexit.register(os.kill, os.getpid(), signal.SIGINT)
"""

ENTRIES = {
    "sandbox": ("psutil", "typer", "cli.usage", "sandbox.services"),
    "stack": ("typer", "yaml", "stack.split"),
    "pipeline": ("typer", "pipeline.delivery"),
    "cli": ("typer", "cli.options"),
    "tools.docs": ("jinja2", "components"),
    "tools/build.py": ("argparse", "http.client", "tools.table"),
    "tools/install.py": ("threading", "http.client", "tools.report"),
    "tests.bench": ("typer", "tests.bench.rows"),
    "tests.sandbox.drills": ("psutil", "boto3"),
}


def ended(script: str, entry: str, *words: str) -> tuple[int, str]:
    """How Python ends with an entry point after a script, and what it prints on standard error."""
    program = f"runpy.run_module({entry!r}, run_name='__main__', alter_sys=True)"
    if entry.endswith(".py"):
        program = f"runpy.run_path({str(ROOT / entry)!r}, run_name='__main__')"
    script += f"sys.argv[:] = {[entry, *words]!r}\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("entry", "module"), [(entry, module) for entry, modules in ENTRIES.items() for module in modules]
)
def test_a_command_that_is_interrupted_while_it_imports_says_so_in_one_word(entry: str, module: str) -> None:
    assert ended(AT_AN_IMPORT.format(module=module), entry, "--help") == (130, "interrupted\n")


@pytest.mark.parametrize("entry", ["sandbox", "stack", "pipeline", "cli", "tools/build.py"])
def test_a_command_that_is_interrupted_as_it_ends_says_so_in_one_word(entry: str) -> None:
    assert ended(AT_THE_END, entry, "--help") == (130, "interrupted\n")


def test_pulumi_in_the_sandboxs_shell_is_interrupted_before_it_is_pulumi() -> None:
    script = AT_AN_IMPORT.format(module="sandbox.lock")
    words = ("/bin/false", "up", "--stack", "local")
    assert ended(script, "sandbox.pulumi_cli", *words) == (130, "interrupted\n")


def test_the_installed_command_is_interrupted_while_it_imports() -> None:
    script = AT_AN_IMPORT.format(module="typer") + "from vault_aws_auth_cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


TYPER = """\
import os, signal, typer
from cli import interrupts
app = typer.Typer()
@app.command()
def work() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    finally:
        print("cleaned up", flush=True)
        {then}
interrupts.end_at_once()
interrupts.told(app, "interrupted; run it again")
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("", "interrupted; run it again\n"),
        ("interrupts.say('ended nothing')", "ended nothing\n"),
        ("os.kill(os.getpid(), signal.SIGINT)", "interrupted; run it again\n"),
    ],
    ids=["nothing", "says something", "is interrupted again"],
)
def test_a_command_at_work_cleans_up_and_one_line_is_said(then: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TYPER.format(then=then)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", said)


def test_an_interrupt_in_a_finalizer_is_not_lost() -> None:
    """Python would print it, with its traceback, and go on."""
    script = """\
import os, signal
from cli import interrupts
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        pass
def work():
    Finalized()
    while True:
        signal.pause()
interrupts.end_at_once()
interrupts.told(work)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


WRITES = [
    ("-m", "cli", "--help"),
    ("-m", "stack", "--help"),
    ("-m", "pipeline"),
    ("tools/build.py", "--list"),
]


@pytest.mark.parametrize("words", WRITES)
def test_a_full_disk_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    """A limit on the size of files stands for it."""
    with (tmp_path / "said").open("w") as file:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "where this writes to: File too large. Free some space, and run this again"
    assert (done.returncode, done.stderr) == (1, f"error: {said}\n")


def test_a_pipe_that_nobody_reads_ends_a_command_without_a_word() -> None:
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "tools/build.py", "--list"]
    done = subprocess.run(words, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_ignores_interrupts_goes_on() -> None:
    """A shell starts so what it runs in the background."""
    script = "import os, signal; from cli import interrupts; interrupts.end_at_once()\n"
    script += "interrupts.told(lambda: os.kill(os.getpid(), signal.SIGINT)); print('done')"
    words = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", script]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
