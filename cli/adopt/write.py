"""The stack file as text: YAML with comments, and at its head what is not in it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .plan import Kind, Plan

_WIDTH = 110
_KEPT = "\0"
_HEADS = {
    Kind.UNREAD: "Could not be read, or has to be mended first:",
    Kind.LEFT: "Not in this file. It stays as it is, and its owner's:",
    Kind.CHANGES: "Otherwise after the first `pulumi up`; everything else stays as it is:",
    Kind.CHOSEN: "Could be written in another way; see the comments below:",
}


def stack_file(plan: Plan) -> str:
    """The whole file."""
    head = [
        "# What `vault-aws-auth adopt` found. Read it, then take it over: docs/adopting.md.",
        "#",
        *(f"# {line}".rstrip() for line in _wrapped([*report(plan)])),
    ]
    return "\n".join([*head, *_lines({"config": plan.config}, (), plan, "")]) + "\n"


def report(plan: Plan) -> Iterator[str]:
    """What is said of the estate, for people."""
    for kind, title in _HEADS.items():
        remarks = plan.of(kind)
        if remarks:
            yield title
            for remark in remarks:
                yield f"  - {remark.about}: {remark.text}" if remark.about else f"  - {remark.text}"
            yield ""


def document(plan: Plan) -> dict[str, Any]:
    """The same for scripts."""
    said = {kind.value: [{"about": it.about, "text": it.text} for it in plan.of(kind)] for kind in Kind}
    return {"config": plan.config, "policies": plan.policies, **said}


def _lines(value: Mapping[str, Any], path: tuple[str, ...], plan: Plan, indent: str) -> Iterator[str]:
    for key, item in value.items():
        here = (*path, key)
        for comment in plan.comments.get(here, ()):
            yield from (f"{indent}# {line}" for line in _wrapped([comment]))
        if isinstance(item, Mapping) and item:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(item, here, plan, f"{indent}  ")
        elif isinstance(item, list) and len(item) > 1:
            yield f"{indent}{_scalar(key)}:"
            yield from (f"{indent}  - {_scalar(each)}" for each in item)
        elif isinstance(item, list):
            yield f"{indent}{_scalar(key)}: [{', '.join(map(_quoted, item))}]"
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(item)}"


def _scalar(value: Any) -> str:
    """A value in one line. JSON is YAML; a plain word needs no quotes."""
    import yaml

    if isinstance(value, str):
        text: str = yaml.safe_dump(value, default_style=None, width=10**6, allow_unicode=True)
        first = text.removesuffix("\n").removesuffix("\n...").removesuffix("...").strip()
        if "\n" not in first:
            return first
    return json.dumps(value)


def _quoted(value: Any) -> str:
    """The same between brackets, where more characters have a meaning."""
    plain = _scalar(value)
    return plain if re.fullmatch(r"(?a)[\w./-]+", plain) else json.dumps(value)


def _wrapped(lines: list[str]) -> Iterator[str]:
    import textwrap

    for line in lines:
        later = " " * (len(line) - len(line.lstrip(" -")))
        whole = re.sub("`[^`]*`", lambda code: code[0].replace(" ", _KEPT), line)  # to be copied
        for part in textwrap.wrap(
            whole, _WIDTH, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
        ) or [""]:
            yield part.replace(_KEPT, " ")
