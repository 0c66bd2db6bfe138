"""Sets an input of a resource, changes it and takes it away, and compares with its row of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.plugins import official
from tests.plugins.engine import Deployed, Engine, Refused
from tests.plugins.official import Change, Removal, Row

REPLACED = (["create", "delete"], ["delete", "create"])


def rows(tables: Mapping[str, tuple[Row, ...]]) -> list[Any]:
    return [
        pytest.param(token, row, id=f"{token.rpartition(':')[2]}.{row.name}")
        for token, several in tables.items()
        for row in several
    ]


def fill(value: Any, ids: Mapping[str, str]) -> Any:
    """The value, with `{name}` in a text as the ID of that name."""
    if isinstance(value, str) and value.startswith(("{", "auth/{")):
        for name, id_ in ids.items():
            value = value.replace(f"{{{name}}}", id_)
    if isinstance(value, dict):
        return {key: fill(item, ids) for key, item in value.items()}
    return [fill(item, ids) for item in value] if isinstance(value, list) else value


def put(inputs: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The inputs with one set, which has a dotted name if it is inside others."""
    first, _, below = name.partition(".")
    return {**inputs, first: put(inputs.get(first, {}), below, value) if below else value}


def taken(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The inputs without one."""
    first, _, below = name.partition(".")
    rest = {key: value for key, value in inputs.items() if key != first}
    return {**rest, first: taken(inputs.get(first, {}), below)} if below else rest


def try_out(
    engine: Engine,
    token: str,
    row: Row,
    base: dict[str, Any],
    ids: Mapping[str, str],
    live: Callable[[Deployed, str], Any],
) -> None:
    """Sets the input to one value, then to another, and takes it away."""
    first, other = fill(row.first, ids), fill(row.other, ids)
    beside = {name: official.BESIDE[name] for name in row.beside}
    without = taken(base, row.name)
    without = {name: value for name, value in without.items() if name not in row.beside}

    def to(value: Any) -> dict[str, Any]:
        return put({**base, **beside}, row.name, value)

    last = made = engine.create(token, to(first))
    try:
        last = changed = engine.update(made, to(other))
        if row.change is Change.REPLACES:
            assert changed.steps in REPLACED
        else:
            assert changed.steps == ["update"]
            assert changed.id == made.id
            assert row.live == "-" or same(live(changed, row.name), other)
        if row.change is Change.MOVES:
            return  # its ID is now wrong: there is no way to go on, and the components never do that

        if row.removal is Removal.REQUIRED:
            with pytest.raises(Refused):
                engine.check(token, without, old=changed.inputs)
            return
        last = again = engine.update(changed, to(first))
        last = bare = engine.update(again, without)
        if row.removal is Removal.REPLACES:
            assert bare.steps in REPLACED
            return
        assert bare.steps == (["same"] if row.removal is Removal.NO_CHANGE else ["update"])
        if row.live == "-":
            return
        now = live(bare, row.name)
        if row.removal is Removal.EMPTY:
            assert now in (None, "", 0, [], {}, False)
        else:
            assert same(now, row.default if row.removal is Removal.DEFAULT else first)
    finally:
        if row.change is not Change.MOVES:
            engine.delete(last)


def same(one: Any, other: Any) -> bool:
    """Whether two values are, documents compared as such."""
    if isinstance(other, str) and other.startswith('{"'):
        one, other = (json.loads(each) if isinstance(each, str) else each for each in (one, other))
    return bool(one == other)
