"""The tables of what the official providers do have a row for every input that a stack file sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins import official
from tests.plugins.official_kubernetes import GROUP, KUBERNETES
from tests.unit.recording import Registered
from tests.unit.test_program import LOCAL_VAULT, STACK_FILES, run
from tests.unit.test_program import _enterprise as _enterprise

ROWS = {
    (token, row.name)
    for table in (official.VAULT, official.ENTERPRISE, official.AWS, official.RANDOM, KUBERNETES)
    for token, rows in table.items()
    for row in rows
}


def inputs(resource: Registered) -> Iterator[tuple[str, str]]:
    """Type and name of each input; of Kubernetes' metadata those inside. A kind is in its type."""
    if not resource.type.startswith("kubernetes:"):
        yield from ((resource.type, name) for name in resource.inputs)
        return
    token = resource.type.replace("vault.platform.io", GROUP)
    yield from ((token, name) for name in resource.inputs.keys() - {"apiVersion", "kind", "metadata"})
    yield from ((token, f"metadata.{name}") for name in resource.inputs["metadata"])


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_input_that_is_set_has_its_row(name: str) -> None:
    changes = LOCAL_VAULT if name == "local" else {}
    missing = {
        f"{token}: {each}"
        for resource in run(name, **changes).resources
        if resource.type.startswith(("aws:", "kubernetes:", "random:", "vault:"))
        for token, each in inputs(resource)
        if (token, each) not in ROWS
    }
    assert missing - official.ANSWERED == set()
