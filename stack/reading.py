"""Sections of a stack file, read as far as they are right, and what is wrong with them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.declared import CAMEL, NOTHING, Reader, Refusal
from components.suggestions import suggestion


class StackFileError(Exception):
    """Everything that is wrong with a stack file, one line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(problems, 1))
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


class Problems:
    """The problems found so far. Values under the keys `hidden` are not repeated."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self.found: list[str] = []

    def add(self, path: str, text: str, value: Any = NOTHING) -> None:
        """Add a problem; `value` is shown before the text, unless it is a secret."""
        shown = "" if value is NOTHING else f"{self._quoted(path, value)} "
        line = _printable(f"{path}: {shown}{text}")
        if line not in self.found:
            self.found.append(line)

    def at(self, path: str) -> bool:
        """Whether there is a problem at this very path."""
        return any(problem.startswith(f"{path}: ") for problem in self.found)

    def below(self, path: str) -> bool:
        """Whether there is a problem at this path, or below it."""
        return any(problem.startswith((f"{path}: ", f"{path}.", f"{path}[")) for problem in self.found)

    def _quoted(self, path: str, value: Any) -> str:
        if any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in self.hidden):
            return "the value"
        text = json.dumps(value, default=str, ensure_ascii=False)
        return text if len(text) <= 200 else f"{text[:200]}…"


def _printable(line: str) -> str:
    """With what a terminal would not show, or take for a command, as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in line
    )


def _join(path: str, place: Sequence[str | int]) -> str:
    """`vault-aws-auth:logins.pod` and `("policies", 0)` as one path."""
    below = CAMEL.path(place)
    return path + below if not below or below[0] == "[" or path[-1] == ":" else f"{path}.{below}"


@dataclass(frozen=True)
class Section:
    """A section, as far as it is right."""

    path: str
    """Where it is written: `vault-aws-auth:logins.pod`."""

    kind: str
    """Its kind; empty where there is only one."""

    options: dict[str, Any]
    """Its fields, named and typed as in Python. A wrong one is None, and so is a wrong entry of a list or
    mapping."""

    wrong: frozenset[str]
    """Fields that are wrong, wholly or in part."""

    whole: bool
    """Whether nothing is wrong with it by itself."""

    def at(self, *place: str | int) -> str:
        """The path of a field, or of an entry of it."""
        return _join(self.path, place)

    def get(self, field: str) -> Any:
        """A field that is right; None if it is not, or is not given."""
        return None if field in self.wrong else self.options.get(field)

    def entries(self, field: str) -> Iterator[tuple[Any, Any]]:
        """What is right of a list, with the indexes, or of a mapping, with the keys."""
        value = self.options.get(field) or ()
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        return ((key, entry) for key, entry in pairs if entry is not None)


def read(of: type, path: str, value: Any, problems: Problems, kind: str = "") -> Section | None:
    """Read the fields of a section; None if it is not a mapping."""
    reader = Reader(CAMEL)
    options = reader.fields(value, of)
    report(reader.refusals, path, problems)
    if options is None:
        return None
    wrong = frozenset(str(refusal.place[0]) for refusal in reader.refusals if refusal.place)
    return Section(path, kind, options, wrong, whole=not reader.refusals)


def read_kind(
    kinds: Mapping[str, type], path: str, value: Any, problems: Problems, default: str = ""
) -> Section | None:
    """Read a section whose fields depend on its `kind`; None if the kind is not known."""
    if not isinstance(value, Mapping):
        problems.add(path, "is not a mapping; write key: value pairs", value)
        return None
    kind = value.get("kind", default or None)
    if not isinstance(kind, str) or kind not in kinds:
        ending = suggestion(str(kind or ""), kinds)
        if kind is None:
            problems.add(f"{path}.kind", f"is missing{ending}")
        else:
            problems.add(f"{path}.kind", f"is not a kind{ending}", kind)
        return None
    fields = {key: item for key, item in value.items() if key != "kind"}
    return read(kinds[kind], path, fields, problems, kind)


def report(
    refusals: Sequence[Refusal],
    path: str,
    problems: Problems,
    elsewhere: Mapping[tuple[str, ...], str] | None = None,
) -> None:
    """Add refusals about the section at a path. `elsewhere` are the paths of places that are written in
    another section."""
    for refusal in refusals:
        at, place = path, refusal.place
        for length in (1, 2):
            prefix = tuple(map(str, refusal.place[:length]))
            if elsewhere and prefix in elsewhere:
                at, place = elsewhere[prefix], refusal.place[length:]
        asked_by = "" if at.startswith(path) else f" (for {path})"
        problems.add(_join(at, place), CAMEL.message(refusal) + asked_by, refusal.value)
