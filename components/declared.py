"""One declaration of arguments, for all who read them.

A component's arguments are declared once, in TypedDicts beside it: `XOptions` is what people write, and
`XArgs(XOptions)` adds what a program wires. The form of a leaf is in its type,
`Annotated[str, Form(...)]`, and so is a default, `Default("1h")`. A rule between fields stands below them:

    @rule(VaultToken)
    def _ttl(token): yield Refusal("ttl", "is longer than {max_ttl}; write a shorter one", token["ttl"])

The readers differ only in how they spell: a program in Python (`PYTHON`), a stack file (`stack/reading.py`),
a program in another language (`plugin/provider.py`). No resources.
"""

import itertools
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, ForwardRef, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import pulumi
from pulumi.output import Unknown
from typing_extensions import NotRequired, Required, get_original_bases, is_typeddict

from . import foreign_words
from .renames import ARGUMENTS
from .suggestions import suggestion

_T = TypeVar("_T")
_Rule = TypeVar("_Rule", bound=Callable[[Any], Iterator["Refusal"]])
NOTHING: Any = object()
"""Where a value is not given, None being one."""


# What a declaration says


@dataclass(frozen=True)
class Form:
    """How a value is written."""

    check: Callable[[Any], object]
    """Raises ValueError, with what is wrong and what to write instead, for what is not of the form."""

    example: str = ""
    pattern: str = ""
    """Regular expression of the form, or of a wider one, for JSON Schema."""

    numbers: bool = False
    """Whether a number is taken as text, as YAML makes one of an account ID."""

    not_empty: bool = False
    """Whether it is that of a list or mapping with at least one entry."""

    limits: tuple[int, int] | None = None
    """Of a number: the lowest and the highest, for JSON Schema."""

    normal: Callable[[Any], Any] | None = None
    """Makes the one way to write a value of the several that are accepted."""


@dataclass(frozen=True)
class Default:
    """The value of a field that is not given."""

    value: Any


class Secret:
    """Marks a field whose value no message repeats."""


def matches(pattern: str, form: str, example: str = "", *, numbers: bool = False) -> Form:
    """The form of a regular expression; `form` ends the message about a value that does not match."""

    def check(value: str) -> None:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"is not {form}")

    return Form(check, example, pattern, numbers)


def between(lowest: int, highest: int) -> Form:
    """The form of a whole number with limits."""

    def check(value: int) -> None:
        if not lowest <= value <= highest:
            raise ValueError(f"is out of range; write {lowest} to {highest}")

    return Form(check, limits=(lowest, highest))


def not_empty(why: str) -> Form:
    """The form of a list or mapping that needs an entry; `why` says what there is without one."""

    def check(value: Sequence[Any]) -> None:
        if not value:
            raise ValueError(f"is empty; write at least one entry: {why}")

    return Form(check, not_empty=True)


def _check_unique(values: Sequence[Any]) -> None:
    written = [value for value in values if not isinstance(value, pulumi.Output)]
    twice = next((value for index, value in enumerate(written) if value in written[:index]), None)
    if twice is not None:
        raise ValueError("contains duplicates; write each entry once")
    lower: dict[str, str] = {}
    for arn in (value for value in written if isinstance(value, str) and value.startswith("arn:")):
        other = lower.setdefault(arn.lower(), arn)
        if other != arn:
            raise ValueError(
                f"has {other} and {arn}, and AWS has no two names that differ only in case; write the one "
                "that is there"
            )


UNIQUE = Form(_check_unique)
"""The form of a list without duplicates."""


class Key(str):
    """A key of a mapping, which users choose: not spelled as fields are."""


class Refusal:
    """What is wrong with one argument, or between several."""

    def __init__(self, place: "str | tuple[str | int, ...]", text: str, value: Any = NOTHING) -> None:
        """`place` is the path of the field, `ttl` or `("roles", Key("app"), "ttl")`; "" is the whole. In
        `text`, `{ttl}` is the field of that name, as the reader spells it. `value` is shown before it."""
        self.place: tuple[str | int, ...] = (place,) if place and isinstance(place, str) else tuple(place)
        self.text = text
        self.value = value

    def below(self, place: tuple[str | int, ...]) -> "Refusal":
        """The same refusal, seen from further up."""
        return Refusal((*place, *self.place), self.text, self.value)


_LONGEST_QUOTE = 200
"""Characters of a value that a message shows: a policy may have thousands."""


@dataclass(frozen=True)
class Spelling:
    """How a kind of reader writes fields and values."""

    field: Callable[[str], str]
    quote: Callable[[Any], str]
    """How a value is shown; an empty text where values are never shown."""

    def path(self, place: Sequence[str | int]) -> str:
        """`token.ttl`, `roles.app.role_arns[0]`."""
        path = ""
        for part in place:
            if isinstance(part, int):
                path += f"[{part}]"
            else:
                path += f"{'.' if path else ''}{part if isinstance(part, Key) else self.field(part)}"
        return path

    def message(self, refusal: Refusal) -> str:
        """The refusal as one line, without its place."""
        text = re.sub(r"(?a)\{(\w+)\}", lambda name: self.field(name[1]), refusal.text)
        quoted = "" if refusal.value is NOTHING else self.quote(refusal.value)
        if len(quoted) > _LONGEST_QUOTE:
            quoted = f"{quoted[:_LONGEST_QUOTE]}…"
        return f"{quoted} {text}" if quoted else text

    def line(self, refusal: Refusal) -> str:
        """The refusal as one line."""
        place = self.path(refusal.place)
        return f"{place}: {self.message(refusal)}" if place else self.message(refusal)


def to_camel(name: str) -> str:
    """`max_ttl` as stack files and other languages write it: `maxTtl`."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


PYTHON = Spelling(str, repr)
CAMEL = Spelling(to_camel, lambda _: "")
"""How stack files and other languages spell. No value is shown, as it may be a secret; a stack file's reader
knows which are, and shows the others."""


class ArgumentError(ValueError):
    """The arguments of a component are wrong; one line for each problem."""

    def __init__(self, refusals: Sequence[Refusal], spelling: Spelling = PYTHON) -> None:
        super().__init__("\n".join(map(spelling.line, refusals)))
        self.refusals = refusals


class _RuleOfFields(NamedTuple):
    check: Callable[[Any], Iterator[Refusal]]
    fields: frozenset[str]


_rules: dict[type, list[_RuleOfFields]] = {}


def rule(of: type, *fields: str) -> Callable[[_Rule], _Rule]:
    """Mark a function that yields what is wrong between fields of `of`.

    It is called with values of the right form, defaults included, where all of `fields` have one; without
    `fields`, where everything has.
    """

    def mark(check: _Rule) -> _Rule:
        _rules.setdefault(of, []).append(_RuleOfFields(check, frozenset(fields)))
        return check

    return mark


def refuse(refusals: Iterator[Refusal]) -> None:
    """Raise ArgumentError if there are any."""
    if found := list(refusals):
        raise ArgumentError(found)


# What is declared


class Shape(NamedTuple):
    """What a field, an item or a key is."""

    kind: Any
    """`str`, `int`, `bool`, `list`, `dict`, an Enum, a TypedDict, or `Any`."""

    output: bool
    """Whether it may be known only later."""

    forms: tuple[Form, ...] = ()
    secret: bool = False
    default: Any = NOTHING
    item: "Shape | None" = None
    key: "Shape | None" = None

    @property
    def has_default(self) -> bool:
        return self.default is not NOTHING

    @property
    def is_fields(self) -> bool:
        """Whether it is a TypedDict."""
        return is_typeddict(self.kind)


def shape(annotation: Any) -> Shape:
    """What an annotation says."""
    output, secret, default, forms = False, False, NOTHING, []
    while True:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = inner[0]
            forms += [it for it in inner[1:] if isinstance(it, Form)]
            secret = secret or Secret in inner[1:]
            default = next((it.value for it in inner[1:] if isinstance(it, Default)), default)
        elif origin in (NotRequired, Required):
            annotation = inner[0]
        elif origin in (Union, types.UnionType):
            members = [it for it in inner if it is not type(None)]
            now = [it for it in members if not _is_later(it)]
            output = output or len(now) < len(members)
            annotation = (now or members)[0]
        elif origin is pulumi.Output:
            output, annotation = True, inner[0]
        else:
            break
    item = key = None
    kind: Any = annotation
    if isinstance(origin, type) and issubclass(origin, Mapping):
        kind, key, item = dict, shape(inner[0]), shape(inner[1])
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        kind, item = list, shape(inner[0])
    return Shape(kind, output, tuple(forms), secret, default, item, key)


def plain(annotation: Any) -> Any:
    """An annotation without what is declared in it, for those who know types alone."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return plain(inner[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(plain(it) for it in inner)]  # noqa: UP007 - made of members
    if origin and inner:
        members = tuple(map(plain, inner))
        return origin[members[0] if len(members) == 1 else members]
    return annotation


def _is_later(annotation: Any) -> bool:
    """Whether it is one of the ways in which `pulumi.Input` says that a value may come later."""
    return (
        isinstance(annotation, ForwardRef)
        or get_origin(annotation) is pulumi.Output
        or "Awaitable" in str(get_origin(annotation))
    )


@cache
def fields_of(of: type) -> Mapping[str, Shape]:
    """The fields of a TypedDict, those of its bases first."""
    return {name: shape(annotation) for name, annotation in of.__annotations__.items()}


def required_of(of: type) -> frozenset[str]:
    """The fields of a TypedDict that must be given."""
    return of.__required_keys__  # type: ignore[attr-defined, no-any-return]  # each TypedDict has it


@cache
def bases_of(of: type) -> Sequence[type]:
    """A TypedDict and those that it extends, which it forgets in its MRO: each once, the furthest first."""
    found = {
        furthest: None
        for base in get_original_bases(of)
        if isinstance(base, type) and is_typeddict(base)
        for furthest in bases_of(base)
    }
    return [*found, of]


@cache
def _gone(of: type) -> Mapping[str, str]:
    """The fields that it had in an earlier release, and what replaced them."""
    return {name: why for base in bases_of(of) for name, why in ARGUMENTS.get(base.__name__, {}).items()}


# Reading


class Reader:
    """One reading of arguments: what is right of them, and what is wrong."""

    def __init__(self, spelling: Spelling = PYTHON) -> None:
        self.spelling = spelling
        self.refusals: list[Refusal] = []

    def refuse(self, place: tuple[str | int, ...], text: str, value: Any = NOTHING) -> None:
        self.refusals.append(Refusal(place, text, value))

    def fields(self, given: Any, of: type, place: tuple[str | int, ...] = ()) -> dict[str, Any] | None:
        """The fields that are right, with the names that they have in Python, and defaults."""
        if not isinstance(given, Mapping):
            self.refuse(place, "is not a mapping; write key: value pairs")
            return None
        known, required = fields_of(of), required_of(of)
        written = {self.spelling.field(name): name for name in known}
        before = len(self.refusals)
        gone = {self.spelling.field(name): why for name, why in _gone(of).items()}
        for word in given:
            if word in gone:
                self.refuse((*place, Key(word)), f"is gone: {gone[word]}")
            elif word not in written:
                advice = foreign_words.advice((base.__name__ for base in bases_of(of)), str(word))
                ending = f"; {advice}" if advice else suggestion(str(word), written)
                self.refuse((*place, Key(word)), f"is not a known key{ending}")
        read: dict[str, Any] = {}
        for word, name in written.items():
            if given.get(word) is not None:
                read[name] = self.value(given[word], known[name], (*place, name))
            elif known[name].has_default:
                read[name] = known[name].default
            elif name in required:
                self.refuse((*place, name), f"is missing; {_meaning(of, name)}")
        wrong = {it.place[len(place)] for it in self.refusals[before:] if len(it.place) > len(place)}
        self._between(read, of, place, {str(name) for name in wrong})
        return read

    def _between(self, read: dict[str, Any], of: type, place: tuple[str | int, ...], wrong: set[str]) -> None:
        for base in bases_of(of):
            for check, fields in _rules.get(base, ()):
                if wrong.isdisjoint(fields) if fields else not wrong:
                    self.refusals += [refusal.below(place) for refusal in check(read)]

    def value(self, value: Any, shape: Shape, place: tuple[str | int, ...]) -> Any:
        """The value as Python has it; None if it is wrong, and so is a wrong entry of a list or mapping."""
        if isinstance(value, (pulumi.Output, Unknown)):
            return self._later(value, shape, place)
        read = self._read(value, shape, place)
        if read is NOTHING:
            return None
        for form in shape.forms:
            try:
                form.check(read)
            except ValueError as error:
                shown = NOTHING if shape.secret or isinstance(read, (list, dict)) else read
                self.refuse(place, str(error), shown)
                return None
            if form.normal:
                read = form.normal(read)
        return read

    def _read(self, value: Any, shape: Shape, place: tuple[str | int, ...]) -> Any:
        shown = NOTHING if shape.secret or isinstance(value, (Mapping, list)) else value
        if shape.is_fields:
            fields = self.fields(value, shape.kind, place)
            return NOTHING if fields is None else fields
        if shape.kind is list and shape.item:
            if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
                self.refuse(place, "is not a list; write [one, two]", shown)
                return NOTHING
            return [self._entry(item, shape.item, (*place, index)) for index, item in enumerate(value)]
        if shape.kind is dict and shape.item and shape.key:
            if not isinstance(value, Mapping):
                self.refuse(place, "is not a mapping; write key: value pairs", shown)
                return NOTHING
            return {
                self._key(key, shape.key, place): self._entry(item, shape.item, (*place, Key(key)))
                for key, item in value.items()
            }
        if isinstance(shape.kind, type) and issubclass(shape.kind, Enum):
            words = [member.value for member in shape.kind]
            if not isinstance(value, shape.kind) and value not in words:
                self.refuse(place, f"is not one of {', '.join(words)}", shown)
                return NOTHING
            return shape.kind(value)
        if isinstance(value, float) and value.is_integer():  # other languages know no other numbers
            value = int(value)
        number = isinstance(value, int) and not isinstance(value, bool)
        if shape.kind is str:
            if number and any(form.numbers for form in shape.forms):
                return str(value)
            if not isinstance(value, str):
                self.refuse(place, "is not text; write it in quotes", shown)
                return NOTHING
        elif shape.kind is bool and not isinstance(value, bool):
            self.refuse(place, f"is neither true nor false{_unquoted(value)}", shown)
            return NOTHING
        elif shape.kind is int and not number:
            self.refuse(place, f"is not a whole number{_unquoted(value)}", shown)
            return NOTHING
        return value

    def _entry(self, value: Any, shape: Shape, place: tuple[str | int, ...]) -> Any:
        if value is None:
            self.refuse(place, "is missing; write a value, or leave the entry out")
            return None
        return self.value(value, shape, place)

    def _key(self, key: Any, shape: Shape, place: tuple[str | int, ...]) -> str:
        for form in shape.forms:
            try:
                form.check(str(key))
            except ValueError as error:
                self.refuse((*place, Key(key)), f"its name {error}")
        return str(key)

    def _later(self, value: Any, shape: Shape, place: tuple[str | int, ...]) -> Any:
        """A value that is looked at when it is known."""
        if not shape.output:
            self.refuse(
                place,
                "is an output as a whole; write it out, with an output for each value that may be one"
                if shape.is_fields or shape.item
                else "is an output, and must be known before anything is made; write the value itself",
            )
            return None
        if not isinstance(value, pulumi.Output) or not (shape.forms or shape.is_fields or shape.item):
            return value
        spelling = self.spelling

        def read(known: Any) -> Any:
            reader = Reader(spelling)
            result = reader.value(known, shape, place)
            if reader.refusals:
                raise ArgumentError(reader.refusals, spelling)
            return result

        return value.apply(read)


def _unquoted(value: Any) -> str:
    """The end of a message about text that would be right without its quotes."""
    right = isinstance(value, str) and (value in ("true", "false") or value.isdecimal())
    return "; write it without quotes" if right else ""


def checked(of: type[_T], args: Mapping[str, Any], spelling: Spelling = PYTHON) -> _T:
    """A component's arguments, with defaults and enums as such: the first line of every component.

    What is an output is checked when it is known. Raises ArgumentError for anything else that is wrong.
    """
    reader = Reader(spelling)
    read = reader.fields(args, of)
    if reader.refusals:
        raise ArgumentError(reader.refusals, spelling)
    return cast(_T, read)


def from_camel(of: type[_T], section: Mapping[str, Any]) -> _T:
    """Options that are written with the keys of stack files, such as configuration. Raises ArgumentError."""
    return checked(of, section, Spelling(to_camel, repr))


def opened(value: Any, of: type[_T]) -> _T:
    """A structure by its fields: one that came as an output as a whole has an output for each."""
    if not isinstance(value, pulumi.Output):
        return cast(_T, value)
    return cast(_T, {name: value.apply(_getter(name)) for name in fields_of(cast(Any, of))})


def _getter(name: str) -> Callable[[Any], Any]:
    return lambda known: (known or {}).get(name)


# What the source says


@cache
def meanings(of: type) -> Mapping[str, str]:
    """The docstring, as one line, of each field of a TypedDict, those of its bases included; or of each
    member of an Enum."""
    import ast  # only for messages and documentation

    found: dict[str, str] = {}
    for base in bases_of(of) if is_typeddict(of) else (of,):
        try:
            body = statements(base)
        except OSError:  # made at run time, from others; or installed without its source
            continue
        for node, text in itertools.pairwise(body):
            said = text.value if isinstance(text, ast.Expr) else None
            if not isinstance(said, ast.Constant):
                continue
            if isinstance(node, ast.AnnAssign):
                found[ast.unparse(node.target)] = " ".join(str(said.value).split())
            elif isinstance(node, ast.Assign):
                found[ast.unparse(node.targets[0])] = " ".join(str(said.value).split())
    return found


def statements(of: type) -> list[Any]:
    """The statements of a class, as `ast` has them. Raises OSError where there is no source.

    No garbage is collected meanwhile: in some releases of Python `ast.parse` then ends with SystemError, if a
    finalizer parses, too, as one does that shows a traceback.
    """
    import ast
    import gc
    import inspect
    import textwrap

    collects = gc.isenabled()
    gc.disable()
    try:
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    finally:
        if collects:
            gc.enable()
    return list(cast(ast.ClassDef, found).body)


def _meaning(of: type, field: str) -> str:
    first = re.split(r"[.:;](?:\s|$)", meanings(of).get(field, ""))[0]
    return f"write it ({first})" if first else "write it"
