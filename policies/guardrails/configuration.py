"""A stack's configuration of the guardrails: which rules it has, how strictly, and its exceptions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .rules import RULES
from .rules.base import REASON, Rule

PACK = Path(__file__).resolve().parent
LEVEL = "enforcementLevel"
MANDATORY, ADVISORY, DISABLED = "mandatory", "advisory", "disabled"
LEVELS = (ADVISORY, MANDATORY, DISABLED)
PACKS_OF_ENGINE = "PULUMI_OPTION_POLICY_PACK"
"""The variable in which the engine looks for policy packs, as in its option `--policy-pack`."""


class ConfigurationError(Exception):
    """A configuration that cannot be applied."""


def path_of(pack: Path, stack: str) -> Path | None:
    """A pack's configuration for a stack. None if the pack's defaults apply."""
    path = pack / "stacks" / f"{stack}.json"
    return path if path.is_file() else None


def read(path: Path) -> dict[str, Any]:
    """A configuration as it is written. Raises ConfigurationError if it is none."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(given, dict):
        raise ConfigurationError(
            f"{path} is not a configuration of guardrails: write an object with a key for each rule"
        )
    return given


def level(value: Any) -> Any:
    """The level in a rule's configuration."""
    return value.get(LEVEL, MANDATORY) if isinstance(value, dict) else value


def check_levels(path: Path, given: Mapping[str, Any], *, own: bool = True) -> None:
    """Raises ConfigurationError for unknown rules and levels, which the engine ignores.

    The rules' names are known for this project's own pack only. Policies of other packs may fix what they
    find.
    """
    known = ["all", *(rule.name for rule in RULES)]
    levels = LEVELS if own else (*LEVELS, "remediate")
    for name, value in given.items():
        if own and name not in known:
            raise ConfigurationError(f"{path}: {name} is not a rule; write one of {', '.join(known)}")
        if level(value) not in levels:
            raise ConfigurationError(
                f"{path}: {name}: {level(value)!r} is not a level; write one of {', '.join(levels)}"
            )


@dataclass(frozen=True)
class Configuration:
    """A stack's configuration of this pack, as the engine applies it."""

    given: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: str, pack: Path = PACK) -> Configuration:
        """The one of a stack, by its name. Raises ConfigurationError if it is wrong."""
        path = path_of(pack, stack)
        if path is None:
            return cls()
        given = read(path)
        check_levels(path, given)
        for problem in _wrong_settings(given):
            raise ConfigurationError(f"{path}: {problem}")
        return cls(given)

    def level(self, rule: Rule) -> str:
        """How strict a rule is: MANDATORY, ADVISORY or DISABLED."""
        own = self.given.get(rule.name)
        if isinstance(own, str) or (isinstance(own, dict) and LEVEL in own):
            return str(level(own))
        return str(level(self.given.get("all", MANDATORY)))

    def settings(self, rule: Rule) -> dict[str, Any]:
        """A rule's own settings."""
        own = self.given.get(rule.name)
        return {name: value for name, value in own.items() if name != LEVEL} if isinstance(own, dict) else {}


def _wrong_settings(given: Mapping[str, Any]) -> Iterator[str]:
    """Settings of a type that their rule does not take. Unknown ones are reported by the rule."""
    for rule in RULES:
        own = given.get(rule.name)
        for name, value in own.items() if isinstance(own, dict) else ():
            schema = {"type": "string"} if name == REASON else rule.settings.get(name, {})
            if not _fits(value, schema):
                form = json.dumps(
                    {key: schema[key] for key in schema if key not in ("description", "default")}
                )
                yield f"{rule.name}: {name}: {json.dumps(value)} is not of the form {form}"


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value has a form, in the part of JSON Schema that rules use."""
    types = {"string": str, "boolean": bool, "array": list, "object": dict}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    parts = [(value, "items"), (value.values() if isinstance(value, dict) else (), "additionalProperties")]
    return all(_fits(item, schema[key]) for items, key in parts if key in schema for item in items)
