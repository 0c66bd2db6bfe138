"""The manifests of the Pulumi Kubernetes Operator: who is who, and which change goes where."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import ENVIRONMENTS

ROOT = Path(__file__).parents[2]
OPERATOR = {file.stem: file for file in sorted((ROOT / "deploy" / "pulumi-operator").glob("*.yaml"))}

STACK_FIELDS: dict[str, type] = {
    "backend": str,
    "branch": str,
    "commit": str,
    "continueResyncOnCommitMatch": bool,
    "envRefs": dict,
    "prerequisites": list,
    "projectRepo": str,
    "refresh": bool,
    "resyncFrequencySeconds": int,
    "secretsProvider": str,
    "serviceAccountName": str,
    "stack": str,
    "useLocalStackOnly": bool,
    "workspaceReclaimPolicy": str,
}
"""Of the custom resource definition stacks.pulumi.com, version v1, of the operator 2.x: what is used here."""


def test_there_is_a_manifest_of_the_operator_for_each_environment() -> None:
    assert sorted(OPERATOR) == sorted(ENVIRONMENTS)


@pytest.mark.parametrize("name", OPERATOR)
def test_the_operators_stack_is_the_environments(name: str) -> None:
    account, binding, stack = yaml.safe_load_all(OPERATOR[name].read_text())
    assert (stack["apiVersion"], stack["kind"]) == ("pulumi.com/v1", "Stack")
    spec = stack["spec"]
    assert spec["stack"].split("/")[1:] == ["vault-aws-auth", name]
    for field, value in spec.items():
        assert isinstance(value, STACK_FIELDS[field]), field
    for reference in spec["envRefs"].values():
        assert set(reference) == {"type", reference["type"].lower()}
    assert spec["envRefs"]["VAULT_TOKEN"]["type"] == "Secret"
    assert spec["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    config = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
    role = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role.split(":")[4] == config.get("vault-aws-auth:accountId", "111111111111")


def operators_stack(name: str) -> dict[str, Any]:
    *_, stack = yaml.safe_load_all(OPERATOR[name].read_text())
    spec: dict[str, Any] = stack["spec"]
    return spec


def test_with_the_operator_an_environment_waits_while_the_one_before_fails() -> None:
    before: list[dict[str, Any]] = []
    for name in ENVIRONMENTS:
        assert operators_stack(name).get("prerequisites", []) == before
        # longer than the other takes to come round, or each would start the other anew
        assert operators_stack(name)["resyncFrequencySeconds"] < 2 * 3600
        before = [{"name": f"vault-aws-auth-{name}", "requirement": {"succeededWithinDuration": "2h"}}]


def test_with_the_operator_only_dev_follows_a_branch() -> None:
    """A prerequisite is not asked which commit it succeeded with: on one branch, all would go at once."""
    assert operators_stack("dev")["branch"] == "main"
    assert "commit" not in operators_stack("dev")
    for name in ENVIRONMENTS[1:]:
        assert re.fullmatch("[0-9a-f]{40}", operators_stack(name)["commit"])
        assert "branch" not in operators_stack(name)
