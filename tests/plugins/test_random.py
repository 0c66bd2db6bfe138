"""The random plugin."""

import string
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plugins.random import PLUGIN
from sandbox.plugins.wire import UNKNOWN, Secret
from tests.plugins.engine import Engine, Refused, engine_for

PASSWORD = "random:index/randomPassword:RandomPassword"


@pytest.fixture
def engine() -> Iterator[Engine]:
    with engine_for(PLUGIN) as engine:
        yield engine


def test_password_lives(engine: Engine) -> None:
    inputs = {"length": 32, "special": False}
    made = engine.create(PASSWORD, inputs)
    assert made.id == "none"
    assert isinstance(made.outputs["result"], Secret)
    assert len(made.values["result"]) == 32
    assert set(made.values["result"]) <= set(string.ascii_letters + string.digits)
    assert made.values["numeric"] is True

    again = engine.refresh(made)
    assert again
    assert again.outputs == made.outputs
    assert engine.update(again, inputs).steps == ["same"]
    assert engine.create(PASSWORD, inputs).values["result"] != made.values["result"]
    engine.delete(made)


@pytest.mark.parametrize("change", [{"length": 33}, {"keepers": {"account": "2"}}, {"minUpper": 1}])
def test_a_change_makes_another_password(engine: Engine, change: dict[str, Any]) -> None:
    inputs = {"length": 32, "keepers": {"account": "1"}}
    made = engine.create(PASSWORD, inputs)
    changed = engine.update(made, {**inputs, **change})
    assert changed.steps == ["create", "delete"]
    assert changed.values["result"] != made.values["result"]


def test_password_has_at_least_what_was_asked_of_each_kind(engine: Engine) -> None:
    minima = {"minLower": 2, "minNumeric": 3, "minSpecial": 4, "minUpper": 5}
    result = engine.create(PASSWORD, {"length": 14, "overrideSpecial": "~", **minima}).values["result"]
    assert sum(c.islower() for c in result) >= 2
    assert sum(c.isdigit() for c in result) >= 3
    assert result.count("~") >= 4
    assert sum(c.isupper() for c in result) >= 5


@pytest.mark.parametrize("name", ["number", "numeric"])
def test_password_can_be_without_digits(engine: Engine, name: str) -> None:
    made = engine.create(PASSWORD, {"length": 200, name: False})
    assert not any(c.isdigit() for c in made.values["result"])
    assert (made.values["number"], made.values["numeric"]) == (False, False)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "missing required input 'length'"),
        ({"length": 0}, "length: 0 is less than 1"),
        ({"length": 3, "minUpper": 2, "minLower": 2}, "length: 3 is less than 4"),
        ({"length": 8, "number": True, "numeric": False}, "number: contradicts numeric"),
        (
            {"length": 8, "lower": False, "upper": False, "special": False, "numeric": False},
            "one of lower, numeric, special and upper must be true",
        ),
        ({"length": 8, "words": 2}, r"'words' is not an input of random\.RandomPassword"),
    ],
)
def test_password_that_cannot_be_is_refused(engine: Engine, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        engine.check(PASSWORD, inputs)


def test_preview_does_not_know_the_password(engine: Engine) -> None:
    planned = engine.create(PASSWORD, {"length": UNKNOWN}, preview=True)
    assert "result" not in planned.outputs


def test_password_cannot_be_imported(engine: Engine) -> None:
    with pytest.raises(Refused, match="import it with the official provider"):
        engine.read(PASSWORD, "none")
