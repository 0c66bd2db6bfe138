"""The reference of the component library as a page, from its docstrings."""

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pulumi
from typing_extensions import is_typeddict

import components
from components import consumers
from components.declared import Shape, fields_of, meanings, required_of
from tools.docs.docstrings import cell, meaning_and_default, members, one_line, shown
from tools.docs.schema import default_of

INTRODUCTION = """# Components

The component library, from its docstrings. Each component takes a name, its arguments and
`pulumi.ResourceOptions`, whose `providers` contain the providers that it needs.

`Input[…]` accepts a value that is known later, such as another resource's output. Other values must be known
when the program runs. An argument without a default is optional, unless it is **required**.

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
            yield from _table(type_, "field") if is_typeddict(type_) else ()


def _table(of: type, word: str) -> Iterator[str]:
    yield f"| {word} | type | default | meaning |\n|---|---|---|---|"
    texts = meanings(of)
    for name, field in sorted(fields_of(of).items(), key=lambda it: it[0] not in required_of(of)):
        meaning, default = meaning_and_default(texts[name])
        if field.has_default:
            default = shown(default_of(field))
        if name in required_of(of):
            default = "**required**"
        yield f"| `{name}` | {cell(_type(field))} | {default} | {meaning} |"


def _type(field: Shape) -> str:
    """The type without its forms."""
    if field.item:
        inner = _type(field.item)
        text = f"list[{inner}]" if field.kind is list else f"dict[str, {inner}]"
    else:
        text = getattr(field.kind, "__name__", "Any")
    return f"Input[{text}]" if field.output else text
