"""What the form of a single value is to those who check it, and to those who help to write it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Form:
    """How a value is written: a check that raises ValueError for what is not, and what an editor is told."""

    check: Callable[[Any], object]
    example: str = ""
    pattern: str = ""
    """Regular expression of the form, or of a wider one, for JSON Schema; "" where that can say nothing."""

    numbers: bool = False
    """Whether YAML's numbers are taken as text."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        told: dict[str, Any] = {**handler(schema)}
        if self.numbers:
            told["type"] = [told["type"], "integer"]
        if self.pattern:
            told["pattern"] = f"^(?:{self.pattern})$"
        if self.example:
            told["examples"] = [self.example]
        return told

    def _checked(self, value: Any) -> Any:
        self.check(value)
        return value


def matches(pattern: str, form: str, example: str = "", *, numbers: bool = False) -> Form:
    """The form of a regular expression; `form` ends the message about what is not of it."""

    def check(value: str) -> None:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"is not {form}")

    return Form(check, example, pattern, numbers)
