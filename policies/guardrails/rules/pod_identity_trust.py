"""A role for EKS Pod Identity trusts named service accounts of a named cluster."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .documents import Statement, allowing

SERVICE = "pods.eks.amazonaws.com"
"""The same in every partition."""

_OF_A_CLUSTER = re.compile(r"[^*?]+|arn:[^*?]+:podidentityassociation/[^*?/]+/\*")
CLUSTER = ("aws:requesttag/eks-cluster-arn", "aws:requesttag/eks-cluster-name", "aws:sourcearn")
CLUSTER_ITSELF = "the cluster"
PINS = {
    CLUSTER_ITSELF: CLUSTER,
    "the namespace": ("aws:requesttag/kubernetes-namespace",),
    "the service account": ("aws:requesttag/kubernetes-service-account",),
}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    where = "assumeRolePolicy"
    for statement in allowing(resource.get(where), where):
        services = [name.lower() for name in statement.principals.get("Service", [])]
        if SERVICE in services and statement.may("sts:AssumeRole"):
            missing = [what for what, keys in PINS.items() if not statement.pins(*keys)]
            if CLUSTER_ITSELF not in missing and not _names_cluster(statement):
                missing = [CLUSTER_ITSELF, *missing]
            if missing:
                names = ", ".join(missing)
                yield f"{where}, {statement.where}: trusts EKS Pod Identity without pinning {names}"


def _names_cluster(statement: Statement) -> bool:
    """Whether a condition for the cluster has no pattern, but for the end of an association's ARN."""
    tests = [test for test in statement.conditions if test.key.lower() in CLUSTER and test.pins]
    return any(all(_OF_A_CLUSTER.fullmatch(value) for value in test.values) for test in tests)


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
