"""A managed node group of a cluster of this package."""

from typing import Any

import pulumi

from sandbox.plugins.eks.children import Child
from sandbox.plugins.eks.component import Built, Component, Inputs
from sandbox.plugins.resource import words

# The inputs of the node group itself.
_SAME = words(
    "amiType capacityType diskSize forceUpdateVersion instanceTypes labels launchTemplate nodeGroupName"
    " releaseVersion remoteAccess tags taints"
)


class ManagedNodeGroup(Built):
    """The node group; its defaults come from the cluster."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:ManagedNodeGroup", name, opts)
        # `cluster` is the component, or its core data.
        core: pulumi.Output[Any] = pulumi.Output.from_input(args["cluster"]).apply(
            lambda known: known.core if isinstance(known, Child) else known
        )
        inputs = {
            "clusterName": core.apply(lambda known: known["cluster"].name),
            "nodeRoleArn": args["nodeRole"].arn if "nodeRole" in args else args["nodeRoleArn"],
            "scalingConfig": pulumi.Output.from_input(args.get("scalingConfig")).apply(
                lambda known: {"desiredSize": 2, "minSize": 1, "maxSize": 2, **(known or {})}
            ),
            "subnetIds": core.apply(_subnets),
        }
        if "launchTemplate" not in args:
            inputs["version"] = core.apply(lambda known: known["cluster"].version)
        inputs |= {key: args[key] for key in (*_SAME, "clusterName", "subnetIds", "version") if key in args}
        ignored = ["scalingConfig.desiredSize"] if args.get("ignoreScalingChanges") else None
        group = Child(
            "aws:eks/nodeGroup:NodeGroup",
            name,
            inputs,
            pulumi.ResourceOptions(parent=self, ignore_changes=ignored),
        )
        self.tell(nodeGroup=group, placementGroupName="")


def _subnets(core: Any) -> Any:
    lists = (core.get(key) for key in ("subnetIds", "privateSubnetIds", "publicSubnetIds"))
    return next((subnets for subnets in lists if subnets is not None), [])


def _check(args: Inputs) -> dict[str, str]:
    if ("nodeRole" in args) == ("nodeRoleArn" in args):
        return {"nodeRole": "give either nodeRole or nodeRoleArn"}
    return {}


MANAGED_NODE_GROUP = Component(
    "eks:index:ManagedNodeGroup",
    "pulumi_eks.ManagedNodeGroup",
    ManagedNodeGroup,
    inputs=_SAME
    | words("cluster clusterName ignoreScalingChanges nodeRole nodeRoleArn scalingConfig subnetIds version"),
    required=words("cluster"),
    unsupported=words(
        "amiId bootstrapExtraArgs bottlerocketSettings enableEfaSupport enableIMDSv2 gpu kubeletExtraArgs"
        " nodeGroupNamePrefix nodeadmExtraOptions operatingSystem placementGroupAvailabilityZone userData"
    ),
    validate=_check,
)
