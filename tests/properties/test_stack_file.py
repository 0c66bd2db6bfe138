"""Properties of settings: whatever is written, the answer is settings or a list of problems at real paths."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.file import parse
from stack.reading import StackFileError
from tests.unit.test_stack_file import POLICIES, VALID

SEVERAL = {
    **VALID,
    "vault-aws-auth:clusters": {
        "blue": {"name": "eks2", "nodeGroups": {"workers": {"minSize": 1}}},
        "green": {"existing": True, "region": "eu-west-1", "nodeRoleArns": {}},
    },
    "vault-aws-auth:logins": {
        "pod": {
            "kind": "service-account",
            "serviceAccounts": ["app/api"],
            "policies": ["dev"],
            "clusters": ["blue"],
        },
        "node": {
            "kind": "ec2-instance",
            "nodeGroups": ["workers"],
            "policies": ["dev"],
            "clusters": ["blue"],
        },
    },
    "vault-aws-auth:vaultIdentity": {"kind": "role", "serviceAccount": "vault/vault", "cluster": "green"},
    "vault-aws-auth:consumers": {
        "op": {"kind": "vault-access-operator", "login": "pod", "apply": True, "clusters": ["blue"]}
    },
}
CONFIGS = st.sampled_from([VALID, SEVERAL])

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
words = st.sampled_from(
    ["kind", "service-account", "ec2-instance", "user", "name", "policies", "dev", "app/api", "1h", "roleArn"]
)
values = st.recursive(
    scalars | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.sampled_from(sorted(VALID)) | st.sampled_from(
    [
        f"vault-aws-auth:{name}"
        for name in ("accounts", "clusters", "tags", "vaultIdentity", "accountId", "typo")
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def parse_or_explain(config: dict[str, Any]) -> list[str]:
    try:
        parse(config, POLICIES)
    except StackFileError as error:
        problems = error.problems
    else:
        return []
    assert problems
    return problems


def test_the_configurations_that_are_changed_are_right() -> None:
    assert parse_or_explain(SEVERAL) == []


@given(st.dictionaries(keys, values))
@settings(max_examples=200)
def test_any_configuration_is_settings_or_problems(config: dict[str, Any]) -> None:
    parse_or_explain(config)


@given(st.data(), values)
@settings(max_examples=200)
def test_a_value_replaced_by_anything_is_fine_or_reported(data: st.DataObject, value: Any) -> None:
    config = copy.deepcopy(data.draw(CONFIGS))
    path = data.draw(st.sampled_from(places(config)))
    target: Any = config
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    for problem in parse_or_explain(config):
        where = problem.split(": ")[0]
        assert re.match(r"(aws:region|vault-aws-auth:[A-Za-z]+)", where), problem


@given(st.data())
def test_a_value_taken_out_is_fine_or_named(data: st.DataObject) -> None:
    config = copy.deepcopy(VALID)
    path = data.draw(st.sampled_from(places(config)))
    target: Any = config
    for key in path[:-1]:
        target = target[key]
    del target[path[-1]]
    for problem in parse_or_explain(config):
        prefix = problem.split(": ")[0]
        head = path[0]
        assert prefix.startswith(head) or "nodeGroups" in problem, problem


@given(st.text(st.characters(codec="utf-8"), min_size=6, max_size=30))
def test_secret_values_never_appear_in_messages(secret: str) -> None:
    marked = f"@@{secret}@@"
    config = copy.deepcopy(VALID)
    config["vault-aws-auth:vault"] = dict.fromkeys(("address", "mountPath", "stsRegion", "unknown"), marked)
    with pytest.raises(StackFileError) as error:
        parse(config, POLICIES, frozenset({"vault-aws-auth:vault"}))
    assert marked not in str(error.value)
