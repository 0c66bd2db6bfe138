"""Clusters, each with a control plane of the sandbox behind it."""

import re

from sandbox.aws.eks import nodes
from sandbox.aws.eks.access import CLUSTER_ADMIN_POLICY, Access, access_entry, policy_arn
from sandbox.aws.eks.base import (
    DEFAULT_VERSION,
    KUBERNETES_VERSIONS,
    Answer,
    Scope,
    check_trusts,
    find,
    invalid,
)
from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class Clusters(Access):
    """Create, describe, update, delete."""

    def create_cluster(self, scope: Scope) -> Answer:
        name = scope.required("name")
        if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", name):
            raise invalid(f"Cluster name {name!r} is not valid")
        if (scope.account, scope.region, name) in self._state.clusters:
            raise AwsError(
                "ResourceInUseException", f"Cluster already exists with name: {name}", 409, clusterName=name
            )
        role = scope.required("roleArn")
        check_trusts(scope, role, "eks.amazonaws.com")
        version = scope.call.text("version", DEFAULT_VERSION)
        if version not in KUBERNETES_VERSIONS:
            raise invalid(f"unsupported Kubernetes version {version}")
        network = nodes.cluster_network(
            scope.account, scope.region, name, scope.required("resourcesVpcConfig")
        )
        key = (scope.account, scope.region, name)
        plane, told = self._planes.back(key)
        access = scope.call.params.get("accessConfig") or {}
        description = {
            "name": name,
            "arn": scope.arn(f"cluster/{name}"),
            "createdAt": scope.now,
            "version": version,
            "platformVersion": "eks.1",
            "health": {"issues": []},
            "roleArn": role,
            "resourcesVpcConfig": network,
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "172.20.0.0/16",
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": False},
                **(scope.call.params.get("kubernetesNetworkConfig") or {}),
            },
            "logging": _logging(scope.call.params.get("logging") or {}),
            "accessConfig": {
                "authenticationMode": access.get("authenticationMode", "CONFIG_MAP"),
                "bootstrapClusterCreatorAdminPermissions": access.get(
                    "bootstrapClusterCreatorAdminPermissions", True
                ),
            },
            "upgradePolicy": scope.call.params.get("upgradePolicy") or {"supportType": "EXTENDED"},
            "deletionProtection": bool(scope.call.params.get("deletionProtection")),
            "tags": scope.call.params.get("tags") or {},
            **scope.optional(
                "encryptionConfig",
                "computeConfig",
                "storageConfig",
                "zonalShiftConfig",
                "remoteNetworkConfig",
            ),
            **told,
        }
        cluster = Cluster(description, plane, scope.caller.owner_arn)
        self._state.clusters[key] = cluster
        bootstrap = description["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]
        if bootstrap and cluster.authentication_mode != "CONFIG_MAP":
            arn = scope.caller.owner_arn
            cluster.access_entries[arn] = access_entry(scope, name, arn, "STANDARD", {})
            self._associate(scope, cluster, arn, policy_arn(scope, CLUSTER_ADMIN_POLICY), {"type": "cluster"})
        self._planes.begin(key)
        return {"cluster": description}

    def list_clusters(self, scope: Scope) -> Answer:
        return {
            "clusters": sorted(
                n for a, r, n in self._state.clusters if (a, r) == (scope.account, scope.region)
            )
        }

    def describe_cluster(self, scope: Scope) -> Answer:
        return {"cluster": self._any_cluster(scope).description}

    def delete_cluster(self, scope: Scope) -> Answer:
        cluster = self._any_cluster(scope)
        name = cluster.description["name"]
        if cluster.node_groups:
            raise AwsError(
                "ResourceInUseException",
                "Cluster has nodegroups attached",
                409,
                clusterName=name,
                nodegroupName=",".join(cluster.node_groups),
            )
        if cluster.description["deletionProtection"]:
            raise AwsError("InvalidRequestException", f"Deletion protection is on for cluster {name}", 400)
        nodes.delete_cluster_network(scope.account, scope.region, cluster.description["resourcesVpcConfig"])
        del self._state.clusters[scope.account, scope.region, name]
        self._planes.end(cluster)
        return {"cluster": {**cluster.description, "status": "DELETING"}}

    def update_cluster_config(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        description = cluster.description
        given = scope.optional("accessConfig", "upgradePolicy", "kubernetesNetworkConfig", "computeConfig")
        given |= scope.optional(
            "storageConfig", "zonalShiftConfig", "remoteNetworkConfig", "resourcesVpcConfig"
        )
        for field, value in given.items():
            description[field] = {**description.get(field, {}), **value}
        if "logging" in scope.call.params:
            description["logging"] = _logging(scope.call.params["logging"])
        description |= scope.optional("deletionProtection")
        return self._update(scope, cluster, "ConfigUpdate")

    def update_cluster_version(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        version = scope.required("version")
        if version not in KUBERNETES_VERSIONS:
            raise invalid(f"unsupported Kubernetes version {version}")
        cluster.description["version"] = version
        return self._update(scope, cluster, "VersionUpdate")

    def associate_encryption_config(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        if cluster.description.get("encryptionConfig"):
            raise AwsError("InvalidRequestException", "Cluster already has encryption enabled", 400)
        cluster.description["encryptionConfig"] = scope.required("encryptionConfig")
        return self._update(scope, cluster, "AssociateEncryptionConfig")

    def list_updates(self, scope: Scope) -> Answer:
        return {"updateIds": list(self._cluster(scope).updates)}

    def describe_update(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        return {"update": find(cluster.updates, scope.required("updateId"), "No update found for id: {}")}


def _logging(given: Answer) -> Answer:
    setups = given.get("clusterLogging", [])
    enabled = [t for t in _LOG_TYPES if any(s.get("enabled") and t in s.get("types", []) for s in setups)]
    disabled = [t for t in _LOG_TYPES if t not in enabled]
    both = [{"types": enabled, "enabled": True}, {"types": disabled, "enabled": False}]
    return {"clusterLogging": [setup for setup in both if setup["types"]]}
