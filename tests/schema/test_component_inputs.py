"""Inputs of the component package that are null: left out where they may be, refused by name elsewhere."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from plugin.provider import Provider

LOGIN = {
    "connection": {"path": "aws"},
    "principals": ["arn:aws:iam::111111111111:role/a"],
    "token": {"policies": ["dev"]},
}
CLUSTER = {"name": "eks1", "region": "us-east-1"}


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def mapped(provider: Provider, kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What the component's constructor gets."""
    return dict(provider.map_inputs(inputs, provider._component_defs[kind]))


def test_an_optional_input_that_is_null_was_not_given(provider: Provider) -> None:
    nulls = {**LOGIN, "vaultRole": None, "token": {"policies": ["dev"], "maxTtl": None}}
    assert mapped(provider, "PrincipalLogin", nulls) == mapped(provider, "PrincipalLogin", LOGIN)


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("PrincipalLogin", {**LOGIN, "token": None}, "token: is missing; PrincipalLogin needs it"),
        ("PrincipalLogin", {**LOGIN, "principals": [None]}, "principals[0]: is missing"),
        ("PrincipalLogin", {**LOGIN, "token": {"policies": ["a", None]}}, "token.policies[1]: is missing"),
        ("EksCluster", {**CLUSTER, "nodeGroups": {"d": None}}, "nodeGroups.d: is missing"),
        ("EksCluster", {**CLUSTER, "nodeRoleArns": {"d": None}}, "nodeRoleArns.d: is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_null_where_a_value_must_stand_is_refused_by_its_path(
    provider: Provider, kind: str, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        mapped(provider, kind, inputs)
    assert str(refused.value) == message
