"""A cluster's kubeconfig, which gets tokens from AWS with the user's own identity."""

from typing import Any

import pulumi

from sandbox.plugins.eks.children import Child

_EXEC = "client.authentication.k8s.io/v1beta1"


def kubeconfig(cluster: Child, role: Any = None, profile: Any = None) -> pulumi.Output[dict[str, Any]]:
    """The kubeconfig, with the IAM role and AWS profile if given."""
    return pulumi.Output.all(
        name=cluster.name,
        arn=cluster.arn,
        server=cluster.endpoint,
        authority=cluster.certificateAuthority["data"],
        role=role,
        profile=profile,
    ).apply(lambda known: _document(**known))


def _document(
    name: str, arn: str, server: str, authority: str, role: str | None, profile: str | None
) -> dict[str, Any]:
    region = arn.split(":")[3]
    args = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    args += ["--role", role] if role else []
    args += ["--profile", profile] if profile else []
    asked = {"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{_EXEC}"}}'}
    token = {"apiVersion": _EXEC, "command": "aws", "args": args, "env": [asked]}
    cluster = {"server": server, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": token}}],
    }
