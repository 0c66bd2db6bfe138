"""VPCs and subnets."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.ec2.common import first, living, specification, tagged
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import capital, rename
from sandbox.plugins.resource import Inputs, State

_VPC = capital("cidrBlock instanceTenancy")
_VPC_SWITCHES = capital("enableDnsSupport enableDnsHostnames")
_VPC_AT_FIRST = {"enableDnsSupport": True, "enableDnsHostnames": False, "instanceTenancy": "default"}


def _create_vpc(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("ec2").create_vpc(**rename(inputs, _VPC), **specification("vpc", aws.tags(inputs)))
    return str(made["Vpc"]["VpcId"])


def _switch_vpc(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    for name, attribute in _VPC_SWITCHES.items():
        if changed(old, new, name):
            aws.client("ec2").modify_vpc_attribute(VpcId=id_, **{attribute: {"Value": new[name]}})


def vpc_parts(aws: Aws, id_: str) -> State:
    """What both the resource and the function show beside a VPC's description."""
    ec2, here = aws.client("ec2"), [{"Name": "vpc-id", "Values": [id_]}]
    tables = ec2.describe_route_tables(Filters=[*here, {"Name": "association.main", "Values": ["true"]}])
    return {
        **{
            name: ec2.describe_vpc_attribute(VpcId=id_, Attribute=name)[attribute]["Value"]
            for name, attribute in _VPC_SWITCHES.items()
        },
        "mainRouteTableId": (first(tables, "RouteTables") or {}).get("RouteTableId"),
    }


def _vpc_outputs(aws: Aws, live: Mapping[str, Any], _: State) -> State:
    """And the objects that EC2 created with the VPC."""
    parts, ec2 = vpc_parts(aws, live["VpcId"]), aws.client("ec2")
    here = [{"Name": "vpc-id", "Values": [live["VpcId"]]}]
    groups = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["default"]}])
    acls = ec2.describe_network_acls(Filters=[*here, {"Name": "default", "Values": ["true"]}])
    return {
        **parts,
        "defaultRouteTableId": parts["mainRouteTableId"],
        "defaultSecurityGroupId": (first(groups, "SecurityGroups") or {}).get("GroupId"),
        "defaultNetworkAclId": (first(acls, "NetworkAcls") or {}).get("NetworkAclId"),
    }


VPC = resource(
    "ec2/vpc:Vpc",
    names=_VPC,
    outputs=capital("arn dhcpOptionsId ownerId"),
    inputs=" ".join(_VPC_SWITCHES),
    unsupported="assignGeneratedIpv6CidrBlock enableNetworkAddressUsageMetrics ipv4IpamPoolId"
    " ipv4NetmaskLength ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup ipv6IpamPoolId ipv6NetmaskLength",
    required="cidrBlock",
    defaults=_VPC_AT_FIRST,
    replace_on="cidrBlock instanceTenancy",
    create=_create_vpc,
    finish=lambda aws, id_, new: _switch_vpc(aws, id_, _VPC_AT_FIRST, new),
    live=living("describe_vpcs", "VpcIds", "Vpcs", arn="vpc"),
    also=_vpc_outputs,
    change=_switch_vpc,
    tags=tagged,
    delete=lambda aws, id_, _: aws.client("ec2").delete_vpc(VpcId=id_),
)

_SUBNET = capital("availabilityZone availabilityZoneId cidrBlock vpcId")
_SUBNET_AT_FIRST = {"mapPublicIpOnLaunch": False}


def _create_subnet(aws: Aws, inputs: Inputs) -> str:
    tags = specification("subnet", aws.tags(inputs))
    made = aws.client("ec2").create_subnet(**rename(inputs, _SUBNET), **tags)
    return str(made["Subnet"]["SubnetId"])


def _switch_subnet(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "mapPublicIpOnLaunch"):
        aws.client("ec2").modify_subnet_attribute(
            SubnetId=id_, MapPublicIpOnLaunch={"Value": new["mapPublicIpOnLaunch"]}
        )


SUBNET = resource(
    "ec2/subnet:Subnet",
    names={**_SUBNET, **capital("mapPublicIpOnLaunch")},
    outputs={"arn": "SubnetArn", "ownerId": "OwnerId"},
    unsupported="assignIpv6AddressOnCreation customerOwnedIpv4Pool enableDns64 enableLniAtDeviceIndex"
    " enableResourceNameDnsARecordOnLaunch enableResourceNameDnsAaaaRecordOnLaunch ipv4IpamPoolId"
    " ipv4NetmaskLength ipv6CidrBlock ipv6IpamPoolId ipv6Native ipv6NetmaskLength"
    " mapCustomerOwnedIpOnLaunch outpostArn privateDnsHostnameTypeOnLaunch",
    required="cidrBlock vpcId",
    defaults=_SUBNET_AT_FIRST,
    replace_on="availabilityZone availabilityZoneId cidrBlock vpcId",
    create=_create_subnet,
    finish=lambda aws, id_, new: _switch_subnet(aws, id_, _SUBNET_AT_FIRST, new),
    live=living("describe_subnets", "SubnetIds", "Subnets"),
    change=_switch_subnet,
    tags=tagged,
    delete=lambda aws, id_, _: aws.client("ec2").delete_subnet(SubnetId=id_),
)
