"""`Pulumi.dev.yaml` and `Pulumi.yaml`, from their templates beside this module. `make schema` writes them.

A template has what is written by hand: the active configuration, prose, and examples that need thought. The
filter `complete` adds all other keys of a section below what it is given, each with its default or an
example.
"""

import json
import re
from collections.abc import Collection, Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import yaml

from components.declared import Shape, fields_of, meanings, required_of, to_camel
from stack.sections import KEYS, ExistingCluster
from tools.docs.schema import default_of, spelled

TEMPLATES = Path(__file__).parent
FILES = ("Pulumi.yaml", "Pulumi.dev.yaml")
COLUMN, WIDTH = 44, 120
"""Where comments behind values begin, and where lines end."""

PROPER_NAMES = ("Kubernetes", "Vault")


def rendered(file: str) -> str:
    """The text of one of `FILES`."""
    return _environment().get_template(f"{file}.j2").render()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - YAML is made, and no HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["complete"] = _complete
    environment.globals["keys"] = _keys
    environment.globals["kinds"] = _kinds
    return environment


def _complete(written: str, key: str, kind: str = "", below: str = "", without: str = "") -> str:
    """`complete` for templates: `kind` is that of a section, or `existing` of a cluster; `below` is the field
    whose section it is, such as `nodeGroups`; `without` are the keys that another example has."""
    section = ExistingCluster if (key, kind) == ("cluster", "existing") else KEYS[key].kinds[kind]
    if below:
        shapes = {to_camel(name): shape for name, shape in fields_of(section).items()}
        section = _below(shapes[below]).section
    return complete(written, section, without.split())


def complete(written: str, section: type, without: Collection[str] = ()) -> str:
    """What is written of a section, one key to a line, and its other keys, commented out."""
    first = re.match(r"( *(?:# *)*)[a-z]", written)
    prefix = first[1] if first else ""
    there = re.findall(rf"^{re.escape(prefix)}(?:# )?(\w+):", written, re.MULTILINE)
    return written + "".join(f"{line}\n" for line in _lines(section, prefix, {*there, *without}))


def _lines(section: type, prefix: str, there: Collection[str]) -> Iterator[str]:
    shapes, texts = fields_of(section), meanings(section)
    for name, shape in shapes.items():
        key = to_camel(name)
        if key in there:
            continue
        required = name in required_of(section)
        start = f"{prefix}{'' if required else '# '}{key}:"
        about = spelled(texts[name], shapes).replace("`", "")
        below = _below(shape)
        yield _with_comment(start if below.section else f"{start} {_shown(shape)}", about)
        if below.section:
            deeper = prefix + ("  " if required else "#   ")
            if below.name:
                yield f"{deeper}{below.name}:"
                deeper += "  "
            yield from _lines(below.section, deeper, ())


class _Below(NamedTuple):
    section: Any
    """The section below a field; None where there is none."""

    name: str = ""
    """A name for one of them, where the field has several by name."""


def _below(shape: Shape) -> _Below:
    if shape.is_fields:
        return _Below(shape.kind)
    if shape.kind is dict and shape.item and shape.key and shape.item.is_fields:
        return _Below(shape.item.kind, _example(shape.key))
    return _Below(None)


# Values


def _shown(shape: Shape) -> str:
    """The default of a field, or an example where it has none or an empty one."""
    default = default_of(shape)
    return _yaml(_example(shape) if default in (None, "", [], {}) else default)


def _example(shape: Shape) -> Any:
    if shape.kind is list and shape.item:
        return [_example(shape.item)]
    if shape.kind is dict and shape.item and shape.key:
        return {_example(shape.key): _example(shape.item)}
    if isinstance(shape.kind, type) and issubclass(shape.kind, Enum):
        return next(iter(shape.kind)).value
    of_kind = {bool: True, int: 1}.get(shape.kind, "example")
    return next((form.example for form in shape.forms if form.example), of_kind)


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    text = text.removesuffix("\n").removesuffix("\n...")
    return re.sub(r"'((?:[^']|'')*)'", lambda it: json.dumps(it[1].replace("''", "'")), text)


# Comments


def _with_comment(line: str, about: str) -> str:
    """The line, and behind it as much of what is said about its key as fits."""
    start = f"{line} ".ljust(COLUMN)
    room = WIDTH - len(start) - len("# ")
    comment = brief(about, room)
    return f"{start}# {comment}" if comment else line


def brief(about: str, room: int) -> str:
    """The first sentence, and the default that is told; or as much of it as ends well and fits."""
    about = re.sub(r"\s?\(?(e\.g\.|for example) [^,;)]+?\)?(?=[,;]|\.(\s|$)|$)", "", about)
    first = re.split(r"[.](?:\s|$)", about, maxsplit=1)[0]
    default = re.search(r"Default: (?!none\b|not known)(.*?)[.;](?:\s|$)", about)
    candidates = [f"{first}; default: {default[1]}"] if default else []
    candidates.append(first)
    # Then up to where a part of the sentence ends, the longest first.
    candidates += [first[: end.start()] for end in reversed([*re.finditer(r"[;:,](?= )", first)])]
    found = next((text for text in candidates if len(text) <= room), "")
    found = found.rstrip(",;: ")
    lower = found[1:2].islower() and not found.startswith(PROPER_NAMES)
    return found[:1].lower() + found[1:] if lower else found


# Pulumi.yaml


def _keys(key: str) -> str:
    """The keys of a section, in one line."""
    sections = [*KEYS[key].kinds.values(), *([ExistingCluster] if key == "cluster" else [])]
    required = {name for section in sections for name in required_of(section)}
    names = dict.fromkeys(name for section in sections for name in fields_of(section))
    return ", ".join(to_camel(name) + (" (required)" if name in required else "") for name in names)


def _kinds(key: str) -> str:
    """The kinds of a section, in one line."""
    *others, last = KEYS[key].kinds
    return f"{', '.join(others)} or {last}"
