"""Security groups."""

from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.ec2.common import living, specification, tagged
from sandbox.plugins.aws.entry import resource
from sandbox.plugins.aws.fields import rename
from sandbox.plugins.resource import Inputs, State

_NAMES = {"description": "Description", "name": "GroupName", "vpcId": "VpcId"}

live_group = living("describe_security_groups", "GroupIds", "SecurityGroups", arn="security-group")


def rules(aws: Aws, id_: str) -> list[dict[str, Any]]:
    """A group's EC2 rules, one for each source."""
    pages = aws.client("ec2").get_paginator("describe_security_group_rules")
    here = [{"Name": "group-id", "Values": [id_]}]
    return [rule for page in pages.paginate(Filters=here) for rule in page["SecurityGroupRules"]]


def revoke(aws: Aws, id_: str, some: list[dict[str, Any]]) -> None:
    """Removes rules from a group."""
    ec2 = aws.client("ec2")
    for direction, egress in (("ingress", False), ("egress", True)):
        if ids := [rule["SecurityGroupRuleId"] for rule in some if rule["IsEgress"] == egress]:
            found(getattr(ec2, f"revoke_security_group_{direction}"), GroupId=id_, SecurityGroupRuleIds=ids)


def _create(aws: Aws, inputs: Inputs) -> str:
    tags = specification("security-group", aws.tags(inputs))
    return str(aws.client("ec2").create_security_group(**rename(inputs, _NAMES), **tags)["GroupId"])


def _delete(aws: Aws, id_: str, state: State) -> None:
    if state.get("revokeRulesOnDelete"):
        revoke(aws, id_, rules(aws, id_))
    aws.client("ec2").delete_security_group(GroupId=id_)


SECURITY_GROUP = resource(
    "ec2/securityGroup:SecurityGroup",
    names=_NAMES,
    outputs={"arn": "Arn", "ownerId": "OwnerId"},
    inputs="revokeRulesOnDelete",
    unsupported="egress ingress namePrefix",
    autoname="name",
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    replace_on="description name vpcId",
    create=_create,
    # EC2 allows a new group's members all egress. The provider removes that, so that only the declared rules
    # remain.
    finish=lambda aws, id_, _: revoke(aws, id_, rules(aws, id_)),
    live=live_group,
    tags=tagged,
    delete=_delete,
)
