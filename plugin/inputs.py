"""Inputs as they arrive from a program in any language, checked against the schema.

The host drops an input that a component does not have, without a word; takes an Output given for a whole
object for an empty object; hands integers over as floats; and lets nulls into lists and maps, where no
component expects them. Here integers are mended and the others refused, by name; an optional input that is
null was not given. A refusal shows no value: the engine would show that of any input that it is told the path
of, and it may be a secret.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi.provider.experimental.analyzer import (
    ComponentDefinition,
    PropertyDefinition,
    PropertyType,
    TypeDefinition,
)

_WORDS = {
    PropertyType.STRING: (str, "a string"),
    PropertyType.BOOLEAN: (bool, "true or false"),
    PropertyType.INTEGER: (int, "a whole number"),
    PropertyType.ARRAY: (list, "a list"),
    PropertyType.OBJECT: (dict, "an object"),
}


def refusal(path: str, reason: str) -> pulumi.InputPropertiesError:
    """The error that the engine shows as one line."""
    return pulumi.InputPropertiesError(f"{path}: {reason}", [])


class Checker:
    """Checks inputs of the package's components."""

    def __init__(self, package: str, types: Mapping[str, TypeDefinition]) -> None:
        self._prefix = f"#/types/{package}:index:"
        self._types = types

    def checked(self, inputs: Mapping[str, Any], component: ComponentDefinition) -> dict[str, Any]:
        """The inputs, integers as such. Raises InputPropertiesError that names the input by its path."""
        return self._object(inputs, component.inputs, "", component.name)

    def _object(
        self, given: Mapping[str, Any], known: Mapping[str, PropertyDefinition], path: str, what: str
    ) -> dict[str, Any]:
        for name in given:
            if name not in known:
                raise refusal(
                    _below(path, name), f"is not an input of {what}; it has: {', '.join(sorted(known))}"
                )
        for name, each in known.items():
            if not each.optional and given.get(name) is None:
                raise refusal(_below(path, name), f"is missing; {what} needs it")
        return {
            name: self._value(value, known[name], _below(path, name))
            for name, value in given.items()
            if value is not None
        }

    def _value(self, value: Any, expected: PropertyDefinition, path: str) -> Any:
        if isinstance(value, (pulumi.Output, Unknown)):
            if expected.plain:
                raise refusal(path, _how_to_be_plain(self._is_nested(expected)))
            return value
        named = self._named(expected)
        if expected.ref and named is None:  # anything goes
            return value
        if value is None:
            raise refusal(path, "is missing")
        if named and named.enum:
            words = [member.value for member in named.enum]
            if value not in words:
                raise refusal(path, f"is not one of {', '.join(map(str, words))}")
            return value
        if named:
            _of_type(value, PropertyType.OBJECT, path)
            return self._object(value, named.properties, path, named.name)
        if expected.type is PropertyType.INTEGER and isinstance(value, float) and value.is_integer():
            value = int(value)
        _of_type(value, expected.type, path)
        if expected.items:
            return [self._value(item, expected.items, f"{path}[{i}]") for i, item in enumerate(value)]
        if expected.additional_properties:
            each = expected.additional_properties
            return {key: self._value(item, each, _below(path, key)) for key, item in value.items()}
        return value

    def _is_nested(self, expected: PropertyDefinition) -> bool:
        named = self._named(expected)
        return bool(expected.items or expected.additional_properties or (named and not named.enum))

    def _named(self, expected: PropertyDefinition) -> TypeDefinition | None:
        return self._types.get((expected.ref or "").removeprefix(self._prefix))


def _of_type(value: Any, expected: PropertyType | None, path: str) -> None:
    if expected not in _WORDS:
        return
    python, words = _WORDS[expected]
    if not isinstance(value, python) or (python is int and isinstance(value, bool)):
        raise refusal(path, f"is not {words}")


def _how_to_be_plain(nested: bool) -> str:
    if nested:
        return "is an output as a whole; write it out, with an output for each value that takes one"
    return "is an output or a secret, and must be known before anything is made; write the value itself"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
