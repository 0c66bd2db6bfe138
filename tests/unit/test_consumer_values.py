"""The text that `vault-aws-auth values` prints."""

import json
from typing import Any

import pytest
import yaml

from cli.errors import UsageProblem
from cli.outputs import StackOutputs
from cli.values import values

CONNECTION = {"kind": "VaultConnection", "spec": {"address": "https://vault.example.com"}}
AGENT = {"kind": "ConfigMap", "data": {"agent.hcl": "vault {\n  address = 1\n}\n"}}
HELM = {"settings": {"sources": [{"vault": {"mountPath": "aws"}}, {"kubernetes": {}}]}, "gloo": {"é": True}}


def outputs(**consumers: Any) -> StackOutputs:
    vault = {"address": "https://v", "mountPath": "aws", "stsEndpoint": "https://s", "stsRegion": "us-east-1"}
    return StackOutputs.model_validate({"vault": vault, "logins": {}, "consumers": consumers})


STACK = outputs(
    gloo={"kind": "gloo", "values": HELM},
    agent={"kind": "vault-agent", "manifests": [AGENT]},
    operator={
        "kind": "vault-access-operator",
        "values": {"serviceAccount": {}},
        "manifests": [CONNECTION, AGENT],
    },
    empty={"kind": "gloo"},
)


def test_helm_values_are_one_document_in_the_order_of_the_stack() -> None:
    text = values(STACK, "gloo")
    assert yaml.safe_load(text) == HELM
    assert text.startswith("settings:\n  sources:\n")
    assert "é: true" in text
    assert "---" not in text


def test_manifests_are_a_document_each() -> None:
    text = values(STACK, "operator")
    assert list(yaml.safe_load_all(text)) == [CONNECTION, AGENT]
    assert text.startswith("---\n")


def test_a_file_within_a_manifest_can_be_read() -> None:
    assert "  agent.hcl: |\n    vault {\n      address = 1\n    }\n" in values(STACK, "agent")


def test_what_occurs_twice_is_written_twice() -> None:
    twice = {"eks.amazonaws.com/role-arn": "arn"}
    stack = outputs(gloo={"kind": "gloo", "values": {"gloo": twice, "discovery": twice}})
    stack.consumers["gloo"].values.update(gloo=twice, discovery=twice)  # type: ignore[union-attr]
    assert "&" not in values(stack, "gloo")


def test_a_word_that_yaml_would_take_for_something_else_stays_text() -> None:
    stack = outputs(agent={"kind": "vault-agent", "values": {"agent-inject": "true", "role": "123"}})
    assert yaml.safe_load(values(stack, "agent")) == {"agent-inject": "true", "role": "123"}


def test_the_operators_values_are_printed_on_request() -> None:
    assert yaml.safe_load(values(STACK, "operator", helm=True)) == {"serviceAccount": {}}
    with pytest.raises(UsageProblem, match="agent has no Helm values"):
        values(STACK, "agent", helm=True)


def test_json_is_for_scripts_and_for_kubectl() -> None:
    assert json.loads(values(STACK, "gloo", as_json=True)) == HELM
    assert json.loads(values(STACK, "operator", as_json=True, helm=True)) == {"serviceAccount": {}}
    assert json.loads(values(STACK, "agent", as_json=True)) == {
        "apiVersion": "v1",
        "kind": "List",
        "items": [AGENT],
    }


def test_for_an_unknown_consumer_the_known_ones_are_listed() -> None:
    with pytest.raises(UsageProblem, match="no consumer 'glo'; the stack has gloo, agent, operator, empty"):
        values(STACK, "glo")
    with pytest.raises(UsageProblem, match="the stack has none: declare one under vault-aws-auth:consumers"):
        values(outputs(), "gloo")


def test_a_consumer_without_either_is_told() -> None:
    with pytest.raises(UsageProblem, match="neither values nor manifests for empty"):
        values(STACK, "empty")
