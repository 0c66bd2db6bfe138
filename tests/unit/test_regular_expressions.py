"""Regular expressions of the product: digits and letters are those of ASCII, as AWS and Vault have them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for folder in ("components", "stack", "cli", "policies", "plugin", "federation", "pipeline")
    for file in sorted((ROOT / folder).rglob("*.py"))
]
CLASSES = re.compile(r"(?<!\\)(\\\\)*\\[dwDWbB]")


def unicode_patterns(source: str) -> Iterator[str]:
    """The patterns of a module's calls of `re` that would take the digits or letters of other scripts."""
    tree = ast.parse(source)
    texts = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args):
            continue
        if ast.unparse(node.func) == "re.escape":
            continue
        pattern = texts.get(ast.unparse(node.args[0]), node.args[0])
        text = "".join(
            part.value
            for part in ast.walk(pattern)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        if CLASSES.search(text) and "(?a" not in text and "re.ASCII" not in ast.unparse(node):
            yield text


def modules() -> list[Any]:
    return [
        pytest.param(file, id=str(file.relative_to(ROOT)))
        for file in FILES
        if re.search(r"^import re$", file.read_text(), re.M)
    ]


@pytest.mark.parametrize("file", modules())
def test_it_knows_ascii_only(file: Path) -> None:
    assert list(unicode_patterns(file.read_text())) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r're.compile(r"\d{12}")', [r"\d{12}"]),
        (r're.fullmatch(rf"{a}\w", text)', [r"\w"]),
        ('_FORM = r"\\d"\nre.search(_FORM, text)', [r"\d"]),
        (r're.compile(r"\d{12}", re.ASCII)', []),
        (r're.compile(r"(?a)\d")', []),
        (r're.compile(r"[0-9]")', []),
        (r're.compile(r"\\d")', []),
    ],
)
def test_the_check_finds(source: str, found: list[str]) -> None:
    assert list(unicode_patterns(source)) == found
