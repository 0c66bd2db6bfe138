"""The values of a resource as the engine sends them: which are secret, and which are not known yet.

The sandbox's plugins decode the same format in `sandbox/plugins/wire.py`, into types that they can send back.
This pack cannot import that: the engine runs its folder by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

_MARK = "4dabf18193072939515e22adb298388d"  # Pulumi's key for special values
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks a secret, is none
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


class _Unknown(Enum):
    """The type of the one value UNKNOWN."""

    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that a preview cannot know: it comes from a resource that does not exist yet."""

_UNKNOWN_ON_THE_WIRE = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # a string
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
    "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
}


@dataclass(frozen=True)
class Values:
    """Plain values, and the dotted paths of those that are marked secret."""

    plain: dict[str, Any]
    secret: frozenset[str] = frozenset()

    def get(self, path: str) -> Any:
        """The value at a dotted path: None if absent, UNKNOWN if it or its parent is unknown."""
        value: Any = self.plain
        for key in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def is_secret(self, path: str) -> bool:
        """Whether the value or one of its parents is marked secret."""
        keys = path.split(".")
        return any(".".join(keys[: end + 1]) in self.secret for end in range(len(keys)))

    def strings(self) -> Iterator[tuple[str, str]]:
        """Every string, with its dotted path."""
        yield from _strings("", self.plain)


def read(wire: dict[str, Any]) -> Values:
    """The values of an engine's message."""
    secret: set[str] = set()
    plain = {key: _read(value, key, secret) for key, value in wire.items()}
    return Values(plain, frozenset(secret))


def _read(value: Any, path: str, secret: set[str]) -> Any:
    if isinstance(value, list):
        return [_read(item, f"{path}.{number}", secret) for number, item in enumerate(value)]
    if isinstance(value, dict):
        if value.get(_MARK) == _SECRET:
            secret.add(path)
            return _read(value.get("value"), path, secret)
        if value.get(_MARK) == _OUTPUT:  # to a component of another process
            if value.get("secret"):
                secret.add(path)
            return _read(value["value"], path, secret) if "value" in value else UNKNOWN
        return {key: _read(item, f"{path}.{key}", secret) for key, item in value.items()}
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWN_ON_THE_WIRE else value


def _strings(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(f"{path}.{key}" if path else key, item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strings(f"{path}.{number}", item)


def is_true(value: Any) -> bool:
    """Whether a switch is on; a provider's inputs are text."""
    return value in (True, 1) or str(value).strip().lower() in ("true", "t", "1", "yes", "on")


def is_false(value: Any) -> bool:
    """Whether a switch is said to be off."""
    return value is False or value == 0 or str(value).strip().lower() in ("false", "f", "0", "no", "off")


def is_filled(value: Any) -> bool:
    """Whether a value says something: it, or one of its parts, is neither absent nor blank."""
    if isinstance(value, dict):
        return any(map(is_filled, value.values()))
    if isinstance(value, list):
        return any(map(is_filled, value))
    return bool(value.strip() if isinstance(value, str) else value)


def listed(value: Any) -> list[Any]:
    """One value, several or none, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
