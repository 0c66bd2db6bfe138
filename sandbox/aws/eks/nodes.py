"""What EKS creates in EC2 and IAM: clusters' security groups, node groups' profiles and instances."""

import contextlib
import secrets
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster, NodeGroup


def cluster_network(account: str, region: str, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The cluster's network as EKS describes it, with the security group that EKS creates for it."""
    ec2 = ec2_backends[account][region]
    subnets = wanted.get("subnetIds") or []
    if len(subnets) < 2:
        raise _invalid("Subnets specified must be in at least two different AZs")
    try:
        vpcs = {ec2.get_subnet(subnet).vpc_id for subnet in subnets}
    except ServiceException:
        raise _invalid(f"The subnet ID in {subnets} does not exist") from None
    if len(vpcs) != 1:
        raise _invalid("Provided subnets belong to different VPCs")
    vpc = vpcs.pop()
    group = ec2.create_security_group(
        f"eks-cluster-sg-{name}-{secrets.randbelow(10**9):09}",
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
        vpc_id=vpc,
        tags={f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name},
    )
    return {
        "securityGroupIds": [],
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"],
        **{key: value for key, value in wanted.items() if value is not None},
        "clusterSecurityGroupId": group.id,
        "vpcId": vpc,
    }


def delete_cluster_network(account: str, region: str, network: dict[str, Any]) -> None:
    """Removes the security group that EKS created, unless it is in use, as on AWS."""
    with contextlib.suppress(ServiceException):
        ec2_backends[account][region].delete_security_group(group_id=network["clusterSecurityGroupId"])


def create_profile(account: str, partition: str, group: NodeGroup) -> None:
    """The instance profile of a node group, named `eks-<uuid>`, which holds the node role."""
    iam = iam_backends[account][partition]
    role = group.description["nodeRole"].rsplit("/", 1)[1]
    iam.create_instance_profile(group.instance_profile, "/", [role])


def delete_profile(account: str, partition: str, group: NodeGroup) -> None:
    """Removes the node group's instance profile, if it still exists."""
    iam_backends[account][partition].instance_profiles.pop(group.instance_profile, None)


def launch_template(account: str, region: str, wanted: dict[str, str]) -> dict[str, str]:
    """A request's launch template as EKS describes it: ID, name and version number."""
    if ("id" in wanted) == ("name" in wanted):
        raise _invalid("Either launch template ID or launch template name must be specified")
    version = _template_version(account, region, wanted)
    return {"id": version.template.id, "name": version.template.name, "version": str(version.number)}


def _template_version(account: str, region: str, wanted: dict[str, str]) -> Any:
    ec2 = ec2_backends[account][region]
    try:
        found = (
            ec2.describe_launch_templates(template_ids=[wanted["id"]])
            if "id" in wanted
            else ec2.describe_launch_templates(template_names=[wanted["name"]])
        )
        if found:
            return found[0].get_version(wanted.get("version", "$Default"))
    except ServiceException as error:
        raise _invalid(error.message) from None
    raise _invalid(f"The launch template {wanted['id']} does not exist")


def _metadata_options(account: str, region: str, group: NodeGroup) -> dict[str, Any]:
    """An instance's metadata options: from the launch template, else from the image."""
    options: dict[str, Any] = {"HttpTokens": "optional", "HttpPutResponseHopLimit": 2}
    if group.description["amiType"].startswith("AL2023"):
        options = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    if template := group.description.get("launchTemplate"):
        options |= _template_version(account, region, template).data.get("MetadataOptions") or {}
    return options


def scale(account: str, region: str, partition: str, cluster: Cluster, group: NodeGroup) -> None:
    """Scales the running instances to the desired number."""
    ec2 = ec2_backends[account][region]
    wanted = group.description["scalingConfig"]["desiredSize"]
    terminate(account, region, group, keep=wanted)
    network = cluster.description["resourcesVpcConfig"]
    profile = f"arn:{partition}:iam::{account}:instance-profile/{group.instance_profile}"
    subnets = group.description["subnets"]
    cluster_name, name = cluster.description["name"], group.description["nodegroupName"]
    options = _metadata_options(account, region, group)
    for index in range(len(group.instances), wanted):
        try:
            reservation = ec2.run_instances(
                next(iter(ec2.amis), "ami-00000000000000000"),
                1,
                None,
                [],
                instance_type=group.description["instanceTypes"][0],
                is_instance_type_default=False,
                region_name=region,
                subnet_id=subnets[index % len(subnets)],
                security_group_ids=[network["clusterSecurityGroupId"]],
                metadata_options=options,
                tags={
                    "instance": {
                        "eks:cluster-name": cluster_name,
                        "eks:nodegroup-name": name,
                        f"kubernetes.io/cluster/{cluster_name}": "owned",
                    }
                },
            )
        except ServiceException as error:
            raise _invalid(f"The node group's instances cannot be launched: {error.message}") from None
        instance = reservation.instances[0].id
        ec2.associate_iam_instance_profile(instance_id=instance, iam_instance_profile_arn=profile)
        group.instances.append(instance)


def recycle(account: str, region: str, partition: str, cluster: Cluster, group: NodeGroup) -> None:
    """Replaces every instance by a new one with the node group's current settings."""
    old, group.instances = group.instances, []
    try:
        scale(account, region, partition, cluster, group)
    except AwsError:
        terminate(account, region, group, keep=0)
        group.instances = old
        raise
    new, group.instances = group.instances, old
    terminate(account, region, group, keep=0)
    group.instances = new


def terminate(account: str, region: str, group: NodeGroup, keep: int) -> None:
    """Terminates the newest instances of a node group until `keep` remain; forgets those already gone."""
    ec2 = ec2_backends[account][region]
    running = {i.id for i in ec2.all_running_instances()}
    group.instances = [i for i in group.instances if i in running]
    surplus = group.instances[keep:]
    if surplus:
        ec2.terminate_instances(surplus)
        group.instances = group.instances[:keep]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)
