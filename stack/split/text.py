"""Changes of a YAML text that leave the rest of it as people wrote it, comments included.

Made for stack files: mappings in block style, each entry on lines of its own. A change that cannot be made so
raises Unable, and the caller checks what came out: comments are kept as far as that is safe, and no further.
"""

from collections.abc import Sequence
from typing import Any

import yaml


class Unable(Exception):
    """The text is written in a way that these changes do not know."""


def entry(text: str, path: Sequence[str]) -> str:
    """The lines of an entry, with the comment above its key."""
    first, end = _span(text, path)
    return "".join(text.splitlines(keepends=True)[first:end])


def cut(text: str, path: Sequence[str]) -> str:
    """Without an entry and the comment above its key; without what held it, if that was its last one."""
    above = _node(text, path[:-1])
    if len(above.value) == 1 and len(path) > 1:
        return cut(text, path[:-1])
    first, end = _span(text, path)
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:first], *lines[end:]])


def put(text: str, path: Sequence[str], value: Any) -> str:
    """With an entry: in place of the one that is there, or behind the last one of its mapping."""
    *above, key = path
    try:
        node = _node(text, above)
    except KeyError:
        return put(text, above, {key: value})
    for written, old in node.value:
        if written.value == key:
            if isinstance(old, yaml.CollectionNode) and not old.flow_style:
                return put(cut(text, path), path, value)
            return text[: old.start_mark.index] + _flow(value) + text[old.end_mark.index :]
    if node.flow_style:
        close = node.end_mark.index - 1
        inside = text[:close].rstrip()
        comma = ", " if node.value else ""
        return inside + f"{comma}{key}: {_flow(value)}" + text[len(inside) :]
    indent = node.value[0][0].start_mark.column
    lines = text.splitlines(keepends=True)
    _, end = _span(text, [*above, node.value[-1][0].value])
    if lines and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return "".join([*lines[:end], *_lines(indent, key, value), *lines[end:]])


def shifted(lines: str, indent: int) -> str:
    """Lines of an entry so that its key stands at an indent; what is below it keeps its distance."""
    key = next(line for line in lines.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    by = indent - (len(key) - len(key.lstrip()))
    moved = []
    for line in lines.splitlines():
        if by < 0 and line[:-by].strip():
            raise Unable("a line begins before its key")
        moved.append((" " * by + line if by > 0 else line[-by:]) if line.strip() else "")
    return "\n".join(moved).rstrip() + "\n"


def dumped(value: Any) -> str:
    """A value as YAML of its own."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def _lines(indent: int, key: str, value: Any) -> list[str]:
    written = yaml.safe_dump(
        {key: value},
        # Short lists and mappings in brackets; asked for this, a lone scalar would be in braces, too.
        default_flow_style=None if isinstance(value, dict | list) else False,
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )
    return [" " * indent + line + "\n" for line in written.splitlines()]


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _node(text: str, path: Sequence[str]) -> yaml.MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in path:
        node = next((it for written, it in node.value if written.value == key), None) if node else None
        if node is None:
            raise KeyError(key)
    if not isinstance(node, yaml.MappingNode):
        raise Unable(f"{'.'.join(path)} is not a mapping")
    return node


def _span(text: str, path: Sequence[str]) -> tuple[int, int]:
    """The first line of an entry, and the one behind its last."""
    lines = text.splitlines()
    node = _node(text, path[:-1])
    if node.flow_style:
        raise Unable(f"{'.'.join(path[:-1])} stands in braces")
    keys = [written for written, _ in node.value]
    number = next((at for at, written in enumerate(keys) if written.value == path[-1]), None)
    if number is None:
        raise KeyError(path[-1])
    indent = keys[number].start_mark.column
    first = _with_comment(lines, keys[number].start_mark.line, indent)
    if number + 1 < len(keys):
        return first, _with_comment(lines, keys[number + 1].start_mark.line, indent)
    end = keys[number].start_mark.line + 1
    for at in range(end, len(lines)):
        stripped = lines[at].lstrip()
        if not stripped:
            continue
        if len(lines[at]) - len(stripped) <= indent:
            break
        end = at + 1
    return first, end


def _with_comment(lines: Sequence[str], line: int, indent: int) -> int:
    """The first line of the comment that stands directly above a key and begins where it does."""
    while line and lines[line - 1].startswith(" " * indent + "#"):
        line -= 1
    return line
