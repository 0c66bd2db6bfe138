"""The tables of what the official providers do have a row for every input that a stack file sets."""

from __future__ import annotations

import pytest

from tests.plugins import official
from tests.unit.test_program import LOCAL_VAULT, STACK_FILES, run
from tests.unit.test_program import _enterprise as _enterprise

ROWS: dict[str, set[str]] = {
    token: {row.name for row in rows}
    for table in (official.VAULT, official.AWS, official.RANDOM)
    for token, rows in table.items()
}


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_input_that_is_set_has_its_row(name: str) -> None:
    changes = LOCAL_VAULT if name == "local" else {}
    missing = {
        f"{resource.type}: {each}"
        for resource in run(name, **changes).resources
        if resource.type.startswith(("aws:", "random:", "vault:"))
        for each in resource.inputs
        if each not in ROWS.get(resource.type, ()) and (resource.type, each) not in official.ENTERPRISE
    }
    assert missing - official.ANSWERED == set()
