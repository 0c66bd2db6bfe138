"""The resources that a call of EC2 or EKS concerns, as AWS's policies name them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from moto.ec2.models import ec2_backends

from sandbox.aws.calls import Call
from sandbox.aws.identity import Caller
from sandbox.aws.policy import ContextValue
from sandbox.aws.state import Cluster, State
from sandbox.aws.trust import tag_context


class Demand(NamedTuple):
    """An action on a resource, with the condition keys of that resource."""

    action: str
    arn: str
    context: Mapping[str, ContextValue] = {}


_UNKNOWN = "00000000-0000-0000-0000-000000000000"
"""In place of the ID of what is not there."""

# EC2: the kind of an ID by its prefix, and the calls whose parameter has the one that they concern.
_KINDS = {"sg": "security-group", "lt": "launch-template"}
_PARAMETERS = ("GroupId", "LaunchTemplateId")
_CHANGES = ("Authorize", "Create", "Delete", "Modify", "Revoke")
_MADE = {"CreateLaunchTemplate": "launch-template", "CreateSecurityGroup": "security-group"}


def in_ec2(call: Call, caller: Caller) -> list[Demand]:
    """What EC2 asks of the caller's policies. Security groups and launch templates have their resources;
    everything else is asked for as `*`."""
    return list(_ec2(call, caller)) or [Demand(call.name, "*")]


def _ec2(call: Call, caller: Caller) -> Iterator[Demand]:
    def arn(kind: str, own: str) -> str:
        return f"arn:{caller.partition}:ec2:{call.region}:{caller.account}:{kind}/{own}"

    def tagged(own: str) -> dict[str, ContextValue]:
        tags = ec2_backends[caller.account][call.region].tags.get(own) or {}
        return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}

    if not call.action.startswith(_CHANGES):
        return
    if call.action in ("CreateTags", "DeleteTags"):
        for own in call.members("ResourceId"):
            if kind := _KINDS.get(own.partition("-")[0]):
                yield Demand(call.name, arn(kind, own), {**tag_context(call.tags("Tag")), **tagged(own)})
            else:
                yield Demand(call.name, "*")
    elif kind := _MADE.get(call.action):
        asked = tag_context(call.tags("TagSpecification.1.Tag"))
        yield Demand(call.name, arn(kind, "*"), asked)
        if call.action == "CreateSecurityGroup":
            yield Demand(call.name, arn("vpc", call.text("VpcId", "*")))
        if asked:
            yield Demand("ec2:CreateTags", arn(kind, "*"), {**asked, "ec2:CreateAction": call.action})
    else:
        for own in map(call.text, _PARAMETERS):
            if kind := _KINDS.get(own.partition("-")[0]):
                yield Demand(call.name, arn(kind, own), tagged(own))


# EKS: the parts of a cluster, whose ARNs end in an ID


def in_eks(call: Call, caller: Caller, state: State) -> str:
    """The ARN of the cluster, or of its part, that an EKS call concerns; `*` for what concerns none."""
    name = call.params.get("clusterName") or call.params.get("name")
    if not isinstance(name, str):
        return call.text("resourceArn", "*")
    prefix = f"arn:{caller.partition}:eks:{call.region}:{caller.account}"
    cluster = state.clusters.get((caller.account, call.region, name))
    whole = call.action.startswith(("Create", "List"))
    for parameter, kind, find in _PARTS:
        given = call.params.get(parameter)
        own = str(given[0] if isinstance(given, list) and given else given or "")
        if own and not whole:
            there = find(cluster, own) if cluster else None
            return there or f"{prefix}:{kind}/{name}/{own}/{_UNKNOWN}"
    return f"{prefix}:cluster/{name}"


def _addon(cluster: Cluster, name: str) -> str | None:
    return _arn(cluster.addons.get(name), "addonArn")


def _node_group(cluster: Cluster, name: str) -> str | None:
    group = cluster.node_groups.get(name)
    return _arn(group.description if group else None, "nodegroupArn")


def _association(cluster: Cluster, name: str) -> str | None:
    return _arn(cluster.associations.get(name), "associationArn")


def _entry(cluster: Cluster, principal: str) -> str | None:
    return _arn(cluster.access_entries.get(principal), "accessEntryArn")


def _arn(description: Mapping[str, Any] | None, key: str) -> str | None:
    return str(description[key]) if description else None


_PARTS = (
    ("addonName", "addon", _addon),
    ("nodegroupName", "nodegroup", _node_group),
    ("associationId", "podidentityassociation", _association),
    ("principalArn", "access-entry", _entry),
)
