"""Arguments that extend one TypedDict on two ways: what it declares counts once."""

from collections.abc import Iterator

import pytest
from typing_extensions import TypedDict

from components.declared import ArgumentError, Refusal, bases_of, checked, meanings, rule


class Token(TypedDict):
    ttl: int
    """Life of the token."""


class Options(Token):
    name: str
    """Name."""


class Wired(Token):
    mount: str
    """The mount."""


class Args(Options, Wired):
    pass


@rule(Token, "ttl")
def _positive(token: Token) -> Iterator[Refusal]:
    if token["ttl"] < 1:
        yield Refusal("ttl", "is too short; write 1 or more", token["ttl"])


def test_a_rule_of_a_shared_base_is_applied_once() -> None:
    with pytest.raises(ArgumentError) as error:
        checked(Args, {"ttl": 0, "name": "a", "mount": "b"})
    assert str(error.value) == "ttl: 0 is too short; write 1 or more"


def test_the_furthest_base_comes_first() -> None:
    assert bases_of(Args) == [Token, Options, Wired, Args]
    assert list(meanings(Args)) == ["ttl", "name", "mount"]
