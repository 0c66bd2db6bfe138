"""A managed node group of a cluster: its role, its launch template, its nodes."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from typing_extensions import NotRequired, TypedDict

from . import arns, iam, trust

_NODE_POLICIES = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "cni": "AmazonEKS_CNI_Policy",
    "registry": "AmazonEC2ContainerRegistryReadOnly",
}


class NodeGroup(TypedDict):
    """A managed node group, with a node role of its own."""

    role_name: NotRequired[str]
    """Name of the node role. Default: `<cluster>-<group>-node`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the node role's permissions. Default: none."""

    instance_types: NotRequired[Sequence[str]]
    """EC2 instance types, the first one preferred. Default: `t3.medium`."""

    min_size: NotRequired[int]
    """Fewest nodes. Default: 1."""

    desired_size: NotRequired[int]
    """Nodes to start with. Default: `min_size`."""

    max_size: NotRequired[int]
    """Most nodes. Default: the larger of 2 and `desired_size`."""

    metadata_hop_limit: NotRequired[int]
    """How many hops an answer of the instance metadata service may go: 1 keeps it on the node, 2 or more lets
    the node's pods speak as the node, and log in as it. A change starts all nodes anew. Default: 1."""


def check_node_group(group: str, settings: NodeGroup) -> None:
    """Raises ValueError for what EC2 would refuse when the cluster is there already."""
    if not 1 <= settings.get("metadata_hop_limit", 1) <= 64:
        raise ValueError(f"node_groups.{group}.metadata_hop_limit: must be from 1 to 64")


def node_group(
    parent: pulumi.Resource,
    name: str,
    cluster: eks.Cluster,
    *,
    cluster_name: str,
    group: str,
    region: str,
    kubernetes_version: str | None,
    subnet_ids: Sequence[pulumi.Input[str]] | None,
    settings: NodeGroup,
) -> pulumi.Output[str]:
    """The node group `group` of the component `name`; returns its role's ARN."""
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(
        f"{name}-{group}-node-role",
        name=settings.get("role_name", f"{cluster_name}-{group}-node"),
        description=f"Nodes of the group {group} of the EKS cluster {cluster_name}",
        assume_role_policy=iam.to_json(trust.service_trust(f"ec2.{arns.dns_suffix(region)}")),
        permissions_boundary=settings.get("permissions_boundary"),
        # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
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
            http_put_response_hop_limit=int(settings.get("metadata_hop_limit", 1)),
        ),
        opts=child,
    )
    minimum = int(settings.get("min_size", 1))
    desired = int(settings.get("desired_size", minimum))
    eks.ManagedNodeGroup(
        f"{name}-{group}-nodes",
        cluster=cluster,
        node_role_arn=role.arn,
        instance_types=list(settings.get("instance_types", ["t3.medium"])),
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(
            min_size=minimum,
            desired_size=desired,
            max_size=int(settings.get("max_size", max(2, desired))),
        ),
        launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(lambda number: str(int(number)))
        ),
        # The template names no image, so EKS chooses it, for this version. Beside a launch template
        # pulumi-eks leaves the version to its caller.
        version=kubernetes_version,
        subnet_ids=subnet_ids,
        # Nodes that start before their role has its policies never become ready.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=attachments),
    )
    return role.arn
