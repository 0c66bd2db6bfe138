"""What every section of the configuration has: strict keys, and rules about several of its fields."""

from collections.abc import Callable, Iterator, Set
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

_Rule = TypeVar("_Rule", bound=Callable[[Any], Iterator[str]])


def rule(*fields: str) -> Callable[[_Rule], _Rule]:
    """A method that yields what is wrong with the section as a whole, where `fields` are right by themselves.

    (A validator of pydantic's would be silent as long as any other field is wrong.)
    """

    def mark(method: _Rule) -> _Rule:
        method.rule_fields = fields  # type: ignore[attr-defined]
        return method

    return mark


class Section(BaseModel):
    """A mapping in the configuration: camelCase keys, unknown ones refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="forbid", hide_input_in_errors=True
    )
    rules: ClassVar[tuple[Callable[[Any], Iterator[str]], ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.rules += tuple(member for member in vars(cls).values() if hasattr(member, "rule_fields"))

    def given(self) -> dict[str, Any]:
        """What was written, without the defaults: those of the components are the same."""
        return self.model_dump(exclude_unset=True, exclude_none=True, exclude={"kind"})

    def broken_rules(self, wrong: Set[str]) -> Iterator[str]:
        """What is wrong with the section as a whole; fields in `wrong` are not looked at."""
        for each in self.rules:
            if wrong.isdisjoint(each.rule_fields):  # type: ignore[attr-defined]
                yield from each(self)
