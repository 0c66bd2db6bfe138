"""A role for EKS Pod Identity trusts named service accounts of a named cluster."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .documents import allowing

SERVICE = "pods.eks.amazonaws.com"
"""The same in every partition."""

CLUSTER = ("aws:requesttag/eks-cluster-arn", "aws:requesttag/eks-cluster-name", "aws:sourcearn")
PINS = {
    "the cluster": CLUSTER,
    "the namespace": ("aws:requesttag/kubernetes-namespace",),
    "the service account": ("aws:requesttag/kubernetes-service-account",),
}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    where = "assumeRolePolicy"
    for statement in allowing(resource.get(where), where):
        if SERVICE in statement.principals.get("Service", []) and statement.may("sts:AssumeRole"):
            missing = [what for what, keys in PINS.items() if not statement.pins(*keys)]
            if missing:
                names = ", ".join(missing)
                yield f"{where}, {statement.where}: trusts EKS Pod Identity without pinning {names}"


RULE = Rule(
    name="pod-identity-trust",
    topic=Topic.TRUST,
    requires="A trust policy for EKS Pod Identity pins cluster, namespace and service account",
    why="without them, permission to create an association in any cluster of the account is enough to give "
    "the role to any pod.",
    fix='put all three into the Condition: {"StringEquals": {"aws:RequestTag/eks-cluster-arn": "<ARN>", '
    '"aws:RequestTag/kubernetes-namespace": "<namespace>", '
    '"aws:RequestTag/kubernetes-service-account": "<name>"}}.',
    types=("aws:iam/role:Role",),
    check=check,
)
