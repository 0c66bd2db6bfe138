"""What the deployer of another program needs: a team's, one in any language, one that installs a chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from stack.deployer import elsewhere, in_aws, in_kubernetes, in_vault
from tests.unit.test_program import ROOT

ROLE_ARN = "arn:aws:iam::111111111111:role/payments-api"
COMPONENT = "vault-aws-auth:index:ServiceAccountLogin"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def resource(kind: str, name: str, inputs: dict[str, Any], within: str = "", **more: Any) -> dict[str, Any]:
    """A resource as a state has it."""
    qualified = f"{within}${kind}" if within else kind
    return {
        "urn": f"urn:pulumi:payments::team::{qualified}::{name}",
        "custom": True,
        "type": kind,
        "inputs": inputs,
        **more,
    }


AWS = resource(
    "pulumi:providers:aws", "aws", {"region": "us-east-1", "allowedAccountIds": '["111111111111"]'}, id="1"
)
VAULT = resource("pulumi:providers:vault", "vault", {"address": "https://v", "namespace": "admin"}, id="2")
OF_AWS = {"provider": f"{AWS['urn']}::1"}
LOGIN = (
    resource(COMPONENT, "payments-api", {}, custom=False),
    resource(
        "aws:iam/role:Role",
        "payments-api-iam-role",
        {"name": "payments-api", "path": "/apps/", "assumeRolePolicy": "{}"},
        COMPONENT,
        outputs={"arn": ROLE_ARN},
        **OF_AWS,
    ),
    resource(
        "vault:aws/authBackendRole:AuthBackendRole",
        "payments-api-vault-role",
        {"backend": "aws", "role": "payments-api", "boundIamPrincipalArns": [ROLE_ARN]},
        COMPONENT,
    ),
    resource(
        "kubernetes:core/v1:ServiceAccountPatch",
        "payments-api-account",
        {"metadata": {"namespace": "payments", "name": "api"}},
        COMPONENT,
    ),
)


def state(*resources: dict[str, Any]) -> str:
    """What `pulumi stack export` writes."""
    return json.dumps({"version": 3, "deployment": {"resources": [AWS, VAULT, *resources]}})


def asked(text: str) -> dict[str, set[str]]:
    """The ARNs of each action."""
    found: dict[str, set[str]] = {}
    for need in in_aws.needs(elsewhere.read(text)[0]):
        found.setdefault(need.action, set()).add(need.resource)
    return found


def test_a_login_of_a_team_needs_its_role_its_vault_role_and_its_service_account() -> None:
    program, left = elsewhere.read(state(*LOGIN))
    assert left == []
    assert (program.place.project, program.place.stack) == ("team", "payments")
    assert asked(state(*LOGIN))["iam:CreateRole"] == {"arn:aws:iam::111111111111:role/apps/payments-api"}
    policy = in_vault.policy(program)
    assert policy.namespace == "admin"
    paths = {rule.path for rule in policy.rules}
    assert paths == {"auth/aws/role/payments-api", "auth/token/create", "auth/token/lookup-self"}
    (rule,) = in_kubernetes.rules(program)
    assert rule == ("payments", "", "serviceaccounts", ("get", "patch"), "api")


def test_a_principal_that_the_components_look_up_is_read_and_nothing_more() -> None:
    bound = ["arn:aws:iam::111111111111:role/legacy", "arn:aws:iam::111111111111:role/app-*"]
    inputs = {"backend": "aws", "role": "legacy", "boundIamPrincipalArns": bound}
    found = asked(state(resource("vault:aws/authBackendRole:AuthBackendRole", "legacy", inputs)))
    legacy = "arn:aws:iam::111111111111:role"
    assert found == {"iam:GetRole": {f"{legacy}/legacy", f"{legacy}/*/legacy"}}


def test_a_preview_tells_what_is_known_and_a_pattern_for_the_rest() -> None:
    steps = [{"op": "create", "newState": each} for each in (AWS, VAULT, *LOGIN)]
    steps[3]["newState"] = {**LOGIN[1], "inputs": {**LOGIN[1]["inputs"], "name": UNKNOWN}}
    assert asked(json.dumps({"steps": steps}))["iam:CreateRole"] == {"arn:aws:iam::111111111111:role/apps/*"}


def test_a_provider_of_which_a_preview_knows_nothing_is_of_any_account() -> None:
    inputs = {"region": "us-east-1", "assumeRoles": UNKNOWN, "allowedAccountIds": UNKNOWN}
    steps = [
        {"op": "create", "newState": resource("pulumi:providers:aws", "aws", inputs, id="1")},
        {"op": "create", "newState": resource("aws:iam/role:Role", "app", {"name": "app"}, **OF_AWS)},
    ]
    assert asked(json.dumps({"steps": steps}))["iam:CreateRole"] == {"arn:aws:iam::*:role/app"}


def test_what_is_made_in_another_account_is_of_the_role_there() -> None:
    there = resource(
        "pulumi:providers:aws",
        "partner",
        {"region": "us-east-1", "assumeRoles": '[{"roleArn": "arn:aws:iam::222222222222:role/deploy"}]'},
        id="3",
    )
    role = resource("aws:iam/role:Role", "app", {"name": "app"}, provider=f"{there['urn']}::3")
    program, _ = elsewhere.read(state(there, role))
    assert program.place.accounts == {"222222222222"}
    own = {need.action: need.resource for need in in_aws.needs(program)}
    assert own == {"sts:AssumeRole": "arn:aws:iam::222222222222:role/deploy"}
    assert {need.resource for need in in_aws.needs(program, "222222222222")} == {
        "arn:aws:iam::222222222222:role/app"
    }


def test_the_objects_of_a_chart_are_covered_and_a_release_is_told() -> None:
    chart = "kubernetes:helm.sh/v4:Chart"
    deployment = {"metadata": {"namespace": "gloo-system", "name": "gloo"}}
    program, left = elsewhere.read(
        state(
            resource(chart, "gloo", {}, custom=False),
            resource("kubernetes:apps/v1:Deployment", "gloo:gloo", deployment, chart),
            resource("kubernetes:helm.sh/v3:Release", "operator", {"chart": "operator"}),
        )
    )
    assert left == []
    assert {(rule.group, rule.resource, rule.name) for rule in in_kubernetes.rules(program)} == {
        ("apps", "deployments", "gloo"),
        ("apps", "deployments", ""),
    }
    assert in_kubernetes.releases(program) == ["operator"]


def test_types_that_have_no_entry_are_named_and_the_rest_is_told(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    buckets = [resource("aws:s3/bucketV2:BucketV2", name, {}, **OF_AWS) for name in "ab"]
    queue = resource("mongodbatlas:index/cluster:Cluster", "queue", {})
    file.write_text(state(*LOGIN, *buckets, queue))
    words = ["deployer", "--format", "aws", "--resources", str(file), "--project", str(ROOT)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "iam:CreateRole" in done.stdout
    assert "not covered: 2 of the type aws:s3/bucketV2:BucketV2" in done.stderr
    assert "not covered: 1 of the type mongodbatlas:index/cluster:Cluster" in done.stderr


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"deployment": {"resources": []}}'])
def test_what_is_no_state_and_no_preview_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    words = ["deployer", "--format", "vault", "--resources", str(file), "--project", str(ROOT)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "pulumi stack export" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_parts_of_a_cluster_are_told_with_it() -> None:
    cluster = resource("eks:index:Cluster", "c", {"name": "eks1"}, custom=False)
    group = resource(
        "aws:ec2/securityGroup:SecurityGroup", "c-node", {}, "eks:index:Cluster", parent=cluster["urn"]
    )
    program, left = elsewhere.read(state(cluster, group))
    assert left == []
    assert in_kubernetes.makes_cluster(program)
