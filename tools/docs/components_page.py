"""The reference page of the component library, made from its docstrings."""

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pulumi

import components
from components import consumers
from tools.docs.docstrings import cell, members, one_line

INTRODUCTION = """# Components

The component library, from its docstrings. Each component takes a name, its arguments and
`pulumi.ResourceOptions`, whose `providers` contain the providers that it needs.

`Input[…]` accepts a value that is known later, such as another resource's output. Other values must be known
when the program runs.

"""


def page() -> str:
    """The page, in Markdown."""
    return INTRODUCTION + "\n".join([*_components(), "\n## Types", *_types()]) + "\n"


def exported() -> dict[str, Any]:
    """What the library exports, by name."""
    return {
        name: getattr(package, name)
        for package in (components, consumers)
        for name in package.__all__
        if inspect.isclass(getattr(package, name))
    }


def arguments_of(component: type) -> type:
    """The class of a component's arguments."""
    module = inspect.getmodule(component)
    return getattr(module, f"{component.__name__}Args")  # type: ignore[no-any-return]


def _components() -> Iterator[str]:
    for name, component in exported().items():
        if not issubclass(component, pulumi.ComponentResource) or component is consumers.Consumer:
            continue
        yield f"\n## {name}\n\n{one_line(component.__doc__ or '')}\n"
        arguments = arguments_of(component)
        yield f"Arguments: {one_line(arguments.__doc__ or '')}\n"
        yield from _table(arguments, "argument")
        outputs = list(members(component))
        if outputs:
            yield "\n| output | type | meaning |\n|---|---|---|"
            for output in outputs:
                yield f"| `{output.name}` | {cell(output.type)} | {output.text} |"


def _types() -> Iterator[str]:
    for name, type_ in sorted(exported().items()):
        if issubclass(type_, pulumi.ComponentResource) or name.endswith("Args"):
            continue
        yield f"\n### {name}\n\n{one_line(type_.__doc__ or '')}\n"
        if issubclass(type_, Enum):
            texts = {member.name: member.text for member in members(type_)}
            yield "| value | meaning |\n|---|---|"
            for member in type_:
                yield f"| `{member.value}` | {texts.get(member.name, '')} |"
        else:
            yield from _table(type_, "field")


def _table(owner: type, word: str) -> Iterator[str]:
    yield f"| {word} | type | | meaning |\n|---|---|---|---|"
    every = [field for each in (owner, *_bases(owner)) for field in members(each)]
    for field in sorted(every, key=lambda it: it.optional):
        required = "" if field.optional else "**required**"
        yield f"| `{field.name}` | {cell(field.type)} | {required} | {field.text} |"


def _bases(owner: type) -> Iterator[type]:
    """The base classes of a class of arguments, which a TypedDict does not have in its MRO."""
    for base in getattr(owner, "__orig_bases__", ()):
        if isinstance(base, type):
            yield base
            yield from _bases(base)
