"""Stacks of raw resources, as they may stand beside the components: with `REFUSED`, what the rule of that
name refuses, or, with `all`, what every rule does; without, what passes, of all rules.

A resource is named after the rule that it is about.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
POLICY = 'path "dev/*" { capabilities = ["read"] }'

rule = ""


def name() -> str:
    return rule


def statement(**parts: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]})


def web_identity(**claims: str) -> str:
    return statement(
        Principal={"Federated": PROVIDER},
        Action="sts:AssumeRoleWithWebIdentity",
        Condition={"StringEquals": {f"{ISSUER}:{claim}": value for claim, value in claims.items()}},
    )


def web_identity_trust(refused: bool) -> None:
    subject = {} if refused else {"sub": "system:serviceaccount:default:app"}
    aws.iam.Role(name(), assume_role_policy=web_identity(aud="sts.amazonaws.com", **subject))


def pod_identity_trust(refused: bool) -> None:
    tags = {
        "eks-cluster-arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/c",
        "kubernetes-namespace": "default",
    }
    if not refused:
        tags["kubernetes-service-account"] = "app"
    trust = statement(
        Principal={"Service": "pods.eks.amazonaws.com"},
        Action=["sts:AssumeRole", "sts:TagSession"],
        Condition={"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}},
    )
    aws.iam.Role(name(), assume_role_policy=trust)


def wildcard_trust(refused: bool) -> None:
    trust = statement(Principal={"AWS": "*" if refused else ROLE}, Action="sts:AssumeRole")
    aws.iam.Role(name(), assume_role_policy=trust)


def permissions(refused: bool) -> None:
    aws.iam.Policy(
        name(), policy=statement(Action="s3:GetObject" if refused else "iam:GetRole", Resource="*")
    )


def vault_role(bound: list[str] | None = None, max_ttl: int = 3600) -> None:
    vault.aws.AuthBackendRole(
        name(),
        role="app",
        auth_type="iam",
        bound_iam_principal_arns=bound,
        token_policies=["dev"],
        token_max_ttl=max_ttl,
    )


def bound_vault_roles(refused: bool) -> None:
    vault_role(None if refused else [ROLE])


def token_ttl(refused: bool) -> None:
    vault_role([ROLE], 25 * 3600 if refused else 24 * 3600)


def client(**inputs: Any) -> None:
    usual = {
        "iam_server_id_header_value": "vault.example.com",
        "sts_endpoint": "https://sts.us-east-1.amazonaws.com",
        "sts_region": "us-east-1",
    }
    vault.aws.AuthBackendClient(name(), **{**usual, **inputs})


def server_id_header(refused: bool) -> None:
    client(iam_server_id_header_value=None if refused else "vault.example.com")


def regional_sts(refused: bool) -> None:
    client(sts_endpoint=f"https://sts.{'' if refused else 'us-east-1.'}amazonaws.com")


def keyless(refused: bool) -> None:
    client(**({"access_key": "AKIA0123456789ABCDEF", "secret_key": "x" * 40} if refused else {}))


def acl_policies(refused: bool) -> None:
    vault.Policy(name(), name="app", policy=POLICY.replace("read", "sudo") if refused else POLICY)


def secret_inputs(refused: bool) -> None:
    external_id = "0123456789abcdef"
    vault.aws.AuthBackendStsRole(
        name(),
        account_id="222222222222",
        sts_role="arn:aws:iam::222222222222:role/lookup",
        external_id=external_id if refused else pulumi.Output.secret(external_id),
    )


def secret_outputs(refused: bool) -> None:
    kubeconfig = json.dumps({"current-context": "x"})
    pulumi.export("kubeconfig", kubeconfig if refused else pulumi.Output.secret(kubeconfig))


def cluster(**inputs: Any) -> None:
    usual: dict[str, Any] = {
        "role_arn": ROLE,
        "version": "1.33",
        "enabled_cluster_log_types": ["audit"],
        "vpc_config": endpoint(endpoint_public_access=False),
    }
    aws.eks.Cluster(name(), **{**usual, **inputs})


def endpoint(**inputs: Any) -> dict[str, Any]:
    return {"subnet_ids": ["subnet-1", "subnet-2"], **inputs}


def cluster_endpoint(refused: bool) -> None:
    allowed = "0.0.0.0/0" if refused else "203.0.113.0/24"
    cluster(vpc_config=endpoint(endpoint_public_access=True, public_access_cidrs=[allowed]))


def secrets_encryption(refused: bool) -> None:
    cluster(version="1.27" if refused else "1.28")


def audit_logs(refused: bool) -> None:
    cluster(enabled_cluster_log_types=["api"] if refused else ["api", "audit"])


RULES: dict[str, Callable[[bool], None]] = {
    "web-identity-trust": web_identity_trust,
    "pod-identity-trust": pod_identity_trust,
    "wildcard-trust": wildcard_trust,
    "permissions": permissions,
    "bound-vault-roles": bound_vault_roles,
    "token-ttl": token_ttl,
    "server-id-header": server_id_header,
    "regional-sts": regional_sts,
    "keyless": keyless,
    "acl-policies": acl_policies,
    "secret-inputs": secret_inputs,
    "secret-outputs": secret_outputs,
    "cluster-endpoint": cluster_endpoint,
    "secrets-encryption": secrets_encryption,
    "audit-logs": audit_logs,
}

refused = os.environ.get("REFUSED")
for rule in RULES if refused in (None, "all") else [refused]:
    RULES[rule](bool(refused))
