"""A cluster, its OIDC provider and a service account that were there before the stack, and stay after it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes

from tests.emulator.world import trust
from tests.sandbox.kit import Sandbox

STACK_FILE = """\
config:
  aws:region: us-east-1
  vault-aws-auth:accountId: "111111111111"
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

LEGACY = "arn:aws:iam::111111111111:role/apps/legacy-s3"

WITH_A_ROLE_THAT_EXISTS = f"""\
{STACK_FILE}
    legacy:
      kind: service-account
      serviceAccounts: [default/legacy]
      serviceAccountMode: none
      iamRoleArn: {LEGACY}
      policies: [dev]
      maxTtl: 15m
      period: 5m
"""


def make_role(sandbox: Sandbox, issuer: str, provider: str) -> str:
    """A role and its service account, as published guides make them; returns the role's ID."""
    host = issuer.removeprefix("https://")
    condition = {
        "StringEquals": {
            f"{host}:aud": "sts.amazonaws.com",
            f"{host}:sub": "system:serviceaccount:default:legacy",
        }
    }
    trusted = trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
    iam = sandbox.aws("iam")
    made = iam.create_role(RoleName="legacy-s3", Path="/apps/", AssumeRolePolicyDocument=trusted)
    sandbox.kubernetes.create_namespaced_service_account(
        "default",
        kubernetes.V1ServiceAccount(
            metadata=kubernetes.V1ObjectMeta(
                name="legacy", annotations={"eks.amazonaws.com/role-arn": LEGACY}
            )
        ),
    )
    return str(made["Role"]["RoleId"])


def as_it_was(sandbox: Sandbox) -> Any:
    """All of that role and its service account that somebody could have changed."""
    iam, role = sandbox.aws("iam"), {"RoleName": "legacy-s3"}
    account: Any = sandbox.kubernetes.read_namespaced_service_account("legacy", "default")
    found = {key: value for key, value in iam.get_role(**role)["Role"].items() if key != "RoleLastUsed"}
    attached = iam.list_attached_role_policies(**role)["AttachedPolicies"]
    inline = iam.list_role_policies(**role)["PolicyNames"]
    return found, attached, inline, account.metadata.resource_version


def make_cluster(sandbox: Sandbox) -> None:
    trusted = trust({"Service": "eks.amazonaws.com"})
    role = sandbox.aws("iam").create_role(RoleName="older", AssumeRolePolicyDocument=trusted)
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
    sandbox.up(*words, "--deployer")
    assert sandbox.caller_of("app", "existing").startswith("arn:aws:sts::111111111111:assumed-role/app/")
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
    # So is the role that a service account has already: it is bound, it logs in, and nothing of it changes.
    role_id = make_role(sandbox, issuer, arn)
    before = as_it_was(sandbox)
    stack_file.write_text(WITH_A_ROLE_THAT_EXISTS)
    sandbox.up(*words)
    assert "assumed-role/legacy-s3/" in sandbox.caller_of("legacy", "existing")
    role = sandbox.vault.read("auth/aws/role/legacy")["data"]
    assert role["bound_iam_principal_arn"] == [LEGACY]
    assert role["bound_iam_principal_id"] == [role_id]
    # A periodic token ends at maxTtl, which Vault's max TTL alone would not see to.
    assert (role["token_period"], role["token_explicit_max_ttl"]) == (300, 900)
    assert providers(sandbox) == [arn]
    left = left_by_down(sandbox)
    assert f"AWS 111111111111: IAM OIDC provider {arn}" in left
    assert as_it_was(sandbox) == before
    sandbox.aws("iam").delete_role(RoleName="legacy-s3")
    sandbox.kubernetes.delete_namespaced_service_account("legacy", "default")
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
