"""Inputs of the component package: what a component gets, and which are refused, by path.

How the engine shows such a message, `tests/sandbox/test_component_package.py` looks at.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.cluster import ClusterLog
from plugin.provider import Provider
from tests.unit.recording import Recording, record

LOGIN = {
    "connection": {"path": "aws"},
    "principals": ["arn:aws:iam::111111111111:role/a"],
    "policies": ["dev"],
}
CLUSTER = {"name": "eks1", "region": "us-east-1"}


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def mapped(provider: Provider, kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What the component's constructor gets."""
    return dict(provider.map_inputs(inputs, provider._component_defs[kind]))


def test_an_optional_input_that_is_null_was_not_given(provider: Provider) -> None:
    nulls = {**LOGIN, "vaultRole": None, "maxTtl": None, "connection": {"path": "aws", "address": None}}
    assert mapped(provider, "PrincipalLogin", nulls) == mapped(provider, "PrincipalLogin", LOGIN)


def test_a_component_gets_its_arguments_as_python_has_them(provider: Provider) -> None:
    """Other languages have no other numbers than floats, and no enums but texts."""
    given = {**CLUSTER, "nodeGroups": {"d": {"minSize": 2.0}}, "logTypes": ["controllerManager"]}
    args = mapped(provider, "EksCluster", given)
    assert repr(args["node_groups"]["d"]["min_size"]) == "2"
    assert args["log_types"] == [ClusterLog.CONTROLLER_MANAGER]
    assert args["endpoint_private_access"] is True


OUTPUT = "an output"
"""Stands in the table below for an output of the value beside it."""


def login(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "PrincipalLogin", {**LOGIN, **changes}


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (login(principals=[None]), "principals[0]: is missing; write a value, or leave the entry out"),
        (login(policies=["a", None]), "policies[1]: is missing; write a value, or leave the entry out"),
        (("EksCluster", {**CLUSTER, "nodeGroups": {"d": None}}), "nodeGroups.d: is missing; write a value,"),
        (login(policies=None), "policies: is missing; write it (Names of the token's Vault policies, at lea"),
        (login(connection={"path": "a", "pth": "a"}), "connection.pth: is not a known key; did you mean pat"),
        (login(vaultRol="a"), "vaultRol: is not a known key; did you mean vaultRole?"),
        (login(vault_role="a"), "vault_role: is not a known key; did you mean vaultRole?"),
        (login(token={}), "token: is gone: since 0.2 policies, ttl and maxTtl stand beside it; write these"),
        (login(principals=(OUTPUT, ["a"])), "principals: is an output as a whole; write it out, with an out"),
        (login(vaultRole=(OUTPUT, "a")), "vaultRole: is an output, and must be known before anything is mad"),
        (login(maxTtl="long"), "maxTtl: is not a duration; write e.g. 15m, 1h30m, 768h, 30d"),
        (login(ttl="2h"), "ttl: is longer than maxTtl, 1h; write a shorter ttl or a longer maxTtl"),
        (login(policies="dev"), "policies: is not a list; write [one, two]"),
        (
            ("IamUserVaultIdentity", {"permissions": {"resolveRoles": True}, "accessKey": "mine"}),
            "accessKey: is not one of managed, rotatable, rotated",
        ),
        (("VaultServerConsumer", {"plaintext": True, "replicas": 3.5}), "replicas: is not a whole number"),
    ],
)
def test_a_bad_input_is_refused_by_its_path(
    provider: Provider, component: tuple[str, dict[str, Any]], message: str
) -> None:
    kind, inputs = component

    def construct() -> None:
        given = {
            name: pulumi.Output.from_input(value[1]) if isinstance(value, tuple) else value
            for name, value in inputs.items()
        }
        provider.construct("it", f"vault-aws-auth:index:{kind}", given)

    recording = Recording()
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        record(construct, into=recording)
    assert str(refused.value).startswith(message)
    assert recording.resources == []


def test_an_output_is_refused_when_it_is_known(provider: Provider) -> None:
    def construct() -> None:
        given = {**LOGIN, "ttl": pulumi.Output.from_input("x y")}
        provider.construct("it", "vault-aws-auth:index:PrincipalLogin", given)

    with pytest.raises(Exception, match="ttl: is not a duration"):
        record(construct)


def test_what_other_components_give_as_one_output_is_handed_on_whole(provider: Provider) -> None:
    """`connection: ${auth.connection}`; its fields have the names of other languages."""

    def construct(**connection: Any) -> None:
        given = {**LOGIN, "connection": pulumi.Output.from_input(connection)}
        provider.construct("it", "vault-aws-auth:index:PrincipalLogin", given)

    role = record(lambda: construct(path="team/aws", stsRegion="us-east-1")).named("it-vault-role")[0]
    assert role.inputs["backend"] == "team/aws"
    with pytest.raises(Exception, match=r"connection\.pth: is not a known key; did you mean path"):
        record(lambda: construct(path="team/aws", pth="aws"))
