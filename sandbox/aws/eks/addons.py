"""Addons: names and versions only, nothing is installed."""

import uuid

from sandbox.aws.eks.base import KUBERNETES_VERSIONS, Answer, Scope, find, invalid
from sandbox.aws.eks.pod_identity import PodIdentity
from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster

# The newest version comes first and is the default.
_ADDONS = {
    "vpc-cni": ("v1.20.4-eksbuild.2", "v1.19.6-eksbuild.7"),
    "coredns": ("v1.12.4-eksbuild.1", "v1.12.3-eksbuild.1"),
    "kube-proxy": ("v1.33.3-eksbuild.10", "v1.33.3-eksbuild.6"),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.1", "v1.3.8-eksbuild.2"),
    "aws-ebs-csi-driver": ("v1.51.1-eksbuild.1", "v1.50.1-eksbuild.1"),
    "aws-efs-csi-driver": ("v2.1.13-eksbuild.1", "v2.1.12-eksbuild.1"),
    "metrics-server": ("v0.8.0-eksbuild.2", "v0.7.2-eksbuild.4"),
}


class Addons(PodIdentity):
    """The available addons, and those of clusters."""

    def describe_addon_versions(self, scope: Scope) -> Answer:
        wanted, kubernetes = scope.query("addonName"), scope.query("kubernetesVersion")
        versions = [v for v in KUBERNETES_VERSIONS if kubernetes in (None, v)]
        return {
            "addons": [
                {
                    "addonName": name,
                    "publisher": "eks",
                    "owner": "aws",
                    "addonVersions": [
                        {
                            "addonVersion": version,
                            "architecture": ["amd64", "arm64"],
                            "compatibilities": [
                                {
                                    "clusterVersion": cluster,
                                    "platformVersions": ["*"],
                                    "defaultVersion": version == offered[0],
                                }
                                for cluster in versions
                            ],
                        }
                        for version in offered
                    ],
                }
                for name, offered in _ADDONS.items()
                if wanted in (None, name) and versions
            ]
        }

    def create_addon(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        name = scope.required("addonName")
        if name not in _ADDONS:
            raise invalid(f"Addon {name} specified is not supported")
        if name in cluster.addons:
            raise AwsError("ResourceInUseException", f"Addon already exists: {name}", 409, addonName=name)
        version = scope.call.text("addonVersion", _ADDONS[name][0])
        _check_addon_version(name, version)
        cluster_name = cluster.description["name"]
        addon = {
            "addonName": name,
            "clusterName": cluster_name,
            "addonArn": scope.arn(f"addon/{cluster_name}/{name}/{uuid.uuid4()}"),
            "status": "ACTIVE",
            "health": {"issues": []},
            "createdAt": scope.now,
            "modifiedAt": scope.now,
            "publisher": "eks",
            "owner": "aws",
            "tags": {},
            **scope.optional("serviceAccountRoleArn", "configurationValues", "namespaceConfig", "tags"),
            "addonVersion": version,
        }
        cluster.addons[name] = addon
        self._addon_associations(scope, cluster, addon)
        return {"addon": addon}

    def list_addons(self, scope: Scope) -> Answer:
        return {"addons": sorted(self._cluster(scope).addons)}

    def describe_addon(self, scope: Scope) -> Answer:
        return {"addon": self._addon(scope)[1]}

    def update_addon(self, scope: Scope) -> Answer:
        cluster, addon = self._addon(scope)
        if "addonVersion" in scope.call.params:
            _check_addon_version(addon["addonName"], scope.call.params["addonVersion"])
        addon |= scope.optional("addonVersion", "serviceAccountRoleArn", "configurationValues")
        addon["modifiedAt"] = scope.now
        if "podIdentityAssociations" in scope.call.params:
            self._addon_associations(scope, cluster, addon)
        return self._update(scope, cluster, "AddonUpdate")

    def delete_addon(self, scope: Scope) -> Answer:
        cluster, addon = self._addon(scope)
        self._drop_addon_associations(cluster, addon)
        del cluster.addons[addon["addonName"]]
        return {"addon": {**addon, "status": "DELETING"}}

    def _addon_associations(self, scope: Scope, cluster: Cluster, addon: Answer) -> None:
        self._drop_addon_associations(cluster, addon)
        made = []
        for wanted in scope.call.params.get("podIdentityAssociations") or []:
            owner = {"ownerArn": addon["addonArn"]}
            made.append(self._associate_pods(scope, cluster, {"namespace": "kube-system", **wanted, **owner}))
        addon["podIdentityAssociations"] = [a["associationArn"] for a in made]

    def _drop_addon_associations(self, cluster: Cluster, addon: Answer) -> None:
        owner = addon["addonArn"]
        cluster.associations = {k: a for k, a in cluster.associations.items() if a.get("ownerArn") != owner}

    def _addon(self, scope: Scope) -> tuple[Cluster, Answer]:
        cluster = self._cluster(scope)
        return cluster, find(cluster.addons, scope.required("addonName"), "No addon: {} found in cluster")


def _check_addon_version(name: str, version: str) -> None:
    if version not in _ADDONS[name]:
        raise invalid(f"Addon version specified is not supported: {name} {version}")
