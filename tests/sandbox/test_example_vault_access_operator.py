"""The vault-access-operator: its login, its VaultConnection, and the three ways in which it fails."""

from __future__ import annotations

import copy
import json
from typing import Any

import hvac
import pytest
import yaml
from botocore.exceptions import ClientError
from kubernetes import client as kubernetes
from kubernetes import config as kubernetes_config

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import REPOSITORY, Sandbox

EXAMPLE = "vault-access-operator"
NAMESPACE = "vault-access-operator-system"
ACCOUNT = "vault-access-operator-controller-manager"
ROLE = "vault-access-operator-role"
ROLE_ARN = f"arn:aws:iam::111111111111:role/{ROLE}"
CRD: Any = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "vaultconnections.vault.platform.io"},
    "spec": {
        "group": "vault.platform.io",
        "scope": "Cluster",
        "names": {
            "kind": "VaultConnection",
            "listKind": "VaultConnectionList",
            "plural": "vaultconnections",
            "singular": "vaultconnection",
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


def operator_logs_in(sandbox: Sandbox) -> dict[str, Any]:
    credentials = assume_with_token(sandbox, sandbox.token(ACCOUNT, NAMESPACE), ROLE_ARN)
    return log_in(sandbox, credentials, "vault-access-operator", header=header(sandbox))


def header(sandbox: Sandbox) -> str:
    return str(sandbox.json("pulumi stack output --json vault")["serverIdHeader"])


def test_the_operator_manages_policies_and_kubernetes_roles_for_an_hour(example: Sandbox) -> None:
    auth = operator_logs_in(example)
    assert auth["lease_duration"] == 3600
    vault = hvac.Client(
        url=example.env["VAULT_ADDR"], token=auth["client_token"], verify=example.env["VAULT_CACERT"]
    )
    vault.sys.create_or_update_acl_policy("made-by-operator", 'path "x/*" { capabilities = ["read"] }')
    vault.sys.delete_acl_policy("made-by-operator")
    with pytest.raises(hvac.exceptions.Forbidden):
        vault.sys.list_auth_methods()


def test_the_role_has_no_permission_and_trusts_exactly_the_operator(example: Sandbox) -> None:
    iam = example.aws("iam")
    assert iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
    (statement,) = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    ((operator, claims),) = statement["Condition"].items()
    assert operator == "StringEquals"
    assert {name.rpartition(":")[2]: value for name, value in claims.items()} == {
        "sub": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}",
        "aud": "sts.amazonaws.com",
    }


def test_another_service_account_of_the_namespace_is_refused_by_aws(example: Sandbox) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume_with_token(example, example.token("default", NAMESPACE), ROLE_ARN)


def test_the_service_account_is_annotated(example: Sandbox) -> None:
    account: Any = example.kubernetes.read_namespaced_service_account(ACCOUNT, NAMESPACE)
    assert account.metadata.annotations["eks.amazonaws.com/role-arn"] == ROLE_ARN


def connection(sandbox: Sandbox) -> dict[str, Any]:
    answer = sandbox.shell("vault-aws-auth values vault-access-operator")
    assert answer.returncode == 0, answer.stderr
    (manifest,) = (
        document for document in yaml.safe_load_all(answer.stdout) if document["kind"] == "VaultConnection"
    )
    found: dict[str, Any] = manifest
    return found


def test_the_manifest_of_the_connection_says_all_that_the_operator_needs(example: Sandbox) -> None:
    manifest = connection(example)
    assert manifest["apiVersion"] == "vault.platform.io/v1alpha1"
    assert manifest["spec"]["address"] == example.env["VAULT_ADDR"]
    aws = manifest["spec"]["auth"]["aws"]
    assert aws["role"] == "vault-access-operator"
    assert aws["authPath"] == "aws"
    assert aws["authType"] == "iam"
    assert aws["region"] == "us-east-1"
    assert aws["iamServerIdHeaderValue"] == header(example)


def applying(sandbox: Sandbox) -> str:
    """The stack file of the example with `apply: true`."""
    path = REPOSITORY / "examples" / EXAMPLE / f"Pulumi.{EXAMPLE}.yaml"
    document = copy.deepcopy(yaml.safe_load(path.read_text()))
    document["config"]["vault-aws-auth:consumers"]["vault-access-operator"]["apply"] = True
    changed = sandbox.home.parent / f"{sandbox.home.name}.apply.yaml"
    changed.write_text(yaml.safe_dump(document))
    return str(changed)


def test_a_missing_custom_resource_definition_is_told_and_the_object_is_made_once_it_is_there(
    example: Sandbox,
) -> None:
    words = ("up", "--stack", EXAMPLE, "--no-logins", "--config", applying(example))
    answer = example.run(*words)
    assert answer.returncode != 0
    said = answer.stdout + answer.stderr
    assert "vaultconnections.vault.platform.io" in said or "VaultConnection" in said
    api = kubernetes_config.new_client_from_config(str(example.home / "kubernetes" / "admin.kubeconfig"))
    definitions = kubernetes.ApiextensionsV1Api(api)
    definitions.create_custom_resource_definition(CRD)
    try:
        example.up(*words[1:])
        objects: Any = kubernetes.CustomObjectsApi(api)
        (made,) = objects.list_cluster_custom_object("vault.platform.io", "v1alpha1", "vaultconnections")[
            "items"
        ]
        assert made["spec"] == connection(example)["spec"]
    finally:
        original = f"examples/{EXAMPLE}/Pulumi.{EXAMPLE}.yaml"
        example.up("--stack", EXAMPLE, "--no-logins", "--config", original)
        definitions.delete_custom_resource_definition("vaultconnections.vault.platform.io")


def doctor(sandbox: Sandbox) -> tuple[int, str]:
    answer = sandbox.shell("vault-aws-auth doctor vault-access-operator")
    return answer.returncode, answer.stdout + answer.stderr


def test_the_doctor_finds_nothing_wrong_with_a_healthy_login(example: Sandbox) -> None:
    status, said = doctor(example)
    assert status == 0, said


def test_a_missing_annotation_is_diagnosed(example: Sandbox) -> None:
    patch: Any = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}}
    example.kubernetes.patch_namespaced_service_account(ACCOUNT, NAMESPACE, patch)
    try:
        status, said = doctor(example)
    finally:
        patch["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] = ROLE_ARN
        example.kubernetes.patch_namespaced_service_account(ACCOUNT, NAMESPACE, patch)
    assert status == 1
    assert "eks.amazonaws.com/role-arn" in said


def test_a_missing_vault_role_is_diagnosed(example: Sandbox) -> None:
    example.vault.delete("auth/aws/role/vault-access-operator")
    try:
        status, said = doctor(example)
    finally:
        repaired = example.shell(
            f"pulumi up --refresh --yes --skip-preview --stack {EXAMPLE} --non-interactive"
        )
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert status == 1
    assert "pulumi up" in said


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "https://sts.eu-west-1.invalid"])
def test_an_unreachable_sts_endpoint_is_diagnosed(example: Sandbox, endpoint: str) -> None:
    outputs = example.json("pulumi stack output --json --show-secrets")
    outputs["vault"]["stsEndpoint"] = endpoint
    file = example.home.parent / f"{example.home.name}.outputs.json"
    file.write_text(json.dumps(outputs))
    file.chmod(0o600)
    answer = example.shell(f"vault-aws-auth doctor vault-access-operator --outputs {file}")
    file.unlink()
    assert answer.returncode == 1
    assert "STS" in answer.stdout + answer.stderr
