"""No resource of the repository's own stacks is refused."""

import json
from collections.abc import Iterator

import pytest

from policies.guardrails import configuration
from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Topic
from tests.policies.kit import resource
from tests.unit.test_program import LOCAL_VAULT, STACK_FILES, run, vault_is_enterprise

CHECKED = [rule for rule in RULES if rule.topic is not Topic.SECRETS]
"""The recording does not mark what is secret. The sandbox's tests bring the stacks up with all rules."""


@pytest.fixture(autouse=True, scope="module")
def _enterprise() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        vault_is_enterprise(patch)
        yield


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_resource_of_a_stack_file_passes_as_its_stack_is_configured(name: str) -> None:
    path = configuration.path_of(configuration.PACK, name)
    settings = json.loads(path.read_text()) if path else {}
    made = run(name, **(LOCAL_VAULT if name == "local" else {})).resources
    said = {
        (each.name, rule.name): message
        for each in made
        for rule in CHECKED
        if (message := rule.message(resource(each.type, each.inputs), settings.get(rule.name, {})))
    }
    assert not said
    assert any(rule.concerns(each.type) for each in made for rule in CHECKED)
