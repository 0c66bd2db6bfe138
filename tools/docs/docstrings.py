"""Docstrings of a class's members: the string below each."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from components.declared import statements


class Member(NamedTuple):
    """A field, an output, or a value of an enum."""

    name: str
    type: str
    """As in the source, without the marker of optional fields."""

    optional: bool
    text: str
    """Its docstring, in one line."""


def members(owner: type) -> Iterator[Member]:
    """The documented members that a class declares itself, in order."""
    body = statements(owner)
    for node, text in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(it) == "property" for it in node.decorator_list
        ):
            written = ast.get_docstring(node)
            if written and node.returns:
                yield Member(node.name, ast.unparse(node.returns), False, one_line(written))
        elif _is_text(text):
            said = one_line(text.value.value)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                type_ = ast.unparse(node.annotation)
                inner = re.fullmatch(r"NotRequired\[(.*)\]", type_)
                yield Member(node.target.id, inner[1] if inner else type_, bool(inner), said)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield Member(node.targets[0].id, "", False, said)


_DEFAULT = re.compile(r"(.*?)(?:; default:? |[.,] Default: )(.*?)\.?")


def meaning_and_default(text: str) -> tuple[str, str]:
    """What a docstring says of a field in a table, and the default that it tells."""
    text, default = text.strip().removesuffix(".").replace("|", "\\|"), ""
    if match := _DEFAULT.fullmatch(text):
        text, default = match.groups()
    return text[:1].upper() + text[1:], default


def shown(default: Any) -> str:
    """A declared default in a table."""
    if default in ([], {}, ""):
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def one_line(text: str) -> str:
    """A docstring without its line breaks."""
    return re.sub(r"\s+", " ", text).strip()


def cell(type_: str) -> str:
    """A type in a table."""
    return f"`{type_.replace('pulumi.', '')}`".replace("|", "\\|")


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
