"""Gloo and a Vault in the same cluster: nobody has a stored credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hvac
import pytest
import yaml
from botocore.exceptions import ClientError
from kubernetes import client as kubernetes

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import REPOSITORY, Sandbox

EXAMPLE = "gloo"
ROLE = "dev-role-iam-eks1"
ROLE_ARN = f"arn:aws:iam::111111111111:role/{ROLE}"
HEADER = "vault.gloo.example.com"
POLICY = "gloo-vault-auth-policy-eks1"
POLICY_ARN = f"arn:aws:iam::111111111111:policy/{POLICY}"


def gloo_logs_in(sandbox: Sandbox, account: str = "gloo", header: str | None = HEADER) -> dict[str, Any]:
    credentials = assume_with_token(sandbox, sandbox.token(account, "gloo-system"), ROLE_ARN)
    return log_in(sandbox, credentials, ROLE, header)


@pytest.mark.parametrize("account", ["gloo", "discovery"])
def test_both_service_accounts_read_and_write_the_secrets_under_dev(example: Sandbox, account: str) -> None:
    auth = gloo_logs_in(example, account)
    vault = hvac.Client(
        url=example.env["VAULT_ADDR"], token=auth["client_token"], verify=example.env["VAULT_CACERT"]
    )
    vault.secrets.kv.v2.create_or_update_secret("app", {"password": account}, mount_point="dev")
    found = vault.secrets.kv.v2.read_secret_version("app", mount_point="dev", raise_on_deleted_version=True)
    assert found["data"]["data"] == {"password": account}
    assert "dev/" in vault.sys.list_mounted_secrets_engines()["data"]


def test_the_token_lives_fifteen_minutes_and_cannot_be_made_to_live_longer(example: Sandbox) -> None:
    auth = gloo_logs_in(example)
    assert auth["lease_duration"] == 15 * 60
    vault = hvac.Client(
        url=example.env["VAULT_ADDR"], token=auth["client_token"], verify=example.env["VAULT_CACERT"]
    )
    renewed = vault.auth.token.renew_self(increment="24h")
    assert renewed["auth"]["lease_duration"] <= 15 * 60


@pytest.mark.parametrize("header", [None, "vault.example.com"])
def test_a_missing_or_wrong_server_id_header_is_refused_by_vault(
    example: Sandbox, header: str | None
) -> None:
    with pytest.raises(hvac.exceptions.VaultError, match="X-Vault-AWS-IAM-Server-ID"):
        gloo_logs_in(example, header=header)


def test_a_third_service_account_of_the_namespace_is_refused_by_aws(example: Sandbox) -> None:
    example.kubernetes.create_namespaced_service_account(
        "gloo-system", kubernetes.V1ServiceAccount(metadata=kubernetes.V1ObjectMeta(name="gateway"))
    )
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            gloo_logs_in(example, "gateway")
    finally:
        example.kubernetes.delete_namespaced_service_account("gateway", "gloo-system")


def test_the_mount_holds_no_credential_and_demands_the_header_of_the_regional_sts(example: Sandbox) -> None:
    client = example.vault.read("auth/aws/config/client")["data"]
    assert not client["access_key"]
    assert client["iam_server_id_header_value"] == HEADER
    assert client["sts_region"] == "us-east-1"


def test_the_policy_of_the_guide_is_attached_to_vaults_identity_and_not_to_the_workloads_role(
    example: Sandbox,
) -> None:
    iam = example.aws("iam")
    version = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=version)["PolicyVersion"]["Document"]
    lookups, assumed = document["Statement"]
    assert {*lookups["Action"]} == {
        "iam:GetUser",
        "iam:GetRole",
        "iam:GetInstanceProfile",
        "ec2:DescribeInstances",
    }
    assert lookups["Resource"] == "*"
    # Sessions of EKS Pod Identity carry tags, which go along.
    assert assumed["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert assumed["Resource"] == [ROLE_ARN]
    attached = iam.list_entities_for_policy(PolicyArn=POLICY_ARN)
    assert [role["RoleName"] for role in attached["PolicyRoles"]] == ["vault-eks1"]


def test_the_trust_policy_demands_both_claims_exactly(example: Sandbox) -> None:
    """The published guide uses StringEqualsIfExists, which a token without those claims passes."""
    (statement,) = example.aws("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    ((operator, claims),) = statement["Condition"].items()
    assert operator == "StringEquals"
    wanted = {name.rpartition(":")[2]: value for name, value in claims.items()}
    assert wanted["aud"] == "sts.amazonaws.com"
    assert {*wanted["sub"]} == {
        "system:serviceaccount:gloo-system:gloo",
        "system:serviceaccount:gloo-system:discovery",
    }


def test_the_values_are_ready_for_the_chart(example: Sandbox) -> None:
    answer = example.shell("vault-aws-auth values gloo")
    assert answer.returncode == 0, answer.stderr
    values = yaml.safe_load(answer.stdout)
    vault, kubernetes_source = values["settings"]["secretOptions"]["sources"]
    assert vault["vault"]["aws"]["vaultRole"] == ROLE
    assert vault["vault"]["aws"]["mountPath"] == "aws"
    assert vault["vault"]["aws"]["region"] == "us-east-1"
    assert vault["vault"]["aws"]["iamServerIdHeader"] == HEADER
    assert vault["vault"]["pathPrefix"] == "dev"
    assert vault["vault"]["address"] == example.env["VAULT_ADDR"]
    assert kubernetes_source == {"kubernetes": {}}
    for owner in (values["gloo"], values["discovery"]):
        assert owner["serviceAccount"]["extraAnnotations"] == {"eks.amazonaws.com/role-arn": ROLE_ARN}


@contextmanager
def without_get_role(sandbox: Sandbox) -> Iterator[None]:
    iam = sandbox.aws("iam")
    before = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    statement = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    made = iam.create_policy_version(
        PolicyArn=POLICY_ARN,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        SetAsDefault=True,
    )
    try:
        yield
    finally:
        iam.set_default_policy_version(PolicyArn=POLICY_ARN, VersionId=before)
        iam.delete_policy_version(PolicyArn=POLICY_ARN, VersionId=made["PolicyVersion"]["VersionId"])


def test_vault_2852_an_identity_without_get_role_is_named_with_what_it_lacks(
    example: Sandbox, tmp_path: Path
) -> None:
    """hashicorp/vault 2852: the Vault role cannot be written, and one reads who must be granted what."""
    original = f"examples/{EXAMPLE}/Pulumi.{EXAMPLE}.yaml"
    changed = tmp_path / "Pulumi.changed.yaml"
    changed.write_text((REPOSITORY / original).read_text().replace("maxTtl: 15m", "maxTtl: 10m"))
    words = ("--stack", EXAMPLE, "--no-logins", "--config")
    try:
        with without_get_role(example):
            answer = example.run("up", *words, str(changed), env={"SANDBOX_IAM_PATIENCE": "2"})
        assert answer.returncode != 0
        said = answer.stdout + answer.stderr
        assert "assumed-role/vault-eks1/" in said
        assert "iam:GetRole" in said
        assert "Allow iam:GetRole" in said
    finally:
        example.up(*words, original)
    assert gloo_logs_in(example)["lease_duration"] == 900
