"""Bad inputs of the component package: refused by name, in one message. Null is as good as not given.

How the engine shows such a message, `tests/sandbox/test_component_package.py` looks at.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from plugin.provider import Provider
from tests.unit.recording import record

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


OUTPUT = "an output"
"""Stands in the tables below for an output of the value beside it."""


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        (
            "PrincipalLogin",
            {**LOGIN, "connection": {"path": "aws", "pth": "aws"}},
            "connection.pth: is not an input of VaultConnection; it has: accessor, accounts, address, ",
        ),
        (
            "PrincipalLogin",
            {**LOGIN, "vaultRol": "a"},
            "vaultRol: is not an input of PrincipalLogin; it has: connection, lookUp, principals, ",
        ),
        (
            "PrincipalLogin",
            {**LOGIN, "connection": (OUTPUT, {"path": "aws"})},
            "connection: is an output as a whole; write it out, with an output for each value that takes one",
        ),
        (
            "PrincipalLogin",
            {**LOGIN, "vaultRole": (OUTPUT, "a")},
            "vaultRole: is an output or a secret, and must be known before anything is made; write the value",
        ),
        (
            "PrincipalLogin",
            {name: value for name, value in LOGIN.items() if name != "token"},
            "token: is missing; PrincipalLogin needs it",
        ),
        (
            "PrincipalLogin",
            {**LOGIN, "token": {"policies": ["dev"], "maxTtl": "long"}},
            "token.maxTtl: 'long' is not a duration; write e.g. 15m, 1h30m, 768h, 30d",
        ),
        ("PrincipalLogin", {**LOGIN, "token": {"policies": "dev"}}, "token.policies: is not a list"),
        (
            "IamUserVaultIdentity",
            {"permissions": {"resolveRoles": True}, "accessKey": "mine"},
            "accessKey: is not one of managed, rotatable, rotated",
        ),
        ("VaultServerConsumer", {"plaintext": True, "replicas": 3.5}, "replicas: is not a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_input_is_one_message_that_names_it(
    provider: Provider, kind: str, inputs: dict[str, Any], message: str
) -> None:
    def construct() -> None:
        given = {
            name: pulumi.Output.from_input(value[1]) if isinstance(value, tuple) else value
            for name, value in inputs.items()
        }
        provider.construct("it", f"vault-aws-auth:index:{kind}", given)

    with pytest.raises(pulumi.InputPropertiesError) as refused:
        record(construct)
    assert str(refused.value).startswith(message)
