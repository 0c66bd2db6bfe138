"""Declarations of arguments: how they are read, and how each kind of reader spells what is wrong."""

import ast
import gc
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import pulumi
import pytest
from typing_extensions import NotRequired, TypedDict

from components import ArgumentError, consumers, forms, from_camel, logins, vault_identity
from components.cluster import EksClusterOptions, ExistingEksClusterOptions
from components.cross_account import TrustedAccountOptions
from components.declared import (
    PYTHON,
    UNIQUE,
    Default,
    Key,
    Reader,
    Refusal,
    Secret,
    Shape,
    Spelling,
    bases_of,
    between,
    checked,
    fields_of,
    matches,
    meanings,
    not_empty,
    opened,
    plain,
    refuse,
    rule,
    statements,
    to_camel,
)
from components.federation import VaultPluginIssuerOptions
from components.secrets_engine.args import AwsSecretsEngineOptions
from components.vault_auth import VaultAwsAuthOptions
from tests.unit.recording import record

Word = Annotated[str, matches(r"[a-z]+", "a word; write e.g. apple", "apple")]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(TypedDict):
    """A part."""

    word: Word
    """The word. It has more to it."""

    weight: NotRequired[Annotated[int, Default(1), between(1, 9)]]
    """The weight."""


class Base(TypedDict):
    """What things have in common."""

    max_size: NotRequired[pulumi.Input[Word]]
    """The most."""


class Thing(Base):
    """A thing."""

    part: Part
    """The part
    of it."""

    later: NotRequired[pulumi.Input[Part]]
    words: NotRequired[Annotated[Sequence[pulumi.Input[Word]], Default(()), not_empty("a word"), UNIQUE]]
    parts: NotRequired[Annotated[Mapping[Word, Part], Default({})]]
    colour: NotRequired[Annotated[Colour, Default(Colour.RED)]]
    count: NotRequired[int]
    account: NotRequired[forms.AccountId]
    on: NotRequired[Annotated[bool, Default(False)]]
    password: NotRequired[Annotated[pulumi.Input[Word], Secret]]
    url: NotRequired[forms.Url]
    anything: NotRequired[Any]


@rule(Base, "max_size")
def _most(base: Base) -> Iterator[Refusal]:
    if base.get("max_size") == "none":
        yield Refusal("max_size", "is nothing", base["max_size"])


@rule(Thing, "count", "words")
def _counted(thing: Thing) -> Iterator[Refusal]:
    if "count" in thing and thing["count"] != len(thing["words"]):
        yield Refusal("count", "is not that of {words} below {max_size}", thing["count"])


@rule(Thing)
def _whole(thing: Thing) -> Iterator[Refusal]:
    if "red" in thing["parts"] and thing["colour"] is Colour.BLUE:
        yield Refusal(("parts", Key("red"), "weight"), "is of another {colour}")


STACK = Spelling(to_camel, lambda _: "")
VALID: dict[str, Any] = {"part": {"word": "a"}}


def lines(spelling: Spelling = PYTHON, **changes: Any) -> list[str]:
    """What is wrong with a thing."""
    reader = Reader(spelling)
    reader.fields({**VALID, **changes}, Thing)
    return [spelling.line(refusal) for refusal in reader.refusals]


def test_what_is_not_given_has_its_default_and_null_is_not_given() -> None:
    defaults = {"words": (), "parts": {}, "colour": Colour.RED, "on": False}
    assert checked(Thing, VALID) == {"part": {"word": "a", "weight": 1}, **defaults}
    assert checked(Thing, {**VALID, "count": None, "on": None, "words": None}) == checked(Thing, VALID)


def test_values_are_as_python_has_them() -> None:
    read = checked(
        Thing,
        {
            **VALID,
            "colour": "blue",
            "account": 111111111111,
            "words": ["a"],
            "count": 1.0,
            "url": "http://a/",
        },
    )
    assert (read["colour"], read["account"], read["url"]) == (Colour.BLUE, "111111111111", "http://a")
    assert repr(read["count"]) == "1"
    assert checked(Thing, {**VALID, "colour": Colour.BLUE})["colour"] is Colour.BLUE


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"part": None}, "part: is missing; write it (The part of it)"),
        ({"part": {}}, "part.word: is missing; write it (The word)"),
        ({"part": {"word": "A1"}}, "part.word: 'A1' is not a word; write e.g. apple"),
        ({"part": {"word": 1}}, "part.word: 1 is not text; write it in quotes"),
        ({"part": "a"}, "part: is not a mapping; write key: value pairs"),
        ({"part": {"word": "a", "weight": 10}}, "part.weight: 10 is out of range; write 1 to 9"),
        ({"part": {"word": "a", "weight": 1.5}}, "part.weight: 1.5 is not a whole number"),
        ({"part": {"word": "a", "weight": True}}, "part.weight: True is not a whole number"),
        ({"maximum_size": "a"}, "maximum_size: is not a known key; did you mean max_size?"),
        ({"maxSize": "a"}, "maxSize: is not a known key; did you mean max_size?"),
        ({"max_size": "none"}, "max_size: 'none' is nothing"),
        ({"words": "a"}, "words: 'a' is not a list; write [one, two]"),
        ({"words": "a" * 300}, f"words: '{'a' * 199}… is not a list; write [one, two]"),
        ({"words": []}, "words: is empty; write at least one entry: a word"),
        ({"words": ["a", "b", "a"]}, "words: contains duplicates; write each entry once"),
        ({"words": ["a", None]}, "words[1]: is missing; write a value, or leave the entry out"),
        ({"parts": []}, "parts: is not a mapping; write key: value pairs"),
        ({"parts": {"A": {"word": "a"}}}, "parts.A: its name is not a word; write e.g. apple"),
        ({"parts": {"red": {"word": "1"}}}, "parts.red.word: '1' is not a word; write e.g. apple"),
        ({"colour": "pink"}, "colour: 'pink' is not one of red, blue"),
        ({"on": "yes"}, "on: 'yes' is neither true nor false"),
        ({"count": 2}, "count: 2 is not that of words below max_size"),
        ({"parts": {"red": VALID["part"]}, "colour": "blue"}, "parts.red.weight: is of another colour"),
        ({"account": "12"}, "account: '12' is not an account ID; write its 12 digits, in quotes"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_path(changes: dict[str, Any], line: str) -> None:
    assert lines(**changes) == [line]


def test_each_kind_of_reader_spells_fields_and_not_the_keys_that_people_choose() -> None:
    wrong = {"count": 3, "maxSize": "1", "parts": {"a_b": {"word": "1"}}}
    assert lines(STACK, **wrong) == [
        "maxSize: is not a word; write e.g. apple",
        "parts.a_b: its name is not a word; write e.g. apple",
        "parts.a_b.word: is not a word; write e.g. apple",
        "count: is not that of words below maxSize",
    ]
    with pytest.raises(ArgumentError, match=r"^maxSize: '1' is not a word"):
        from_camel(Thing, {**VALID, "maxSize": "1"})
    assert from_camel(Thing, {**VALID, "maxSize": "a"}) == checked(Thing, {**VALID, "max_size": "a"})


def test_all_that_is_wrong_is_told_at_once_as_an_error_of_values() -> None:
    with pytest.raises(ValueError, match=r"^part: is missing") as error:
        checked(Thing, {"count": "x", "colour": 1})
    assert str(error.value).splitlines()[1:] == [
        "colour: 1 is not one of red, blue",
        "count: 'x' is not a whole number",
    ]
    refuse(iter(()))
    with pytest.raises(ArgumentError, match=r"^a.b: is bad$"):
        refuse(iter([Refusal("b", "is bad").below(("a",))]))


def test_a_rule_is_not_asked_about_fields_that_are_wrong() -> None:
    assert lines(count=2, words=["1"]) == ["words[0]: '1' is not a word; write e.g. apple"]
    assert lines(parts={"red": VALID["part"]}, colour="blue", account="1")[1:] == []


@pytest.mark.parametrize("value", ["the secret", ["the secret"], {"the secret": 1}, 5])
def test_no_message_repeats_a_secret(value: Any) -> None:
    (line,) = lines(password=value)
    assert line in ("password: is not a word; write e.g. apple", "password: is not text; write it in quotes")


# Outputs


def reading(**changes: Any) -> Any:
    """The thing as a program has it, in which outputs can be made; a change in a list is one."""
    read: list[Any] = []

    def program() -> None:
        later = {name: pulumi.Output.from_input(value) for name, value in changes.items()}
        read.append(checked(Thing, {**VALID, **later}))
        for name in changes:
            pulumi.export(name, read[0][name])

    return record(program).exports()


def test_an_output_is_looked_at_when_it_is_known() -> None:
    assert reading(max_size="a", later={"word": "a"}) == {
        "max_size": "a",
        "later": {"word": "a", "weight": 1},
    }
    with pytest.raises(ArgumentError, match=r"^max_size: 'A' is not a word"):
        reading(max_size="A")
    with pytest.raises(ArgumentError, match=r"^password: is not a word") as error:
        reading(password="THE SECRET")
    assert "THE" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("count", "is an output, and must be known before anything is made; write the value itself"),
        ("part", "is an output as a whole; write it out, with an output for each value that may be one"),
        ("words", "is an output as a whole; write it out, with an output for each value that may be one"),
    ],
)
def test_what_must_be_known_is_refused_as_an_output(field: str, why: str) -> None:
    with pytest.raises(ArgumentError) as error:
        reading(**{field: 1})
    assert str(error.value) == f"{field}: {why}"


def test_an_output_among_others_is_no_duplicate_and_hides_none() -> None:
    def program() -> None:
        later: Any = pulumi.Output.from_input("a")
        assert len(checked(Thing, {**VALID, "words": ["a", later, later]})["words"]) == 3
        assert lines(words=["a", later, "a"]) == ["words: contains duplicates; write each entry once"]

    record(program)


def test_a_structure_that_comes_as_one_output_has_an_output_for_each_field() -> None:
    part: Part = {"word": "a"}
    assert opened(part, Part) is part

    def program() -> None:
        for name, value in opened(pulumi.Output.from_input(part), Part).items():
            pulumi.export(name, value)

    assert record(program).exports() == {"word": "a"}


# What a declaration says


class Parses:
    """Garbage whose finalizer parses, as one does that shows a traceback."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("a.b(c)[d]")


def test_meanings_are_read_whatever_garbage_there_is() -> None:
    """Whole runs of tests failed of it, now and then."""
    limits = gc.get_threshold()
    gc.freeze()  # what all other tests have made, to look at which takes long
    try:
        for allocations in range(20, 200, 10):
            gc.collect()
            gc.set_threshold(allocations, 2, 2)
            for _ in range(3):
                Parses()
            assert statements(Thing)
    finally:
        gc.set_threshold(*limits)
        gc.unfreeze()


def test_fields_of_the_bases_come_first_with_their_meanings() -> None:
    assert list(fields_of(Thing))[:2] == ["max_size", "part"]
    assert list(bases_of(Thing)) == [Base, Thing]
    assert meanings(Thing)["part"] == "The part of it."
    assert meanings(Thing)["max_size"] == "The most."


def test_annotations_can_be_had_without_what_is_declared_in_them() -> None:
    assert plain(Annotated[Sequence[Word], UNIQUE]) == Sequence[str]
    assert plain(Mapping[Word, Part]) == Mapping[str, Part]


SECTIONS = [
    EksClusterOptions,
    ExistingEksClusterOptions,
    VaultAwsAuthOptions,
    VaultPluginIssuerOptions,
    AwsSecretsEngineOptions,
    TrustedAccountOptions,
    *(
        kind.OPTIONS
        for kinds in (logins.KINDS, consumers.KINDS, vault_identity.KINDS)
        for kind in kinds.values()
    ),
]


def leaves(of: type, path: str = "") -> Iterator[tuple[str, Shape]]:
    """What people write, down to texts and numbers; keys that they choose among them."""
    for field, declared in fields_of(of).items():
        leaf = declared
        while leaf.item:
            if leaf.key:
                yield f"{path}{field}.KEY", leaf.key
            leaf = leaf.item
        if leaf.is_fields:
            yield from leaves(leaf.kind, f"{path}{field}.")
        else:
            yield path + field, leaf


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_text_and_number_that_people_write_has_a_form(section: type) -> None:
    found = dict(leaves(section))
    assert found
    assert [field for field, leaf in found.items() if leaf.kind in (str, int) and not leaf.forms] == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_a_default_and_an_example_are_of_the_form(section: type) -> None:
    for field, leaf in leaves(section):
        texts = [form.example for form in leaf.forms if form.example]
        for value in [*texts, *([leaf.default] if leaf.has_default and leaf.default != "" else [])]:
            for form in leaf.forms:
                form.check(value.replace("NAME", "a") if isinstance(value, str) else value)
                assert field


# A base that is extended on two ways


class Lived(TypedDict):
    ttl: int
    """Life of the token."""


class Named(Lived):
    name: str
    """Name."""


class Wired(Lived):
    mount: str
    """The mount."""


class Whole(Named, Wired):
    pass


@rule(Lived, "ttl")
def _lives(lived: Lived) -> Iterator[Refusal]:
    if lived["ttl"] < 1:
        yield Refusal("ttl", "is too short; write 1 or more", lived["ttl"])


def test_a_rule_of_a_shared_base_is_applied_once() -> None:
    with pytest.raises(ArgumentError) as error:
        checked(Whole, {"ttl": 0, "name": "a", "mount": "b"})
    assert str(error.value) == "ttl: 0 is too short; write 1 or more"


def test_the_furthest_base_comes_first() -> None:
    assert bases_of(Whole) == [Lived, Named, Wired, Whole]
    assert list(meanings(Whole)) == ["ttl", "name", "mount"]
