"""A managed node group of a cluster: its role, its launch template, its nodes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from typing_extensions import NotRequired, TypedDict

from . import arns, iam, trust
from .component import unique_name
from .declared import Default, Refusal, between, not_empty, rule
from .forms import IamName, InstanceType, PolicyArn

_NODE_POLICIES = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "cni": "AmazonEKS_CNI_Policy",
    "registry": "AmazonEC2ContainerRegistryReadOnly",
}
_MOST_NODES = 450  # of a managed node group


class NodeGroup(TypedDict):
    """A managed node group, with a node role of its own."""

    role_name: NotRequired[IamName]
    """Name of the node role. Default: `<cluster>-<group>-node`."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the node role's permissions. Default: that of the cluster."""

    instance_types: NotRequired[
        Annotated[Sequence[InstanceType], Default(("t3.medium",)), not_empty("an EC2 instance type")]
    ]
    """EC2 instance types, the first one preferred."""

    min_size: NotRequired[Annotated[int, Default(1), between(0, _MOST_NODES)]]
    """Fewest nodes."""

    desired_size: NotRequired[Annotated[int, between(0, _MOST_NODES)]]
    """Nodes to start with. Default: `min_size`."""

    max_size: NotRequired[Annotated[int, between(1, _MOST_NODES)]]
    """Most nodes. Default: the larger of 2 and `desired_size`."""

    metadata_hop_limit: NotRequired[Annotated[int, Default(1), between(1, 64)]]
    """How many hops an answer of the instance metadata service may go: 1 keeps it on the node, 2 or more lets
    the node's pods act as the node, and log in as it. A change replaces all nodes."""


@rule(NodeGroup, "min_size", "desired_size", "max_size")
def _sizes(group: NodeGroup) -> Iterator[Refusal]:
    smallest, desired, largest = sizes(group)
    if not smallest <= desired <= largest:
        yield Refusal("", "has sizes out of order; write {min_size} <= {desired_size} <= {max_size}")


def sizes(group: NodeGroup) -> tuple[int, int, int]:
    """Fewest nodes, nodes to start with, most nodes."""
    smallest = group["min_size"]
    desired = group.get("desired_size", smallest)
    return smallest, desired, group.get("max_size", max(2, desired))


def node_role_name(cluster: str, group: str, declared: NodeGroup) -> str:
    """Name of the node role of a group."""
    return declared.get("role_name", f"{cluster}-{group}-node")


def node_group(
    parent: pulumi.Resource,
    name: str,
    cluster: eks.Cluster,
    args: Mapping[str, Any],
    group: str,
    declared: NodeGroup,
) -> "aws.iam.Role":
    """Declare a node group of the cluster with the arguments `args`; returns its role."""
    cluster_name, region, tags = args["name"], args["region"], args["tags"] or None
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(
        f"{name}-{group}-node-role",
        name=node_role_name(cluster_name, group, declared),
        description=f"Nodes of the group {group} of the EKS cluster {cluster_name}",
        assume_role_policy=iam.to_json(trust.service_trust(f"ec2.{arns.dns_suffix(region)}")),
        permissions_boundary=declared.get("permissions_boundary", args.get("permissions_boundary")),
        tags=tags,
        opts=unique_name(parent),
    )
    attachments = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{group}-node-{noun}-policy",
            role=role.name,
            policy_arn=f"arn:{arns.partition_of(region)}:iam::aws:policy/{policy}",
            opts=child,
        )
        for noun, policy in _NODE_POLICIES.items()
    ]
    # Without a template of ours the image decides who reaches the metadata: Amazon Linux 2 lets every pod,
    # by version 1, too. pulumi-eks's `enable_imds_v2` has a hop limit of 2.
    template = aws.ec2.LaunchTemplate(
        f"{name}-{group}-node-template",
        description=f"Nodes of the group {group} of the EKS cluster {cluster_name}",
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=declared["metadata_hop_limit"],
        ),
        tags=tags,
        opts=child,
    )
    smallest, desired, largest = sizes(declared)
    eks.ManagedNodeGroup(
        f"{name}-{group}-nodes",
        cluster=cluster,
        node_role_arn=role.arn,
        instance_types=list(declared["instance_types"]),
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(
            min_size=smallest,
            desired_size=desired,
            max_size=largest,
        ),
        launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(lambda number: str(int(number)))
        ),
        # The template names no image, so EKS chooses it, for this version. Beside a launch template
        # pulumi-eks leaves the version to its caller.
        version=args.get("kubernetes_version"),
        subnet_ids=args.get("subnet_ids"),
        tags=tags,
        # Nodes that start before their role has its policies never become ready.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=attachments),
    )
    return role
