"""Functions of EC2: zones, networks, security groups, images."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.ec2.network import vpc_parts
from sandbox.plugins.aws.entry import function
from sandbox.plugins.aws.fields import back, capital, rename, unpaired
from sandbox.plugins.aws.functions.filters import filters, many, one, text, the_one
from sandbox.plugins.resource import Inputs, State


def _zones(aws: Aws, inputs: Inputs) -> State:
    answer = aws.client("ec2").describe_availability_zones(
        Filters=filters(inputs, {"state": "state"}),
        AllAvailabilityZones=inputs.get("allAvailabilityZones", False),
    )
    zones = sorted(
        (
            zone
            for zone in answer["AvailabilityZones"]
            if zone["ZoneName"] not in inputs.get("excludeNames", [])
            and zone["ZoneId"] not in inputs.get("excludeZoneIds", [])
        ),
        key=lambda zone: str(zone["ZoneName"]),
    )
    return {
        "id": aws.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone["GroupName"] for zone in zones if zone.get("GroupName")}),
    }


def _vpc(aws: Aws, live: Mapping[str, Any]) -> State:
    parts = vpc_parts(aws, live["VpcId"])
    return {
        **{key: parts[key] for key in ("enableDnsHostnames", "enableDnsSupport", "mainRouteTableId")},
        "cidrBlockAssociations": [
            {
                "associationId": block["AssociationId"],
                "cidrBlock": block["CidrBlock"],
                "state": block["CidrBlockState"]["State"],
            }
            for block in live.get("CidrBlockAssociationSet", [])
        ],
    }


_ROUTE = {
    **capital("gatewayId instanceId natGatewayId networkInterfaceId transitGatewayId vpcPeeringConnectionId"),
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_ROUTE_ASSOCIATION = capital("routeTableAssociationId routeTableId subnetId gatewayId main")


def _routes(_: Aws, live: Mapping[str, Any]) -> State:
    # "local" is the VPC's own route; the official provider leaves it out.
    routes = [route for route in live["Routes"] if route.get("GatewayId") != "local"]
    return {
        "associations": [back(association, _ROUTE_ASSOCIATION) for association in live["Associations"]],
        "routes": [{**dict.fromkeys(_ROUTE, ""), **back(route, _ROUTE)} for route in routes],
    }


_AMI = capital(
    "architecture creationDate description hypervisor imageId imageLocation imageType name ownerId"
    " platformDetails public rootDeviceName rootDeviceType state virtualizationType"
)
_EBS = {
    "delete_on_termination": "DeleteOnTermination",
    "encrypted": "Encrypted",
    "iops": "Iops",
    "snapshot_id": "SnapshotId",
    "throughput": "Throughput",
    "volume_size": "VolumeSize",
    "volume_type": "VolumeType",
}


def _ami(aws: Aws, inputs: Inputs) -> State:
    images = aws.client("ec2").describe_images(
        Filters=filters(inputs, {}),
        IncludeDeprecated=inputs.get("includeDeprecated", False),
        **rename(inputs, capital("owners executableUsers")),
    )["Images"]
    if "nameRegex" in inputs:
        images = [image for image in images if re.search(inputs["nameRegex"], image.get("Name", ""))]
    images.sort(key=lambda image: str(image.get("CreationDate", "")), reverse=True)
    live = the_one(images[:1] if inputs.get("mostRecent") else images, "image")
    # The keys of `ebs` are those of a plain map, which Pulumi passes through unchanged.
    mappings = [
        {
            **back(m, capital("deviceName noDevice virtualName")),
            "ebs": {key: text(value) for key, value in back(m.get("Ebs", {}), _EBS).items()},
        }
        for m in live.get("BlockDeviceMappings", [])
    ]
    return {
        **back(live, _AMI),
        "id": live["ImageId"],
        "arn": f"arn:{aws.partition}:ec2:{aws.region}::image/{live['ImageId']}",
        "blockDeviceMappings": mappings,
        "tags": unpaired(live.get("Tags")),
    }


EC2 = (
    function(
        "index/getAvailabilityZones:getAvailabilityZones",
        inputs="allAvailabilityZones excludeNames excludeZoneIds filters region state",
        invoke=_zones,
    ),
    one(
        "ec2/getVpc:getVpc",
        "VPC",
        "describe_vpcs",
        "Vpcs",
        own={
            "cidrBlock": "cidr",
            "default": "is-default",
            "dhcpOptionsId": "dhcp-options-id",
            "id": "vpc-id",
            "state": "state",
        },
        outputs={
            **capital("cidrBlock ownerId dhcpOptionsId instanceTenancy state"),
            "id": "VpcId",
            "default": "IsDefault",
        },
        arn="vpc",
        also=_vpc,
    ),
    many("ec2/getSubnets:getSubnets", "describe_subnets", "Subnets", "SubnetId", own={}),
    one(
        "ec2/getSubnet:getSubnet",
        "subnet",
        "describe_subnets",
        "Subnets",
        own={
            "availabilityZone": "availability-zone",
            "availabilityZoneId": "availability-zone-id",
            "cidrBlock": "cidr-block",
            "defaultForAz": "default-for-az",
            "id": "subnet-id",
            "state": "state",
            "vpcId": "vpc-id",
        },
        outputs={
            **capital("availabilityZone availabilityZoneId availableIpAddressCount cidrBlock defaultForAz"),
            **capital("mapPublicIpOnLaunch ownerId state vpcId"),
            "id": "SubnetId",
            "arn": "SubnetArn",
        },
        unsupported="ipv6CidrBlock",
    ),
    one(
        "ec2/getRouteTable:getRouteTable",
        "route table",
        "describe_route_tables",
        "RouteTables",
        own={
            "gatewayId": "association.gateway-id",
            "routeTableId": "route-table-id",
            "subnetId": "association.subnet-id",
            "vpcId": "vpc-id",
        },
        outputs={**capital("ownerId vpcId routeTableId"), "id": "RouteTableId"},
        arn="route-table",
        also=_routes,
    ),
    many(
        "ec2/getRouteTables:getRouteTables",
        "describe_route_tables",
        "RouteTables",
        "RouteTableId",
        own={"vpcId": "vpc-id"},
    ),
    one(
        "ec2/getSecurityGroup:getSecurityGroup",
        "security group",
        "describe_security_groups",
        "SecurityGroups",
        own={"id": "group-id", "name": "group-name", "vpcId": "vpc-id"},
        outputs={**capital("vpcId description"), "id": "GroupId", "name": "GroupName"},
        arn="security-group",
    ),
    function(
        "ec2/getAmi:getAmi",
        inputs="executableUsers filters includeDeprecated mostRecent nameRegex owners region tags",
        unsupported="allowUnsafeFilter uefiData",
        invoke=_ami,
    ),
)
