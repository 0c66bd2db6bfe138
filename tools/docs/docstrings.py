"""What the source says of a class's fields: the string below each."""

import ast
import inspect
import re
import textwrap


def of_fields(owner: type) -> dict[str, str]:
    """The docstring of each field that a class declares itself, in one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
            found[field.target.id] = one_line(text.value.value)  # type: ignore[attr-defined]
    return found


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
