"""A cluster's network: VPC, subnets, and the security groups of control plane and nodes."""

from typing import Any

import pulumi

from sandbox.plugins.eks.children import Child, ask
from sandbox.plugins.eks.component import Inputs

_EVERYTHING = {"protocol": "-1", "fromPort": 0, "toPort": 0}
_HTTPS = {"protocol": "tcp", "fromPort": 443, "toPort": 443}
_KUBELETS = {"protocol": "tcp", "fromPort": 1025, "toPort": 65535}
_INTERNET = {
    **_EVERYTHING,
    "type": "egress",
    "description": "Allow internet access.",
    "cidrBlocks": ["0.0.0.0/0"],
}


def place(args: Inputs, parent: pulumi.Resource) -> tuple[Any, Any]:
    """The given VPC and subnets, or the default VPC's."""
    vpc_id, subnet_ids = args.get("vpcId"), args.get("subnetIds")
    default: Any = []
    if vpc_id is None:
        vpc_id = ask("aws:ec2/getVpc:getVpc", {"default": True}, parent)["id"]
        mine = {"filters": [{"name": "vpc-id", "values": [vpc_id]}]}
        default = ask("aws:ec2/getSubnets:getSubnets", mine, parent)["ids"]
    if subnet_ids is None and ("publicSubnetIds" in args or "privateSubnetIds" in args):
        kinds = (args.get("publicSubnetIds", []), args.get("privateSubnetIds", []))
        subnet_ids = pulumi.Output.all(*kinds).apply(lambda lists: [*lists[0], *lists[1]])
    return vpc_id, subnet_ids if subnet_ids is not None else default


def cluster_group(name: str, vpc_id: Any, args: Inputs, opts: pulumi.ResourceOptions) -> Child:
    """The control plane's security group."""
    group = _group(
        name, "eksClusterSecurityGroup", vpc_id, [args.get("clusterSecurityGroupTags")], args, opts
    )
    _rule(f"{name}-eksClusterInternetEgressRule", group, opts, **_INTERNET)
    return group


def node_group(
    name: str, vpc_id: Any, group: Child, cluster: Child, args: Inputs, opts: pulumi.ResourceOptions
) -> tuple[Child, Child]:
    """The nodes' security group, and the rule that lets nodes reach the cluster."""
    owned = cluster.name.apply(lambda known: {f"kubernetes.io/cluster/{known}": "owned"})
    tags = [owned, args.get("nodeSecurityGroupTags")]
    nodes = _group(name, "nodeSecurityGroup", vpc_id, tags, args, opts)
    _rule(
        f"{name}-eksNodeIngressRule",
        nodes,
        opts,
        **_EVERYTHING,
        type="ingress",
        description="Allow nodes to communicate with each other",
        self=True,
    )
    from_cluster = {"type": "ingress", "sourceSecurityGroupId": group.id}
    _rule(
        f"{name}-eksNodeClusterIngressRule",
        nodes,
        opts,
        **_KUBELETS,
        **from_cluster,
        description="Allow worker Kubelets and pods to receive communication from the cluster control plane",
    )
    _rule(
        f"{name}-eksExtApiServerClusterIngressRule",
        nodes,
        opts,
        **_HTTPS,
        **from_cluster,
        description="Allow pods running extension API servers on port 443 to receive communication from"
        " cluster control plane",
    )
    _rule(f"{name}-eksNodeInternetEgressRule", nodes, opts, **_INTERNET)
    ingress = _rule(
        f"{name}-eksClusterIngressRule",
        group,
        opts,
        **_HTTPS,
        type="ingress",
        sourceSecurityGroupId=nodes.id,
        description="Allow pods to communicate with the cluster API Server",
    )
    return nodes, ingress


def _group(
    name: str, noun: str, vpc_id: Any, own: list[Any], args: Inputs, opts: pulumi.ResourceOptions
) -> Child:
    inputs = {
        "vpcId": vpc_id,
        "revokeRulesOnDelete": True,
        "tags": tags({"Name": f"{name}-{noun}"}, *own, args.get("tags")),
    }
    return Child("aws:ec2/securityGroup:SecurityGroup", f"{name}-{noun}", inputs, opts)


def _rule(name: str, group: Child, opts: pulumi.ResourceOptions, /, **rule: Any) -> Child:
    inputs = {**rule, "securityGroupId": group.id}
    return Child("aws:ec2/securityGroupRule:SecurityGroupRule", name, inputs, opts)


def tags(first: Inputs, *more: Any) -> pulumi.Output[dict[str, str]]:
    """All tags; later ones win."""
    return pulumi.Output.all(*more).apply(
        lambda all_tags: {**first, **{k: v for each in all_tags if each for k, v in each.items()}}
    )
