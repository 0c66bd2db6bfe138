"""One section read: all of it, or whatever of it is right, with its problems reported."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from settings.problems import Problems
from settings.section import Section

_Model = TypeVar("_Model", bound=Section, covariant=True)
_Read = TypeVar("_Read", bound=Section)


@dataclass(frozen=True)
class Reading(Generic[_Model]):
    """A section as far as it is right."""

    path: str
    """Where it is written."""

    section: _Model
    """Its fields. A wrong one is None; of a list or mapping only the wrong items are."""

    wrong: frozenset[str]
    """Names of the fields that are wrong, wholly or in part."""

    whole: bool = True
    """Whether nothing at all is wrong with it by itself."""

    def items(self, field: str) -> Iterator[tuple[Any, Any]]:
        """What is right of a list, with the indexes, or of a mapping, with the keys."""
        value = getattr(self.section, field) or ()
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        return ((key, item) for key, item in pairs if item is not None)


def read(
    model: type[_Read], path: str, value: object, policies: Collection[str], problems: Problems
) -> Reading[_Read] | None:
    """Validate a section; None if it is not even a mapping."""
    wrong: set[str] = set()
    whole = True
    try:
        section = model.model_validate(value, context={"policies": policies})
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        for error in errors:
            problems.explain(model, path, error)  # type: ignore[arg-type]
        if not isinstance(value, Mapping):
            return None
        names = {str(field.alias): name for name, field in model.model_fields.items()}
        right = {key: value[key] for key in names if key in value}
        for error in errors:
            key, *below = error["loc"]
            if key in names:  # else the problem is an unknown key
                wrong.add(names[str(key)])
                right[str(key)] = _without(right.get(str(key)), below)
        section, whole = model.model_construct(None, **right), False
    for message in section.broken_rules(wrong):
        problems.add(path, message)
        whole = False
    return Reading(path, section, frozenset(wrong), whole)


def _without(value: Any, location: list[Any]) -> Any:
    """The value with what is wrong as None: one item of it, or all."""
    if location and isinstance(value, Mapping):
        return {key: None if key == location[0] else item for key, item in value.items()}
    if location and isinstance(value, list):
        return [None if index == location[0] else item for index, item in enumerate(value)]
    return None
