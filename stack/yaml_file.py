"""YAML files that people write, read as Pulumi reads them: a key that is there twice is an error."""

from pathlib import Path
from typing import Any

import yaml


class WrongFile(Exception):
    """A file that cannot be read; the message is one line: which file, what is wrong and where."""


_LARGEST = 100_000
"""Values in a file, those of aliases counted as often as they are used: a few lines can make billions."""


class _Loader(yaml.SafeLoader):
    def compose_document(self) -> yaml.Node | None:
        node: yaml.Node | None = super().compose_document()
        if node is not None:
            _check_size(node, {})
        return node

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in first:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value} is there already, in line {first[key.value].line + 1}; "
                    "write it once",
                    problem_mark=key.start_mark,
                )
            first[key.value] = key.start_mark
        return node


def _check_size(node: yaml.Node, known: dict[int, int]) -> int:
    """The number of values in a node, which must not be in itself, nor be too many."""
    if id(node) in known:
        if known[id(node)] == 0:
            raise yaml.MarkedYAMLError(
                problem="an alias is inside of what it stands for", problem_mark=node.start_mark
            )
        return known[id(node)]
    known[id(node)] = 0
    size = 1
    for item in node.value if isinstance(node, yaml.CollectionNode) else ():
        size += sum(_check_size(each, known) for each in (item if isinstance(item, tuple) else (item,)))
    if size > _LARGEST:
        raise yaml.MarkedYAMLError(
            problem=f"its aliases make more than {_LARGEST} values; write fewer", problem_mark=node.start_mark
        )
    known[id(node)] = size
    return size


def load(file: Path) -> Any:
    """What is in a YAML file of UTF-8; None for an empty one. Raises WrongFile."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise WrongFile(f"{file}: cannot be read: there is no such file") from None
    except OSError as error:
        raise WrongFile(f"{file}: cannot be read: {error.strerror or error}") from None
    return read(data, str(file))


def read(data: bytes, name: str) -> Any:
    """What is in the content of a YAML file, which messages call by its name. Raises WrongFile."""
    try:
        return yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise WrongFile(f"{name}: cannot be read: line {line} is not UTF-8; save it as UTF-8") from None
    except RecursionError:
        raise WrongFile(f"{name}: is nested too deeply; write fewer levels") from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise WrongFile(f"{name}: is not valid YAML: {where}{error.problem or error.context}") from None
    # PyYAML's own for scalars that are not what they are marked as: dates of a 13th month, `!!bool maybe`.
    except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise WrongFile(f"{name}: is not valid YAML: {reason or type(error).__name__}") from None
