"""Managed node groups."""

import uuid

from sandbox.aws.eks import nodes
from sandbox.aws.eks.access import access_entry
from sandbox.aws.eks.base import Answer, Base, Scope, check_trusts, find, invalid
from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster, NodeGroup


class NodeGroups(Base):
    """Create, describe, scale, delete."""

    def create_nodegroup(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        cluster_name, name = cluster.description["name"], scope.required("nodegroupName")
        if name in cluster.node_groups:
            raise AwsError(
                "ResourceInUseException",
                f"NodeGroup already exists with name {name} and cluster name {cluster_name}",
                409,
                clusterName=cluster_name,
                nodegroupName=name,
            )
        role = scope.required("nodeRole")
        check_trusts(scope, role, "ec2.amazonaws.com")
        scaling = {
            "minSize": 1,
            "maxSize": 2,
            "desiredSize": 2,
            **(scope.call.params.get("scalingConfig") or {}),
        }
        _check_scaling(scaling)
        template = _launch_template(scope)
        group_id = str(uuid.uuid4())
        version = scope.call.text("version", cluster.description["version"])
        description = {
            "nodegroupName": name,
            "nodegroupArn": scope.arn(f"nodegroup/{cluster_name}/{name}/{group_id}"),
            "clusterName": cluster_name,
            "version": version,
            "releaseVersion": f"{version}.0-20260101",
            "createdAt": scope.now,
            "modifiedAt": scope.now,
            "status": "ACTIVE",
            "capacityType": "ON_DEMAND",
            "scalingConfig": scaling,
            "instanceTypes": ["t3.medium"],
            "subnets": scope.required("subnets"),
            "amiType": "AL2023_x86_64_STANDARD",
            "nodeRole": role,
            "labels": {},
            "taints": [],
            "diskSize": 20,
            "updateConfig": {"maxUnavailable": 1},
            "health": {"issues": []},
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{group_id}"}]},
            "tags": {},
            **scope.optional(
                "capacityType", "instanceTypes", "amiType", "labels", "taints", "diskSize", "tags"
            ),
            **scope.optional("updateConfig", "remoteAccess", "releaseVersion"),
            **template,
        }
        group = NodeGroup(description, f"eks-{group_id}")
        nodes.create_profile(scope.account, scope.caller.partition, group)
        try:
            nodes.scale(scope.account, scope.region, scope.caller.partition, cluster, group)
        except AwsError:
            nodes.terminate(scope.account, scope.region, group, keep=0)
            nodes.delete_profile(scope.account, scope.caller.partition, group)
            raise
        cluster.node_groups[name] = group
        if cluster.authentication_mode != "CONFIG_MAP" and role not in cluster.access_entries:
            cluster.access_entries[role] = access_entry(scope, cluster_name, role, "EC2_LINUX", {})
        return {"nodegroup": description}

    def list_nodegroups(self, scope: Scope) -> Answer:
        return {"nodegroups": sorted(self._cluster(scope).node_groups)}

    def describe_nodegroup(self, scope: Scope) -> Answer:
        return {"nodegroup": self._node_group(scope)[1].description}

    def delete_nodegroup(self, scope: Scope) -> Answer:
        cluster, group = self._node_group(scope)
        nodes.terminate(scope.account, scope.region, group, keep=0)
        nodes.delete_profile(scope.account, scope.caller.partition, group)
        del cluster.node_groups[group.description["nodegroupName"]]
        return {"nodegroup": {**group.description, "status": "DELETING"}}

    def update_nodegroup_config(self, scope: Scope) -> Answer:
        cluster, group = self._node_group(scope)
        description, params = group.description, scope.call.params
        scaling = {**description["scalingConfig"], **(params.get("scalingConfig") or {})}
        _check_scaling(scaling)
        description["scalingConfig"] = scaling
        labels = params.get("labels") or {}
        kept = {k: v for k, v in description["labels"].items() if k not in labels.get("removeLabels", [])}
        description["labels"] = kept | labels.get("addOrUpdateLabels", {})
        taints = params.get("taints") or {}
        changed = taints.get("addOrUpdateTaints", [])
        gone = {(t["key"], t["effect"]) for t in [*changed, *taints.get("removeTaints", [])]}
        kept_taints = [t for t in description["taints"] if (t["key"], t["effect"]) not in gone]
        description["taints"] = kept_taints + changed
        description |= {**scope.optional("updateConfig", "nodeRepairConfig"), "modifiedAt": scope.now}
        nodes.scale(scope.account, scope.region, scope.caller.partition, cluster, group)
        return self._update(scope, cluster, "ConfigUpdate")

    def update_nodegroup_version(self, scope: Scope) -> Answer:
        cluster, group = self._node_group(scope)
        before, template = group.description, _launch_template(scope)
        if template and template["launchTemplate"]["id"] != before.get("launchTemplate", {}).get("id"):
            raise invalid("A node group keeps the launch template that it was created with, or without")
        group.description = {
            **before,
            **scope.optional("version", "releaseVersion"),
            **template,
            "modifiedAt": scope.now,
        }
        try:
            nodes.recycle(scope.account, scope.region, scope.caller.partition, cluster, group)
        except AwsError:
            group.description = before
            raise
        return self._update(scope, cluster, "VersionUpdate")

    def _node_group(self, scope: Scope) -> tuple[Cluster, NodeGroup]:
        cluster = self._cluster(scope)
        return cluster, find(
            cluster.node_groups, scope.required("nodegroupName"), "No node group found for name: {}."
        )


def _launch_template(scope: Scope) -> Answer:
    wanted = scope.call.params.get("launchTemplate")
    if not wanted:
        return {}
    for setting in ("diskSize", "remoteAccess"):
        if scope.call.params.get(setting):
            raise invalid(f"{setting} must be specified within the launch template")
    return {"launchTemplate": nodes.launch_template(scope.account, scope.region, wanted)}


def _check_scaling(scaling: dict[str, int]) -> None:
    if not scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
        raise invalid(
            f"desired capacity {scaling['desiredSize']} must be between min size {scaling['minSize']} and "
            f"max size {scaling['maxSize']}"
        )
