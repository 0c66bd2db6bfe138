"""Compares old with new inputs, and inputs with live values, by the same rules for every type."""

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from sandbox.plugins.resource import Resource
from sandbox.plugins.wire import UNKNOWN, Secret, is_secret, plain

_BARE_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")

Path = tuple[str, ...]


def same(entry: Resource, key: str, old: Any, new: Any) -> bool:
    """Whether two values of an input are equivalent. Unknowns equal nothing."""
    old, new = plain(old), plain(new)
    if key in entry.json_inputs and isinstance(old, str) and isinstance(new, str):
        return bool(_document(old) == _document(new))
    if key in entry.unordered and isinstance(old, list) and isinstance(new, list):
        return sorted(map(_canonical, old)) == sorted(map(_canonical, new))
    return new is not UNKNOWN and bool(old == new)


def changed_paths(entry: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Path]:
    """The paths where the inputs differ. Objects are compared by field, lists as a whole.

    Those that the provider computes where they are not set do not differ then.
    """
    return [
        path
        for key in sorted({*old, *new})
        if not same(entry, key, old.get(key), new.get(key))
        for path in _walk((key,), plain(old.get(key)), plain(new.get(key)))
        if ".".join(path) not in entry.computed or at(new, path) is not None
    ]


def at(properties: Any, path: Path) -> Any:
    """The value at a path; None if absent, UNKNOWN inside an unknown."""
    for key in path:
        properties = plain(properties)
        if properties is UNKNOWN:
            return UNKNOWN
        if not isinstance(properties, dict):
            return None
        properties = properties.get(key)
    return properties


def render(path: Path) -> str:
    """The path in Pulumi's notation: `metadata.annotations["a.b/c"]`."""
    text = path[0]
    for key in path[1:]:
        text += f".{key}" if _BARE_KEY.match(key) else f"[{json.dumps(key)}]"
    return text


def replaces(entry: Resource, path: Path, new: Mapping[str, Any], extra: Container[str]) -> bool:
    """Whether a difference there replaces the resource; `extra` are further inputs that do so this time."""
    if entry.update is None or path[0] in extra:
        return True
    steps = [".".join(path[: depth + 1]) for depth in range(len(path))]
    below = ".".join(path) + "."
    # What is computed where it is not set does not differ when the object around it is taken away.
    stays = entry.computed if at(new, path) is None else frozenset[str]()
    return any(s in entry.replace_on for s in steps) or any(
        r.startswith(below) for r in entry.replace_on - stays
    )


def within(path: str, ignored: Iterable[str]) -> bool:
    """Whether a rendered path is one of these, or inside one."""
    return any(path == i or path.startswith((f"{i}.", f"{i}[")) for i in ignored)


def refreshed(entry: Resource, inputs: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that were set, with their live values; secrets stay secret."""
    result: dict[str, Any] = {}
    for key, old in inputs.items():
        if key not in live:
            result[key] = old
            continue
        now = live[key]
        if key in entry.partial or entry.open:
            now = _project(plain(old), now)
        if same(entry, key, old, now):
            result[key] = old
        elif now is not None:
            result[key] = Secret(now) if is_secret(old) else now
    return result


def _walk(path: Path, old: Any, new: Any) -> Iterator[Path]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key) or UNKNOWN in (old.get(key), new.get(key)):
                yield from _walk((*path, key), old.get(key), new.get(key))
    else:
        yield path


def _project(old: Any, live: Any) -> Any:
    """The live value, reduced to the keys of the old one."""
    if isinstance(old, dict) and isinstance(live, dict):
        return {key: _project(value, live[key]) for key, value in old.items() if key in live}
    if isinstance(old, list) and isinstance(live, list) and len(old) == len(live):
        return [_project(was, now) for was, now in zip(old, live)]  # noqa: B905 (equally long)
    return live


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
