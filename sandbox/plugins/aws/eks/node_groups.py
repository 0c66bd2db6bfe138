"""Managed node groups."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.eks.common import Kind, tagged
from sandbox.plugins.aws.entry import changed, given, resource
from sandbox.plugins.aws.fields import as_is
from sandbox.plugins.resource import Inputs, State

_KIND = Kind("nodegroup", {"clusterName": "clusterName", "nodeGroupName": "nodegroupName"}, minutes=60)
_NAMES = {
    **as_is("amiType capacityType clusterName diskSize instanceTypes labels launchTemplate"),
    **as_is("releaseVersion remoteAccess scalingConfig taints updateConfig version"),
    "nodeGroupName": "nodegroupName",
    "nodeRoleArn": "nodeRole",
    "subnetIds": "subnets",
}


def _outputs(_: Aws, live: Mapping[str, Any], __: State) -> State:
    made = live.get("resources", {})
    return {
        "labels": live.get("labels") or None,
        "taints": live.get("taints") or None,
        "resources": [
            {
                "autoscalingGroups": [{"name": g["name"]} for g in made.get("autoScalingGroups", [])],
                "remoteAccessSecurityGroupId": made.get("remoteAccessSecurityGroup"),
            }
        ],
    }


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    changes: dict[str, Any] = {key: new[key] for key in given(old, new, "scalingConfig", "updateConfig")}
    if changed(old, new, "labels"):
        before, after = old.get("labels") or {}, new.get("labels") or {}
        changes["labels"] = {
            "addOrUpdateLabels": {k: v for k, v in after.items() if before.get(k) != v},
            "removeLabels": [k for k in before if k not in after],
        }
    if changed(old, new, "taints"):
        before, after = _by_key(old), _by_key(new)
        changes["taints"] = {
            "addOrUpdateTaints": [taint for key, taint in after.items() if before.get(key) != taint],
            "removeTaints": [taint for key, taint in before.items() if key not in after],
        }
    eks, which = aws.client("eks"), _KIND.which(id_)
    if changes:
        eks.update_nodegroup_config(**which, **changes)
        _KIND.settle(aws, id_)
    if versions := given(old, new, "launchTemplate", "releaseVersion", "version"):
        force = {"force": True} if new.get("forceUpdateVersion") else {}
        eks.update_nodegroup_version(**which, **{key: new[key] for key in versions}, **force)


def _by_key(values: State) -> dict[tuple[str, str], Any]:
    return {(taint["key"], taint["effect"]): taint for taint in values.get("taints") or []}


NODE_GROUP = resource(
    "eks/nodeGroup:NodeGroup",
    names=_NAMES,
    outputs={"status": "status", "arn": "nodegroupArn"},
    inputs="forceUpdateVersion",
    unsupported="nodeGroupNamePrefix nodeRepairConfig warmPoolConfig",
    required="clusterName nodeRoleArn scalingConfig subnetIds",
    autoname="nodeGroupName",
    replace_on="amiType capacityType clusterName diskSize instanceTypes launchTemplate.id"
    " launchTemplate.name nodeGroupName nodeRoleArn remoteAccess subnetIds",
    partial=frozenset({"launchTemplate", "updateConfig"}),
    unordered=frozenset({"subnetIds", "taints"}),
    computed=frozenset(
        {"amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion", "updateConfig", "version"}
        | {"launchTemplate.id", "launchTemplate.name"}
    ),
    volatile=frozenset({"resources", "status"}),
    create=_KIND.creator(_NAMES),
    live=_KIND.live,
    also=_outputs,
    change=_change,
    settle=_KIND.settle,
    tags=tagged(),
    delete=_KIND.delete,
)
