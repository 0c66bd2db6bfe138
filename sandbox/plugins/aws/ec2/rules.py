"""Security group rules: one resource may be several EC2 rules, one for each source."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.ec2.security_groups import live_group, revoke, rules
from sandbox.plugins.aws.entry import resource
from sandbox.plugins.resource import Inputs, State


def _ports(rule: State) -> dict[str, Any]:
    ports = {"IpProtocol": str(rule["protocol"])}
    # "All protocols" has no ports; EC2 shows them as -1.
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


def _sources(permission: dict[str, Any]) -> dict[str, Any]:
    """The sources of a permission: CIDR blocks, prefix lists and groups, with their descriptions."""
    keys = ("CidrIp", "CidrIpv6", "PrefixListId", "GroupId")
    lists = [value for value in permission.values() if isinstance(value, list)]
    return {source[key]: source for sources in lists for source in sources for key in keys if key in source}


def _create(aws: Aws, inputs: Inputs) -> str:
    authorize = getattr(aws.client("ec2"), f"authorize_security_group_{inputs['type']}")
    permission = _permission(inputs)
    authorize(GroupId=inputs["securityGroupId"], IpPermissions=[permission])
    text = json.dumps([inputs["securityGroupId"], inputs["type"], permission], sort_keys=True)
    return f"sgrule-{int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)}"


def _live(aws: Aws, _: str, state: State) -> Any:
    if not (group := live_group(aws, state["securityGroupId"], {})):
        return None
    permissions = group["IpPermissionsEgress" if state["type"] == "egress" else "IpPermissions"]
    ports, wanted = _ports(state), _sources(_permission(state))
    live: dict[str, Any] = {}
    for permission in permissions:
        if ports == {key: permission.get(key) for key in ports}:
            live.update(_sources(permission))
    if not wanted.keys() <= live.keys():
        return None
    return {"Description": live[min(wanted)].get("Description"), "Rules": _own_rules(aws, state)}


def _also(_: Aws, live: Mapping[str, Any], __: State) -> State:
    ids = [rule["SecurityGroupRuleId"] for rule in live["Rules"]]
    return {
        # Several EC2 rules have no single ID.
        "securityGroupRuleId": ids[0] if len(ids) == 1 else None,
        "description": live["Description"] or None,
    }


def _own_rules(aws: Aws, state: State) -> list[dict[str, Any]]:
    """The EC2 rules of one resource."""
    ports, egress, wanted = _ports(state), state["type"] == "egress", _sources(_permission(state))
    return [
        rule
        for rule in rules(aws, state["securityGroupId"])
        if rule["IsEgress"] == egress
        and ports == {key: rule.get(key) for key in ports}
        and _source(rule) in wanted
    ]


def _source(rule: dict[str, Any]) -> str | None:
    peer: str | None = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or peer


def _change(aws: Aws, _: str, __: State, new: Inputs) -> None:
    describe = getattr(aws.client("ec2"), f"update_security_group_rule_descriptions_{new['type']}")
    describe(GroupId=new["securityGroupId"], IpPermissions=[_permission(new)])


def _check(inputs: Inputs) -> dict[str, str]:
    if inputs.get("type") not in ("ingress", "egress", None):
        return {"type": f"{inputs['type']!r} is neither ingress nor egress"}
    return {}


SECURITY_GROUP_RULE = resource(
    "ec2/securityGroupRule:SecurityGroupRule",
    inputs="cidrBlocks description fromPort ipv6CidrBlocks prefixListIds protocol securityGroupId self"
    " sourceSecurityGroupId toPort type",
    required="fromPort protocol securityGroupId toPort type",
    defaults={"self": False},
    replace_on="cidrBlocks fromPort ipv6CidrBlocks prefixListIds protocol securityGroupId self"
    " sourceSecurityGroupId toPort type",
    validate=_check,
    create=_create,
    live=_live,
    also=_also,
    change=_change,
    delete=lambda aws, _, state: revoke(aws, state["securityGroupId"], _own_rules(aws, state)),
)
