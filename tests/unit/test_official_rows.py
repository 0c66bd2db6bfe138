"""The tables of what the official providers do have a row for every input that a stack file sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins import official
from tests.plugins.official_kubernetes import GROUP, KUBERNETES
from tests.unit.recording import Recording, Registered
from tests.unit.test_dev_stack_file import DEEPEST, fitting, sections
from tests.unit.test_program import LOCAL_VAULT, STACK_FILES, run, stack_config
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


def without_rows(recording: Recording) -> set[str]:
    missing = {
        f"{token}: {each}"
        for resource in recording.resources
        if resource.type.startswith(("aws:", "kubernetes:", "random:", "vault:"))
        if ":helm.sh/" not in resource.type
        for token, each in inputs(resource)
        if (token, each) not in ROWS
    }
    return missing - official.ANSWERED


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_input_that_is_set_has_its_row(name: str) -> None:
    assert without_rows(run(name, **(LOCAL_VAULT if name == "local" else {}))) == set()


@pytest.mark.parametrize("turn", range(4))
def test_every_input_of_every_setting_has_its_row(turn: int) -> None:
    """Those that are commented out in Pulumi.dev.yaml, kind by kind."""
    found = sections(DEEPEST)
    chosen = fitting({key: several[min(turn, len(several) - 1)] for key, several in found.items()})
    if chosen["vault-aws-auth:cluster"].get("existing"):  # nothing is looked up here
        chosen["vault-aws-auth:cluster"] = found["vault-aws-auth:cluster"][0]
    logins = chosen["vault-aws-auth:logins"]
    chosen["vault-aws-auth:logins"] = {k: v for k, v in logins.items() if "iamRoleArn" not in v}
    assert without_rows(run("dev", **{**dict.fromkeys(stack_config("dev")), **chosen})) == set()
