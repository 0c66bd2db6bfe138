"""The functions: what a program asks AWS instead of declaring it."""

import json
import re
import zlib
from typing import Any

from sandbox.plugins.aws.client import Aws, back, document, found, function, moment, unpaired
from sandbox.plugins.aws.ec2 import vpc_parts
from sandbox.plugins.aws.eks import cluster_outputs
from sandbox.plugins.resource import Inputs, NotFound, ProviderError, State
from sandbox.plugins.resource import functions as table

# Where am I, and who


def _partition(aws: Aws, _: Inputs) -> State:
    suffix = aws.session.get_component("endpoint_resolver").get_partition_dns_suffix(aws.partition)
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": aws.partition, "partition": aws.partition, "dnsSuffix": suffix} | {
        "reverseDnsPrefix": reverse
    }


def _region(aws: Aws, inputs: Inputs) -> State:
    name = inputs.get("name", aws.region)
    aws = aws.at(name)
    suffix = aws.session.get_component("endpoint_resolver").get_partition_dns_suffix(aws.partition)
    about = aws.session.get_component("data_loader").load_data("endpoints")["partitions"]
    described = {key: value for part in about for key, value in part["regions"].items()}
    if name not in described:
        raise ProviderError(f"{name!r} is not an AWS region")
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": described[name]["description"],
        "endpoint": f"ec2.{name}.{suffix}",
    }


def _identity(aws: Aws, _: Inputs) -> State:
    me = aws.identity
    return {"id": me["Account"], "accountId": me["Account"], "arn": me["Arn"], "userId": me["UserId"]}


def _zones(aws: Aws, inputs: Inputs) -> State:
    state = {"state": [inputs["state"]]} if "state" in inputs else {}
    answer = aws.client("ec2").describe_availability_zones(
        Filters=_filters(inputs, state), AllAvailabilityZones=inputs.get("allAvailabilityZones", False)
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


# EC2: an object is looked for by its own inputs, by `filters` and by `tags`, all three as EC2's filters.


def _filters(inputs: Inputs, own: dict[str, list[str]]) -> list[dict[str, Any]]:
    asked = {
        **own,
        **{f["name"]: f["values"] for f in inputs.get("filters", [])},
        **{f"tag:{key}": [value] for key, value in inputs.get("tags", {}).items()},
    }
    return [{"Name": name, "Values": values} for name, values in asked.items()]


def _own(inputs: Inputs, names: dict[str, str]) -> dict[str, list[str]]:
    return {api: [_text(inputs[key])] for key, api in names.items() if key in inputs}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one(matches: list[Any], kind: str) -> Any:
    if len(matches) != 1:
        how = "no" if not matches else f"{len(matches)}, not one,"
        raise (ProviderError if matches else NotFound)(f"{how} matching EC2 {kind} found")
    return matches[0]


def _vpc(aws: Aws, inputs: Inputs) -> State:
    names = {"cidrBlock": "cidr", "default": "is-default", "dhcpOptionsId": "dhcp-options-id"}
    own = _own(inputs, {**names, "id": "vpc-id", "state": "state"})
    vpc = _one(aws.client("ec2").describe_vpcs(Filters=_filters(inputs, own))["Vpcs"], "VPC")
    outputs = {"id": "VpcId", "cidrBlock": "CidrBlock", "default": "IsDefault", "ownerId": "OwnerId"}
    more = {"dhcpOptionsId": "DhcpOptionsId", "instanceTenancy": "InstanceTenancy", "state": "State"}
    parts = vpc_parts(aws, vpc["VpcId"])
    return {
        **back(vpc, {**outputs, **more}),
        **{key: parts[key] for key in ("enableDnsHostnames", "enableDnsSupport", "mainRouteTableId")},
        "arn": aws.arn("ec2", f"vpc/{vpc['VpcId']}"),
        "cidrBlockAssociations": [
            {
                "associationId": block["AssociationId"],
                "cidrBlock": block["CidrBlock"],
                "state": block["CidrBlockState"]["State"],
            }
            for block in vpc.get("CidrBlockAssociationSet", [])
        ],
        "tags": unpaired(vpc.get("Tags")),
    }


def _all(aws: Aws, operation: str, key: str, filters: list[dict[str, Any]]) -> list[Any]:
    pages = aws.client("ec2").get_paginator(operation).paginate(Filters=filters)
    return [item for page in pages for item in page[key]]


def _subnets(aws: Aws, inputs: Inputs) -> State:
    subnets = _all(aws, "describe_subnets", "Subnets", _filters(inputs, {}))
    return {"id": aws.region, "ids": [subnet["SubnetId"] for subnet in subnets]}


_SUBNET = {
    "id": "subnet-id",
    "availabilityZone": "availability-zone",
    "availabilityZoneId": "availability-zone-id",
    "cidrBlock": "cidr-block",
    "defaultForAz": "default-for-az",
    "state": "state",
    "vpcId": "vpc-id",
}
_SUBNET_OUTPUTS = {
    "id": "SubnetId",
    "arn": "SubnetArn",
    "availabilityZone": "AvailabilityZone",
    "availabilityZoneId": "AvailabilityZoneId",
    "availableIpAddressCount": "AvailableIpAddressCount",
    "cidrBlock": "CidrBlock",
    "defaultForAz": "DefaultForAz",
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "ownerId": "OwnerId",
    "state": "State",
    "vpcId": "VpcId",
}


def _subnet(aws: Aws, inputs: Inputs) -> State:
    subnet = _one(_all(aws, "describe_subnets", "Subnets", _filters(inputs, _own(inputs, _SUBNET))), "subnet")
    return {**back(subnet, _SUBNET_OUTPUTS), "tags": unpaired(subnet.get("Tags"))}


_ROUTE_TABLE = {
    "gatewayId": "association.gateway-id",
    "routeTableId": "route-table-id",
    "subnetId": "association.subnet-id",
    "vpcId": "vpc-id",
}
_ROUTE = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
    "gatewayId": "GatewayId",
    "instanceId": "InstanceId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
_ROUTE_ASSOCIATION = {
    "routeTableAssociationId": "RouteTableAssociationId",
    "routeTableId": "RouteTableId",
    "subnetId": "SubnetId",
    "gatewayId": "GatewayId",
    "main": "Main",
}


def _route_table(aws: Aws, inputs: Inputs) -> State:
    asked = _filters(inputs, _own(inputs, _ROUTE_TABLE))
    live = _one(_all(aws, "describe_route_tables", "RouteTables", asked), "route table")
    blank = dict.fromkeys(_ROUTE, "")
    return {
        **back(live, {"ownerId": "OwnerId", "vpcId": "VpcId"}),
        "id": live["RouteTableId"],
        "routeTableId": live["RouteTableId"],
        "arn": aws.arn("ec2", f"route-table/{live['RouteTableId']}"),
        "associations": [back(association, _ROUTE_ASSOCIATION) for association in live["Associations"]],
        # "local" is the VPC's own route; the official provider leaves it out.
        "routes": [
            {**blank, **back(route, _ROUTE)} for route in live["Routes"] if route.get("GatewayId") != "local"
        ],
        "tags": unpaired(live.get("Tags")),
    }


def _route_tables(aws: Aws, inputs: Inputs) -> State:
    asked = _filters(inputs, _own(inputs, {"vpcId": "vpc-id"}))
    tables = _all(aws, "describe_route_tables", "RouteTables", asked)
    return {"id": aws.region, "ids": [live["RouteTableId"] for live in tables]}


def _group(aws: Aws, inputs: Inputs) -> State:
    own = _own(inputs, {"id": "group-id", "name": "group-name", "vpcId": "vpc-id"})
    groups = _all(aws, "describe_security_groups", "SecurityGroups", _filters(inputs, own))
    live = _one(groups, "security group")
    names = {"id": "GroupId", "name": "GroupName", "vpcId": "VpcId", "description": "Description"}
    return {
        **back(live, names),
        "arn": aws.arn("ec2", f"security-group/{live['GroupId']}"),
        "tags": unpaired(live.get("Tags")),
    }


_AMI = {
    "architecture": "Architecture",
    "creationDate": "CreationDate",
    "description": "Description",
    "hypervisor": "Hypervisor",
    "imageId": "ImageId",
    "imageLocation": "ImageLocation",
    "imageType": "ImageType",
    "name": "Name",
    "ownerId": "OwnerId",
    "platformDetails": "PlatformDetails",
    "public": "Public",
    "rootDeviceName": "RootDeviceName",
    "rootDeviceType": "RootDeviceType",
    "state": "State",
    "virtualizationType": "VirtualizationType",
}
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
    words = {"owners": "Owners", "executableUsers": "ExecutableUsers"}
    images = aws.client("ec2").describe_images(
        Filters=_filters(inputs, {}),
        IncludeDeprecated=inputs.get("includeDeprecated", False),
        **{api: inputs[key] for key, api in words.items() if key in inputs},
    )["Images"]
    if "nameRegex" in inputs:
        images = [image for image in images if re.search(inputs["nameRegex"], image.get("Name", ""))]
    images.sort(key=lambda image: str(image.get("CreationDate", "")), reverse=True)
    live = _one(images[:1] if inputs.get("mostRecent") else images, "image")
    # The keys of `ebs` are those of a plain map, which Pulumi passes through unchanged.
    mappings = [
        {
            **back(m, {"deviceName": "DeviceName", "noDevice": "NoDevice", "virtualName": "VirtualName"}),
            "ebs": {key: _text(value) for key, value in back(m.get("Ebs", {}), _EBS).items()},
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


# EKS


def _cluster(aws: Aws, inputs: Inputs) -> State:
    if not (answer := found(aws.client("eks").describe_cluster, name=inputs["name"])):
        raise NotFound(f"there is no EKS cluster {inputs['name']!r} in {aws.region}")
    live = answer["cluster"]
    network = dict(live.get("kubernetesNetworkConfig", {}))
    balancing = network.pop("elasticLoadBalancing", None)
    return {
        **cluster_outputs(live),
        "id": live["name"],
        "accessConfigs": _listed(live.get("accessConfig")),
        "certificateAuthorities": _listed(live.get("certificateAuthority")),
        "kubernetesNetworkConfigs": [{**network, "elasticLoadBalancings": _listed(balancing)}],
        "upgradePolicies": _listed(live.get("upgradePolicy")),
        "tags": live.get("tags", {}),
    }


def _listed(value: Any) -> list[Any]:
    return [value] if value else []


def _addon_version(aws: Aws, inputs: Inputs) -> State:
    name, kubernetes = inputs["addonName"], inputs["kubernetesVersion"]
    pages = (
        aws.client("eks")
        .get_paginator("describe_addon_versions")
        .paginate(addonName=name, kubernetesVersion=kubernetes)
    )
    # EKS lists the newest first.
    versions = [version for page in pages for addon in page["addons"] for version in addon["addonVersions"]]
    for version in versions:
        default = any(
            c.get("defaultVersion") and c.get("clusterVersion") == kubernetes
            for c in version.get("compatibilities", [])
        )
        if inputs.get("mostRecent") or default:
            return {"id": name, "version": version["addonVersion"]}
    raise NotFound(f"EKS has no version of the add-on {name!r} for Kubernetes {kubernetes}")


# IAM


def _oidc(aws: Aws, inputs: Inputs) -> State:
    iam = aws.client("iam")
    if "arn" not in inputs and "url" not in inputs:
        raise ProviderError("one of arn and url is needed")
    wanted = inputs.get("url", "").removeprefix("https://")
    for entry in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = entry["Arn"]
        if arn == inputs.get("arn") or (wanted and arn.partition(":oidc-provider/")[2] == wanted):
            live = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
            names = {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}
            return {
                **back(live, names),
                "id": arn,
                "arn": arn,
                "url": live["Url"].removeprefix("https://"),
                "tags": unpaired(live.get("Tags")),
            }
    # The official provider's words: programs tell by them that there is none.
    by = "url" if "url" in inputs else "arn"
    raise NotFound(f"finding IAM OIDC Provider by {by} ({inputs[by]}): not found")


def _role(aws: Aws, inputs: Inputs) -> State:
    if not (answer := found(aws.client("iam").get_role, RoleName=inputs["name"])):
        raise NotFound(f"there is no IAM role {inputs['name']!r}")
    live = answer["Role"]
    names = {"arn": "Arn", "createDate": "CreateDate", "maxSessionDuration": "MaxSessionDuration"}
    used = live.get("RoleLastUsed", {})
    return {
        **back(live, {**names, "name": "RoleName", "path": "Path", "uniqueId": "RoleId"}),
        "id": live["RoleName"],
        "assumeRolePolicy": document(live["AssumeRolePolicyDocument"]),
        "description": live.get("Description", ""),
        "permissionsBoundary": live.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        "roleLastUseds": [{"lastUsedDate": moment(used["LastUsedDate"]), "region": used.get("Region", "")}]
        if used.get("LastUsedDate")
        else [],
        "tags": unpaired(live.get("Tags")),
    }


_STATEMENT = {
    "sid": "Sid",
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def _policy_document(_: Aws, inputs: Inputs) -> State:
    policy: dict[str, Any] = {"Version": inputs.get("version", "2012-10-17")}
    if "policyId" in inputs:
        policy["Id"] = inputs["policyId"]
    policy["Statement"] = [_statement(statement) for statement in inputs.get("statements", [])]
    text = json.dumps(policy, indent=2)
    return {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(policy, separators=(",", ":")),
    }


def _statement(given: State) -> dict[str, Any]:
    conditions: dict[str, dict[str, Any]] = {}
    for condition in given.get("conditions", []):
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _single(condition["values"])
    parts = {
        "Effect": given.get("effect", "Allow"),
        **{api: _single(given[key]) for key, api in _STATEMENT.items() if given.get(key)},
        "Principal": _principals(given.get("principals", [])),
        "NotPrincipal": _principals(given.get("notPrincipals", [])),
        "Condition": conditions,
    }
    return {key: value for key, value in parts.items() if value}


def _principals(principals: list[State]) -> Any:
    if any(p["type"] == "*" for p in principals):
        return "*"
    together: dict[str, list[str]] = {}
    for principal in principals:
        together.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {type_: _single(identifiers) for type_, identifiers in together.items()}


def _single(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


# Systems Manager


def _parameter(aws: Aws, inputs: Inputs) -> State:
    call = aws.client("ssm").get_parameter
    answer = found(call, Name=inputs["name"], WithDecryption=inputs.get("withDecryption", True))
    if not answer:
        raise NotFound(f"there is no SSM parameter {inputs['name']!r} in {aws.region}")
    live = answer["Parameter"]
    names = {"arn": "ARN", "name": "Name", "type": "Type", "value": "Value", "version": "Version"}
    plain = {} if live["Type"] == "SecureString" else {"insecureValue": live["Value"]}
    return {**back(live, names), **plain, "id": live["Name"]}


FUNCTIONS = table(
    function("index/getPartition:getPartition", inputs="id", invoke=_partition),
    function("index/getRegion:getRegion", inputs="id name region", unsupported="endpoint", invoke=_region),
    function("index/getCallerIdentity:getCallerIdentity", inputs="id", invoke=_identity),
    function(
        "index/getAvailabilityZones:getAvailabilityZones",
        inputs="allAvailabilityZones excludeNames excludeZoneIds filters region state",
        invoke=_zones,
    ),
    function(
        "ec2/getVpc:getVpc",
        inputs="cidrBlock default dhcpOptionsId filters id region state tags",
        invoke=_vpc,
    ),
    function("ec2/getSubnets:getSubnets", inputs="filters region tags", invoke=_subnets),
    function(
        "ec2/getSubnet:getSubnet",
        inputs=f"{' '.join(_SUBNET)} filters region tags",
        unsupported="ipv6CidrBlock",
        invoke=_subnet,
    ),
    function(
        "ec2/getRouteTable:getRouteTable",
        inputs=f"{' '.join(_ROUTE_TABLE)} filters region tags",
        invoke=_route_table,
    ),
    function("ec2/getRouteTables:getRouteTables", inputs="filters region tags vpcId", invoke=_route_tables),
    function(
        "ec2/getSecurityGroup:getSecurityGroup", inputs="filters id name region tags vpcId", invoke=_group
    ),
    function(
        "ec2/getAmi:getAmi",
        inputs="executableUsers filters includeDeprecated mostRecent nameRegex owners region tags",
        unsupported="allowUnsafeFilter uefiData",
        invoke=_ami,
    ),
    function(
        "eks/getCluster:getCluster",
        inputs="name region",
        unsupported="tags",
        required="name",
        invoke=_cluster,
    ),
    function(
        "eks/getAddonVersion:getAddonVersion",
        inputs="addonName kubernetesVersion mostRecent region",
        required="addonName kubernetesVersion",
        invoke=_addon_version,
    ),
    function(
        "iam/getOpenIdConnectProvider:getOpenIdConnectProvider",
        inputs="arn url",
        unsupported="tags",
        invoke=_oidc,
    ),
    function("iam/getRole:getRole", inputs="name", unsupported="tags", required="name", invoke=_role),
    function(
        "iam/getPolicyDocument:getPolicyDocument",
        inputs="policyId statements version",
        unsupported="overrideJson overridePolicyDocuments sourceJson sourcePolicyDocuments",
        invoke=_policy_document,
    ),
    function(
        "ssm/getParameter:getParameter",
        inputs="name region withDecryption",
        required="name",
        invoke=_parameter,
    ),
)
