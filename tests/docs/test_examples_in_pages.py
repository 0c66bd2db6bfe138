"""What the pages tell one to write and to type: settings that there are, commands that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from typer.main import get_command

from cli.__main__ import app
from sandbox.__main__ import app as sandbox_app
from stack.__main__ import app as stack_app
from tools.docs.schema import stack_schema
from tools.docs.site import pages

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.S | re.M)
SCHEMA = stack_schema()


def blocks(language: str) -> Iterator[Any]:
    """Each block of a language in the pages, as a parameter of a test."""
    for page in pages():
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match[2] == language:
                line = text[: match.start()].count("\n") + 2
                code = re.sub(rf"^{match[1]}", "", match[3], flags=re.M)
                yield pytest.param(code, id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("code", list(blocks("yaml")))
def test_settings_in_a_page_are_settings(code: str) -> None:
    found = yaml.safe_load(code)
    if not any(key.startswith("vault-aws-auth:") for key in found):
        return  # not of a stack file
    config = {**SCHEMA["properties"]["config"], "required": []}
    validator = jsonschema.Draft7Validator({**config, "definitions": SCHEMA["definitions"]})
    missing = "is a required property"  # a page shows what it is about
    errors = [error.message for error in validator.iter_errors(found) if missing not in error.message]
    assert errors == []


@pytest.mark.parametrize("code", list(blocks("console")))
def test_commands_in_a_page_are_commands(code: str) -> None:
    for line in code.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            for command in re.split(r" \| | && |; ", line[2:].partition("  #")[0]):
                check(command)


MAKES = re.compile(r"^\$ .*\b(up|start)\b", re.M)
DESTROYS = re.compile(r"^\$ .*\b(down|destroy|rm)\b", re.M)


@pytest.mark.parametrize("code", list(blocks("console")))
def test_a_block_that_is_copied_as_a_whole_destroys_nothing_that_it_made(code: str) -> None:
    commands = re.sub(r"  #.*", "", code)
    assert not (MAKES.search(commands) and DESTROYS.search(commands))


def check(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[:1] == ["vault-aws-auth"]:
        check_options(app, words[1:])
    elif words[:3] == ["python", "-m", "sandbox"]:
        check_options(sandbox_app, words[3:])
    elif words[:3] == ["python", "-m", "stack"]:
        check_options(stack_app, words[3:])
    elif words[:1] == ["make"]:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert {word for word in words[1:] if "=" not in word} <= {*targets}, command


def check_options(program: typer.Typer, words: list[str]) -> None:
    group: Any = get_command(program)
    commands = group.commands
    assert words[0] in commands, words
    params = commands[words[0]].params
    known = {option for each in params for option in (*each.opts, *each.secondary_opts)}
    written = {word.partition("=")[0] for word in words[1:] if word.startswith("-") and len(word) > 1}
    assert written <= {*known, "--help"}, words
