"""What is wrong with the configuration: each problem by the path of its key, with how to mend it."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel


class SettingsError(Exception):
    """Everything that is wrong with the configuration, one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(problems, 1))
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


class Problems:
    """The problems found so far. Values under the keys `hidden` are not repeated."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self.found: list[str] = []

    def add(self, path: str, message: str) -> None:
        self.found.append(f"{path}: {message}")

    def at(self, path: str) -> bool:
        """Whether there is a problem at this very path."""
        return any(problem.startswith(f"{path}: ") for problem in self.found)

    def hides(self, path: str) -> bool:
        """Whether what is written there is a secret."""
        return any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in self.hidden)

    def quoted(self, path: str, value: object) -> str:
        """The value, for a message; not when it is a secret."""
        if self.hides(path):
            return "the value"
        text = json.dumps(value, default=str, ensure_ascii=False)
        return text if len(text) <= 200 else f"{text[:200]}…"

    def no_mapping(self, path: str, value: object) -> None:
        self.add(path, f"{self.quoted(path, value)} is not a mapping; write key: value lines below it")

    def explain(self, model: type[BaseModel], path: str, error: Mapping[str, Any]) -> None:
        """Add one error of pydantic's about a `model` at `path`."""
        kind, context, value = error["type"], error.get("ctx", {}), error["input"]
        location = list(error["loc"])
        if location[-1:] == ["[key]"] and kind != "extra_forbidden":
            del location[-1]  # pydantic's own mark for a mapping's key; an unknown key may be called so
        full = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
        if kind == "missing":
            self.add(full, f"is missing; it is the {_field(model, location).description}")
        elif kind == "extra_forbidden":
            keys = tuple(str(field.alias) for field in _fields_at(model, location[:-1]).values())
            self.add(full, "is not a known key" + did_you_mean(location[-1], keys))
        elif isinstance(value, Mapping) and kind == "value_error":
            self.add(full, str(context["error"]))  # about the section as a whole
        else:
            message = str(context["error"]) if kind == "value_error" else _expected(kind, context)
            shown = "the value" if _is_secret(model, location) else self.quoted(full, value)
            self.add(full, f"{shown} {message}")


def did_you_mean(value: object, known: tuple[str, ...], prefix: str = "") -> str:
    """The end of a message about a word that is none of the known ones."""
    close = get_close_matches(str(value), known, 1)
    return f"; did you mean {prefix}{close[0]}?" if close else f"; known: {', '.join(known)}"


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    forms = {
        "string_type": "is not text; write it in quotes",
        "bool_parsing": "is neither true nor false",
        "bool_type": "is neither true nor false",
        "int_type": "is not a whole number",
        "int_parsing": "is not a whole number",
        "int_from_float": "is not a whole number",
        "list_type": "is not a list; write it as [one, two]",
        "dict_type": "is not a mapping; write key: value lines below it",
        "model_type": "is not a mapping; write key: value lines below it",
        "too_short": "is too short; write {min_length} or more",
        "greater_than_equal": "is too small; write {ge} or more",
        "literal_error": "is not one of them; write {expected}",
        "enum": "is not one of them; write {expected}",
    }
    return forms.get(kind, "is not accepted").format(**context)


def _fields_at(model: type[BaseModel], location: list[Any]) -> dict[str, Any]:
    """The fields of the model at a location below `model`, where dicts and lists hold models."""
    for part in location:
        field = next((field for field in model.model_fields.values() if field.alias == part), None)
        if field is not None:
            inner = (field.annotation, *getattr(field.annotation, "__args__", ()))
            model = next((c for c in inner if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return dict(model.model_fields)


def _is_secret(model: type[BaseModel], location: list[Any]) -> bool:
    """Whether the field at a location is one that its model does not show (`repr=False`)."""
    fields = _fields_at(model, location[:-1]).values()
    return any([field.alias] == location[-1:] and not field.repr for field in fields)


def _field(model: type[BaseModel], location: list[Any]) -> Any:
    fields = _fields_at(model, location[:-1])
    return next(field for field in fields.values() if field.alias == location[-1])
