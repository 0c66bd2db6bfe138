"""A cluster, its OIDC provider and a service account that were there before the stack, and stay after it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes

from tests.sandbox.kit import Sandbox

STACK_FILE = """\
config:
  aws:region: us-east-1
  vault-aws-auth:cluster:
    name: older
    existing: true
  vault-aws-auth:vault:
    serverIdHeader: vault.example.com
  vault-aws-auth:logins:
    app:
      kind: service-account
      serviceAccounts: [default/app]
      serviceAccountMode: patch
      policies: [dev]
      maxTtl: 15m
"""


def make_cluster(sandbox: Sandbox) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "eks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = sandbox.aws("iam").create_role(RoleName="older", AssumeRolePolicyDocument=json.dumps(trust))
    subnets = [subnet["SubnetId"] for subnet in sandbox.aws("ec2").describe_subnets()["Subnets"]]
    sandbox.aws("eks").create_cluster(
        name="older",
        roleArn=role["Role"]["Arn"],
        resourcesVpcConfig={"subnetIds": subnets[:2]},
        accessConfig={"authenticationMode": "API"},
    )
    sandbox.kubernetes.create_namespaced_service_account(
        "default",
        kubernetes.V1ServiceAccount(
            metadata=kubernetes.V1ObjectMeta(name="app", annotations={"team": "payments"})
        ),
    )


def delete_cluster(sandbox: Sandbox) -> None:
    """With what was made beside it."""
    sandbox.aws("eks").delete_cluster(name="older")
    sandbox.aws("iam").delete_role(RoleName="older")
    sandbox.kubernetes.delete_namespaced_service_account("app", "default")


@pytest.mark.timeout(600)
def test_existing_cluster_and_oidc_provider_are_used_and_left_as_they_were(
    leased: Sandbox, tmp_path: Path
) -> None:
    sandbox = leased
    stack_file = tmp_path / "Pulumi.existing.yaml"
    stack_file.write_text(STACK_FILE)
    words = ("--stack", "existing", "--config", str(stack_file))
    make_cluster(sandbox)

    # The deployer did not make the cluster, so that it may there what the printed roles allow, and no more.
    printed = sandbox.up(*words, "--deployer")
    assert "arn:aws:sts::111111111111:assumed-role/app/" in printed
    account: Any = sandbox.kubernetes.read_namespaced_service_account("app", "default")
    annotations = account.metadata.annotations
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::111111111111:role/app"
    assert annotations["team"] == "payments"
    (provider,) = providers(sandbox)

    # The provider that the first update made is found by the second one, which must not drop it.
    printed = sandbox.up(*words, "--no-logins")
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)
    assert providers(sandbox) == [provider]
    assert left_by_down(sandbox) == [
        "AWS 111111111111: EKS cluster older",
        "AWS 111111111111: IAM role older",
        "Kubernetes: service account default/app",
    ]
    assert providers(sandbox) == []

    # One of somebody else is used and not taken over.
    issuer = sandbox.aws("eks").describe_cluster(name="older")["cluster"]["identity"]["oidc"]["issuer"]
    made = sandbox.aws("iam").create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
    arn = made["OpenIDConnectProviderArn"]
    sandbox.up(*words)
    assert providers(sandbox) == [arn]
    assert f"AWS 111111111111: IAM OIDC provider {arn}" in left_by_down(sandbox)
    sandbox.aws("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    delete_cluster(sandbox)


def providers(sandbox: Sandbox) -> list[str]:
    found = sandbox.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return [str(provider["Arn"]) for provider in found]


def left_by_down(sandbox: Sandbox) -> list[str]:
    """What `down` says is left, security groups of the cluster's own left out."""
    answer = sandbox.run("down", "--keep")
    assert answer.returncode == 1
    left = re.findall(r"^  (?:left behind: )?(AWS .*|Kubernetes: .*|Vault: .*)$", answer.stderr, re.MULTILINE)
    return [line for line in left if "security group" not in line]
