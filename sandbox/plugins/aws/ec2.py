"""EC2: networks, security groups and their rules, launch templates."""

import hashlib
import json
from typing import Any

from sandbox.plugins.aws.client import (
    Aws,
    back,
    changed,
    found,
    pairs,
    rename,
    resource,
    retag,
    unpaired,
)
from sandbox.plugins.resource import Inputs, State, table


def specification(kind: str, tags: dict[str, str]) -> dict[str, Any]:
    """The parameter that tags an EC2 object at birth; EC2 refuses an empty one."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": pairs(tags)}]} if tags else {}


def _retag(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    ec2 = aws.client("ec2")
    retag(
        aws,
        old,
        new,
        lambda tags: ec2.create_tags(Resources=[id_], Tags=pairs(tags)),
        lambda keys: ec2.delete_tags(Resources=[id_], Tags=[{"Key": key} for key in keys]),
    )


def first(answer: Any, key: str) -> Any:
    """The one object of a Describe answer, or None."""
    return answer[key][0] if answer and answer[key] else None


# VPCs

_VPC = {"cidrBlock": "CidrBlock", "instanceTenancy": "InstanceTenancy"}
_VPC_SWITCHES = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}


def _create_vpc(aws: Aws, inputs: Inputs) -> str:
    vpc = aws.client("ec2").create_vpc(**rename(inputs, _VPC), **specification("vpc", aws.tags(inputs)))
    id_ = str(vpc["Vpc"]["VpcId"])
    _switch_vpc(aws, id_, {"enableDnsSupport": True, "enableDnsHostnames": False}, inputs)
    return id_


def _switch_vpc(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    for name, attribute in _VPC_SWITCHES.items():
        if changed(old, new, name):
            aws.client("ec2").modify_vpc_attribute(VpcId=id_, **{attribute: {"Value": new[name]}})


def _read_vpc(aws: Aws, id_: str, _: State) -> State | None:
    ec2 = aws.client("ec2")
    if not (live := first(found(ec2.describe_vpcs, VpcIds=[id_]), "Vpcs")):
        return None
    return {
        **back(live, {**_VPC, "dhcpOptionsId": "DhcpOptionsId", "ownerId": "OwnerId"}),
        **vpc_parts(aws, id_),
        "arn": aws.arn("ec2", f"vpc/{id_}"),
        "tagsAll": unpaired(live.get("Tags")),
    }


def vpc_parts(aws: Aws, id_: str) -> State:
    """A VPC's switches, and the things that came with it."""
    ec2, here = aws.client("ec2"), [{"Name": "vpc-id", "Values": [id_]}]
    tables = ec2.describe_route_tables(Filters=[*here, {"Name": "association.main", "Values": ["true"]}])
    groups = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["default"]}])
    acls = ec2.describe_network_acls(Filters=[*here, {"Name": "default", "Values": ["true"]}])
    main = (first(tables, "RouteTables") or {}).get("RouteTableId")
    return {
        **{
            name: ec2.describe_vpc_attribute(VpcId=id_, Attribute=name)[attribute]["Value"]
            for name, attribute in _VPC_SWITCHES.items()
        },
        "defaultRouteTableId": main,
        "mainRouteTableId": main,
        "defaultSecurityGroupId": (first(groups, "SecurityGroups") or {}).get("GroupId"),
        "defaultNetworkAclId": (first(acls, "NetworkAcls") or {}).get("NetworkAclId"),
    }


def _update_vpc(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    _switch_vpc(aws, id_, old, new)
    _retag(aws, id_, old, new)


VPC = resource(
    "ec2/vpc:Vpc",
    inputs="cidrBlock enableDnsHostnames enableDnsSupport instanceTenancy region tags",
    unsupported="assignGeneratedIpv6CidrBlock enableNetworkAddressUsageMetrics ipv4IpamPoolId"
    " ipv4NetmaskLength ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup ipv6IpamPoolId ipv6NetmaskLength",
    required="cidrBlock",
    defaults={"enableDnsHostnames": False, "enableDnsSupport": True, "instanceTenancy": "default"},
    replace_on="cidrBlock instanceTenancy",
    create=_create_vpc,
    read=_read_vpc,
    update=_update_vpc,
    delete=lambda aws, id_, _: aws.client("ec2").delete_vpc(VpcId=id_),
)

# Subnets

_SUBNET = {
    "availabilityZone": "AvailabilityZone",
    "availabilityZoneId": "AvailabilityZoneId",
    "cidrBlock": "CidrBlock",
    "vpcId": "VpcId",
}


def _create_subnet(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("ec2").create_subnet(
        **rename(inputs, _SUBNET), **specification("subnet", aws.tags(inputs))
    )
    id_ = str(made["Subnet"]["SubnetId"])
    _switch_subnet(aws, id_, {"mapPublicIpOnLaunch": False}, inputs)
    return id_


def _switch_subnet(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "mapPublicIpOnLaunch"):
        aws.client("ec2").modify_subnet_attribute(
            SubnetId=id_, MapPublicIpOnLaunch={"Value": new["mapPublicIpOnLaunch"]}
        )


def _read_subnet(aws: Aws, id_: str, _: State) -> State | None:
    if not (live := first(found(aws.client("ec2").describe_subnets, SubnetIds=[id_]), "Subnets")):
        return None
    outputs = {"arn": "SubnetArn", "mapPublicIpOnLaunch": "MapPublicIpOnLaunch", "ownerId": "OwnerId"}
    return {**back(live, {**_SUBNET, **outputs}), "tagsAll": unpaired(live.get("Tags"))}


def _update_subnet(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    _switch_subnet(aws, id_, old, new)
    _retag(aws, id_, old, new)


SUBNET = resource(
    "ec2/subnet:Subnet",
    inputs="availabilityZone availabilityZoneId cidrBlock mapPublicIpOnLaunch region tags vpcId",
    unsupported="assignIpv6AddressOnCreation customerOwnedIpv4Pool enableDns64 enableLniAtDeviceIndex"
    " enableResourceNameDnsARecordOnLaunch enableResourceNameDnsAaaaRecordOnLaunch ipv4IpamPoolId"
    " ipv4NetmaskLength ipv6CidrBlock ipv6IpamPoolId ipv6Native ipv6NetmaskLength"
    " mapCustomerOwnedIpOnLaunch outpostArn privateDnsHostnameTypeOnLaunch",
    required="cidrBlock vpcId",
    defaults={"mapPublicIpOnLaunch": False},
    replace_on="availabilityZone availabilityZoneId cidrBlock vpcId",
    create=_create_subnet,
    read=_read_subnet,
    update=_update_subnet,
    delete=lambda aws, id_, _: aws.client("ec2").delete_subnet(SubnetId=id_),
)

# Security groups

_GROUP = {"description": "Description", "name": "GroupName", "vpcId": "VpcId"}


def _create_group(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    made = ec2.create_security_group(
        **rename(inputs, _GROUP), **specification("security-group", aws.tags(inputs))
    )
    # EC2 lets a new group's members reach everything. The provider starts from nothing, so that the
    # declared rules are all there are.
    _revoke(aws, str(made["GroupId"]))
    return str(made["GroupId"])


def _revoke(aws: Aws, id_: str, rules: list[dict[str, Any]] | None = None) -> None:
    """Takes rules away: those given, else all that a group has."""
    ec2 = aws.client("ec2")
    for direction, egress in (("ingress", False), ("egress", True)):
        all_ = _rules(aws, id_) if rules is None else rules
        if ids := [rule["SecurityGroupRuleId"] for rule in all_ if rule["IsEgress"] == egress]:
            found(getattr(ec2, f"revoke_security_group_{direction}"), GroupId=id_, SecurityGroupRuleIds=ids)


def _rules(aws: Aws, id_: str) -> list[dict[str, Any]]:
    """The rules of a group, as EC2 has them: one for each source."""
    pages = aws.client("ec2").get_paginator("describe_security_group_rules")
    here = [{"Name": "group-id", "Values": [id_]}]
    return [rule for page in pages.paginate(Filters=here) for rule in page["SecurityGroupRules"]]


def _read_group(aws: Aws, id_: str, _: State) -> State | None:
    live = first(found(aws.client("ec2").describe_security_groups, GroupIds=[id_]), "SecurityGroups")
    if not live:
        return None
    return {
        **back(live, {**_GROUP, "ownerId": "OwnerId"}),
        "arn": aws.arn("ec2", f"security-group/{id_}"),
        "tagsAll": unpaired(live.get("Tags")),
    }


def _delete_group(aws: Aws, id_: str, state: State) -> None:
    if state.get("revokeRulesOnDelete"):
        _revoke(aws, id_)
    aws.client("ec2").delete_security_group(GroupId=id_)


SECURITY_GROUP = resource(
    "ec2/securityGroup:SecurityGroup",
    inputs="description name region revokeRulesOnDelete tags vpcId",
    unsupported="egress ingress namePrefix",
    autoname="name",
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    replace_on="description name vpcId",
    create=_create_group,
    read=_read_group,
    update=_retag,
    delete=_delete_group,
)

# Security group rules: one entry here may be several of EC2's own rules, one for each source.


def _ports(rule: State) -> dict[str, Any]:
    ports = {"IpProtocol": str(rule["protocol"])}
    # "All protocols" has no ports; EC2 tells them as -1.
    return ports if ports["IpProtocol"] == "-1" else {
        **ports, "FromPort": int(rule["fromPort"]), "ToPort": int(rule["toPort"])
    }  # fmt: skip


def _permission(rule: State) -> dict[str, Any]:
    said = {"Description": rule["description"]} if rule.get("description") else {}
    peers = [rule["sourceSecurityGroupId"]] if "sourceSecurityGroupId" in rule else []
    peers += [rule["securityGroupId"]] if rule.get("self") else []
    sources = {
        "IpRanges": [{"CidrIp": cidr, **said} for cidr in rule.get("cidrBlocks", [])],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **said} for cidr in rule.get("ipv6CidrBlocks", [])],
        "PrefixListIds": [{"PrefixListId": id_, **said} for id_ in rule.get("prefixListIds", [])],
        "UserIdGroupPairs": [{"GroupId": id_, **said} for id_ in peers],
    }
    return {**_ports(rule), **{kind: values for kind, values in sources.items() if values}}


def _create_rule(aws: Aws, inputs: Inputs) -> str:
    authorize = getattr(aws.client("ec2"), f"authorize_security_group_{inputs['type']}")
    permission = _permission(inputs)
    authorize(GroupId=inputs["securityGroupId"], IpPermissions=[permission])
    text = json.dumps([inputs["securityGroupId"], inputs["type"], permission], sort_keys=True)
    return f"sgrule-{int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)}"


def _read_rule(aws: Aws, _: str, state: State) -> State | None:
    ec2, id_ = aws.client("ec2"), state["securityGroupId"]
    group = first(found(ec2.describe_security_groups, GroupIds=[id_]), "SecurityGroups")
    if not group:
        return None
    permissions = group["IpPermissionsEgress" if state["type"] == "egress" else "IpPermissions"]
    ports, wanted = _ports(state), _sources(_permission(state))
    live: dict[str, Any] = {}
    for permission in permissions:
        if ports == {key: permission.get(key) for key in ports}:
            live.update(_sources(permission))
    if not wanted.keys() <= live.keys():
        return None
    ids = [rule["SecurityGroupRuleId"] for rule in _own_rules(aws, state)]
    return {
        # Several rules of EC2 have no one ID.
        "securityGroupRuleId": ids[0] if len(ids) == 1 else None,
        "description": live[min(wanted)].get("Description") or None,
    }


def _sources(permission: dict[str, Any]) -> dict[str, Any]:
    """What a permission is about: CIDR blocks, prefix lists and groups, with what is said of each."""
    keys = ("CidrIp", "CidrIpv6", "PrefixListId", "GroupId")
    lists = [value for value in permission.values() if isinstance(value, list)]
    return {source[key]: source for sources in lists for source in sources for key in keys if key in source}


def _own_rules(aws: Aws, state: State) -> list[dict[str, Any]]:
    """The rules of EC2 that one entry here stands for."""
    ports, egress, wanted = _ports(state), state["type"] == "egress", _sources(_permission(state))
    return [
        rule
        for rule in _rules(aws, state["securityGroupId"])
        if rule["IsEgress"] == egress
        and ports == {key: rule.get(key) for key in ports}
        and _source(rule) in wanted
    ]


def _source(rule: dict[str, Any]) -> str | None:
    peer: str | None = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or peer


def _update_rule(aws: Aws, _: str, __: State, new: Inputs) -> None:
    describe = getattr(aws.client("ec2"), f"update_security_group_rule_descriptions_{new['type']}")
    describe(GroupId=new["securityGroupId"], IpPermissions=[_permission(new)])


def _delete_rule(aws: Aws, _: str, state: State) -> None:
    _revoke(aws, state["securityGroupId"], _own_rules(aws, state))


def _check_rule(inputs: Inputs) -> dict[str, str]:
    if inputs.get("type") not in ("ingress", "egress", None):
        return {"type": f"{inputs['type']!r} is neither ingress nor egress"}
    return {}


SECURITY_GROUP_RULE = resource(
    "ec2/securityGroupRule:SecurityGroupRule",
    inputs="cidrBlocks description fromPort ipv6CidrBlocks prefixListIds protocol region securityGroupId"
    " self sourceSecurityGroupId toPort type",
    required="fromPort protocol securityGroupId toPort type",
    defaults={"self": False},
    replace_on="cidrBlocks fromPort ipv6CidrBlocks prefixListIds protocol securityGroupId self"
    " sourceSecurityGroupId toPort type",
    validate=_check_rule,
    create=_create_rule,
    read=_read_rule,
    update=_update_rule,
    delete=_delete_rule,
)

# Launch templates: the inputs are EC2's own words, in another case, but for a few.

_TEMPLATE_DATA = (
    "blockDeviceMappings disableApiTermination ebsOptimized iamInstanceProfile imageId instanceMarketOptions"
    " instanceType keyName metadataOptions monitoring networkInterfaces placement tagSpecifications userData"
    " vpcSecurityGroupIds"
)
_EC2_WORDS = {"securityGroups": "Groups", "vpcSecurityGroupIds": "SecurityGroupIds"}
_TRUTH = {"associatePublicIpAddress", "deleteOnTermination", "ebsOptimized", "encrypted"}


def _template_data(inputs: Inputs) -> dict[str, Any]:
    words = _TEMPLATE_DATA.split()
    return {key: value for key, value in _ec2(inputs).items() if key in {_ec2_word(word) for word in words}}


def _ec2_word(word: str) -> str:
    return _EC2_WORDS.get(word, word[0].upper() + word[1:])


def _ec2(value: Any, key: str = "") -> Any:
    """The value in EC2's form."""
    if key == "tags":
        return pairs(value)
    if key in _TRUTH and isinstance(value, str):  # the SDK has text here, to tell "unset" from false
        return value == "true"
    if isinstance(value, dict):
        return {_ec2_word(name): _ec2(inner, name) for name, inner in value.items()}
    return [_ec2(item) for item in value] if isinstance(value, list) else value


def _create_template(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("ec2").create_launch_template(
        LaunchTemplateName=inputs["name"],
        LaunchTemplateData=_template_data(inputs),
        **rename(inputs, {"description": "VersionDescription"}),
        **specification("launch-template", aws.tags(inputs)),
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def _read_template(aws: Aws, id_: str, state: State) -> State | None:
    ec2 = aws.client("ec2")
    live = first(found(ec2.describe_launch_templates, LaunchTemplateIds=[id_]), "LaunchTemplates")
    if not live:
        return None
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=id_, Versions=["$Latest"])
    latest = first(versions, "LaunchTemplateVersions")
    data = latest["LaunchTemplateData"]
    # What differs from what was declared is told in EC2's words; what does not is left as declared.
    drifted = {
        name: data.get(_ec2_word(name))
        for name in _TEMPLATE_DATA.split()
        if name in state and _ec2(state[name], name) != data.get(_ec2_word(name))
    }
    return {
        **drifted,
        "arn": aws.arn("ec2", f"launch-template/{id_}"),
        "name": live["LaunchTemplateName"],
        "description": latest.get("VersionDescription") or None,
        "latestVersion": live["LatestVersionNumber"],
        "defaultVersion": live["DefaultVersionNumber"],
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_template(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    ec2 = aws.client("ec2")
    latest = old["latestVersion"]
    if changed(old, new, "description", *_TEMPLATE_DATA.split()):
        version = ec2.create_launch_template_version(
            LaunchTemplateId=id_,
            LaunchTemplateData=_template_data(new),
            **rename(new, {"description": "VersionDescription"}),
        )
        latest = version["LaunchTemplateVersion"]["VersionNumber"]
    default = latest if new.get("updateDefaultVersion") else new.get("defaultVersion")
    if default not in (None, old["defaultVersion"]):
        ec2.modify_launch_template(LaunchTemplateId=id_, DefaultVersion=str(default))
    _retag(aws, id_, old, new)


LAUNCH_TEMPLATE = resource(
    "ec2/launchTemplate:LaunchTemplate",
    inputs=f"{_TEMPLATE_DATA} defaultVersion description name region tags updateDefaultVersion",
    unsupported="capacityReservationSpecification cpuOptions creditSpecification disableApiStop"
    " enclaveOptions hibernationOptions instanceInitiatedShutdownBehavior instanceRequirements kernelId"
    " licenseSpecifications maintenanceOptions namePrefix networkPerformanceOptions privateDnsNameOptions"
    " ramDiskId secondaryInterfaces securityGroupNames",
    autoname="name",
    replace_on="name",
    volatile=frozenset({"defaultVersion", "latestVersion"}),
    create=_create_template,
    read=_read_template,
    update=_update_template,
    delete=lambda aws, id_, _: aws.client("ec2").delete_launch_template(LaunchTemplateId=id_),
)

RESOURCES = table(VPC, SUBNET, SECURITY_GROUP, SECURITY_GROUP_RULE, LAUNCH_TEMPLATE)
