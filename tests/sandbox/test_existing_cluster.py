"""A cluster and a service account that were there before the stack, and stay after it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

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


def test_existing_cluster_is_used_and_left_as_it_was(another_sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox = another_sandbox
    stack_file = tmp_path / "Pulumi.existing.yaml"
    stack_file.write_text(STACK_FILE)
    words = ("--stack", "existing", "--config", str(stack_file))
    assert sandbox.run("start").returncode == 0
    make_cluster(sandbox)

    printed = sandbox.up(*words)
    assert "arn:aws:sts::111111111111:assumed-role/app/" in printed
    account: Any = sandbox.kubernetes.read_namespaced_service_account("app", "default")
    annotations = account.metadata.annotations
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::111111111111:role/app"
    assert annotations["team"] == "payments"
    (provider,) = sandbox.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]

    # The provider that the first update made is found by the second one, which must not drop it.
    printed = sandbox.up(*words)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)
    assert sandbox.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == [provider]

    answer = sandbox.run("down")
    left = re.findall(r"^  (AWS .*|Kubernetes: .*|Vault: .*)$", answer.stderr, re.M)
    assert [line for line in left if "security group" not in line] == [
        "AWS 111111111111: EKS cluster older",
        "AWS 111111111111: IAM role older",
        "Kubernetes: service account default/app",
    ]


def test_an_oidc_provider_of_somebody_else_is_used_and_not_taken_over(
    another_sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox = another_sandbox
    stack_file = tmp_path / "Pulumi.existing.yaml"
    stack_file.write_text(STACK_FILE)
    assert sandbox.run("start").returncode == 0
    make_cluster(sandbox)
    issuer = sandbox.aws("eks").describe_cluster(name="older")["cluster"]["identity"]["oidc"]["issuer"]
    iam = sandbox.aws("iam")
    made = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])

    sandbox.up("--stack", "existing", "--config", str(stack_file))
    sandbox.run("down", "--stack", "existing")
    assert sandbox.run("start").returncode == 0
    (left,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert left["Arn"] == made["OpenIDConnectProviderArn"]
