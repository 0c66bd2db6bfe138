"""What is printed for people fits their terminal: words stay whole, and rows come as they are known."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.screen import Screen, say_error
from cli.verify import Finding
from cli.verify_screen import show
from tests.cli.conftest import Run
from tests.cli.test_access import DEV
from tests.cli.world import World


class Terminal(io.StringIO):
    """Takes what is written as a terminal does."""

    def isatty(self) -> bool:
        return True


def screen(columns: int | None, file: io.StringIO | None = None) -> Screen:
    made = Screen(file or io.StringIO())
    made.columns = columns
    return made


def written(out: Screen) -> list[str]:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


def test_a_line_is_broken_between_words_and_indented() -> None:
    out = screen(20)
    out.put("✓ left  ", "one two three four five six", hang=8)
    assert written(out) == ["✓ left  one two", "        three four", "        five six"]


def test_a_word_that_is_longer_than_a_line_is_not_broken() -> None:
    out = screen(20)
    out.put("role  arn:aws:iam::111111111111:role/vault-auth of this", hang=6)
    out.put("role  sixteen-letters- more", hang=6)
    assert written(out) == [
        "role",
        "  arn:aws:iam::111111111111:role/vault-auth",
        "      of this",
        "role",
        "    sixteen-letters-",
        "      more",
    ]


def test_where_there_is_no_terminal_a_line_is_as_long_as_it_is() -> None:
    out = screen(None)
    out.put("word " * 100)
    assert written(out) == [("word " * 100).rstrip()]


def test_colours_are_those_of_the_text_on_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = screen(10, Terminal())
    out.put(("green one", "green"), " and plain", hang=2)
    assert written(out) == ["\x1b[32mgreen one\x1b[0m", "  and", "  plain"]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_switched_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    out = screen(80, Terminal())
    out.put(("green", "green"))
    assert written(out) == ["green"]


def test_an_error_is_broken_between_words_but_its_command_lines_are_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    say_error("two problems in the file:\n  1. this is one of the two\n  python -m sandbox up --stack other")
    assert capsys.readouterr().err.splitlines() == [
        "error: two problems in",
        "  the file:",
        "  1. this is one of the",
        "     two",
        "  python -m sandbox up --stack other",
    ]


def test_each_attempt_of_verify_is_printed_before_the_next_is_made() -> None:
    out = screen(80)
    seen = []

    def attempts() -> Iterator[Finding]:
        for login in ("node", "pod"):
            yield Finding(login, "this", "a token", "a token (default, dev)", ok=True)
            seen.append(written(out)[-1])
            yield Finding(login, "this, no header", "refused by Vault", "refused", "Vault", ok=True)
            seen.append(written(out)[-1])

    assert len(show(attempts(), out)) == 4
    assert seen == ["✓ a token           this (default, dev)", "✓ refused by Vault    no header"] * 2
    assert [line for line in written(out) if line in ("node", "pod")] == ["node", "pod"]


def test_a_failed_attempt_is_explained_below_its_row_and_named_at_the_end() -> None:
    out = screen(50)
    findings = [
        Finding("pod", "a/b", "refused by AWS", "ACCEPTED", "", "must not get in", "run pulumi up"),
        Finding("ci", "c", "a token", "not tried", "", "is not at hand", "", None),
    ]
    show(findings, out)
    assert written(out) == [
        "pod",
        "✗ ACCEPTED",
        "    a/b",
        "  expected refused by AWS, got ACCEPTED",
        "  must not get in",
        "  → run pulumi up",
        "",
        "ci",
        "– not tried",
        "    c",
        "  is not at hand",
        "",
        "1 of 2 not as expected, 1 not tried from here; see",
        "pod",
    ]


@pytest.mark.parametrize("columns", [40, 80, 100])
@pytest.mark.parametrize(
    "command", [["verify"], ["access"], ["doctor", "pod"], ["login", "--all"]], ids=" ".join
)
def test_every_screen_fits_and_breaks_no_word(
    run: Run, world: World, command: list[str], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "operator")
    world.vault_objects["sys/policies/acl/dev"] = {"policy": DEV}
    whole = run(*command).stdout.split()
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run(*command)
    too_long = [line for line in done.stdout.splitlines() if len(line) > columns]
    assert [line for line in too_long if len(line.split()) > 1] == []
    new = set(done.stdout.split()) - set(whole)
    assert [word for word in new if "default/verify-" not in word] == [], "parts of words"


def test_on_a_terminal_the_width_is_the_terminals(world: World, tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text(json.dumps(world.outputs()))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli", "verify", "pod"]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    subprocess.run(["stty", "cols", "72", "rows", "24"], stdin=theirs, check=True)
    done = subprocess.Popen(
        [*command, "--outputs", str(tmp_path / "outputs")],
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # Linux says so that the other end is closed
        pass
    os.close(ours)
    assert done.wait(60) == 0, said.decode()
    text = said.decode()
    assert "\x1b[32m✓ refused by AWS\x1b[0m" in text
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in text.splitlines()) <= 72
