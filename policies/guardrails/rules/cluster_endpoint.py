"""A cluster's API is not open to the whole internet."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .networks import is_too_wide
from .values import UNKNOWN, listed


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    config = resource.get("vpcConfig")
    if config is UNKNOWN or resource.get("vpcConfig.endpointPublicAccess") in (False, UNKNOWN):
        return
    allowed = resource.get("vpcConfig.publicAccessCidrs")
    if allowed is UNKNOWN:
        return
    if not allowed:
        yield "vpcConfig: the endpoint is public (the EKS default) without publicAccessCidrs"
    for cidr in listed(allowed):
        if cidr is not UNKNOWN and _too_wide(cidr):
            yield f"vpcConfig.publicAccessCidrs: {cidr} is too wide for an allow-list"


def _too_wide(cidr: str) -> bool:
    try:
        return is_too_wide(cidr)
    except ValueError:
        return False  # AWS refuses it


RULE = Rule(
    name="cluster-endpoint",
    topic=Topic.CLUSTER,
    requires="A cluster's endpoint is private, or public to an allow-list of networks no larger than /8",
    why="if the whole internet can reach the API server, one stolen kubeconfig or one bug is enough to take "
    "the cluster over.",
    fix="set endpointPublicAccess to false, or publicAccessCidrs to your own networks, e.g. 203.0.113.0/24.",
    types=("aws:eks/cluster:Cluster",),
    check=check,
)
