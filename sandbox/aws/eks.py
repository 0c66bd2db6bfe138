"""EKS: clusters, node groups, addons, access entries and Pod Identity associations.

The primary account's first cluster is backed by a real Kubernetes API server, which `cluster.json` describes;
the addresses of any other cluster lead nowhere. Everything is ready at once.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends

from sandbox.aws import nodes, policy
from sandbox.aws.calls import Call, json_body
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.sigv4 import HttpRequest
from sandbox.aws.state import Cluster, NodeGroup, State

Answer = dict[str, Any]

KUBERNETES_VERSIONS = ("1.36", "1.35", "1.34", "1.33", "1.32", "1.31")
DEFAULT_VERSION = "1.33"
CLUSTER_ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"
_ACCESS_POLICIES = (
    CLUSTER_ADMIN_POLICY,
    "AmazonEKSAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEKSAdminViewPolicy",
)
# Newest version first; it is also the default one.
_ADDONS = {
    "vpc-cni": ("v1.20.4-eksbuild.2", "v1.19.6-eksbuild.7"),
    "coredns": ("v1.12.4-eksbuild.1", "v1.12.3-eksbuild.1"),
    "kube-proxy": ("v1.33.3-eksbuild.10", "v1.33.3-eksbuild.6"),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.1", "v1.3.8-eksbuild.2"),
    "aws-ebs-csi-driver": ("v1.51.1-eksbuild.1", "v1.50.1-eksbuild.1"),
    "aws-efs-csi-driver": ("v2.1.13-eksbuild.1", "v2.1.12-eksbuild.1"),
    "metrics-server": ("v0.8.0-eksbuild.2", "v0.7.2-eksbuild.4"),
}
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

_ROUTES = {
    "POST /clusters": "CreateCluster",
    "GET /clusters": "ListClusters",
    "GET /clusters/{clusterName}": "DescribeCluster",
    "DELETE /clusters/{clusterName}": "DeleteCluster",
    "POST /clusters/{clusterName}/update-config": "UpdateClusterConfig",
    "POST /clusters/{clusterName}/updates": "UpdateClusterVersion",
    "GET /clusters/{clusterName}/updates": "ListUpdates",
    "GET /clusters/{clusterName}/updates/{updateId}": "DescribeUpdate",
    "POST /clusters/{clusterName}/node-groups": "CreateNodegroup",
    "GET /clusters/{clusterName}/node-groups": "ListNodegroups",
    "GET /clusters/{clusterName}/node-groups/{nodegroupName}": "DescribeNodegroup",
    "DELETE /clusters/{clusterName}/node-groups/{nodegroupName}": "DeleteNodegroup",
    "POST /clusters/{clusterName}/node-groups/{nodegroupName}/update-config": "UpdateNodegroupConfig",
    "POST /clusters/{clusterName}/node-groups/{nodegroupName}/update-version": "UpdateNodegroupVersion",
    "POST /clusters/{clusterName}/addons": "CreateAddon",
    "GET /clusters/{clusterName}/addons": "ListAddons",
    "GET /clusters/{clusterName}/addons/{addonName}": "DescribeAddon",
    "DELETE /clusters/{clusterName}/addons/{addonName}": "DeleteAddon",
    "POST /clusters/{clusterName}/addons/{addonName}/update": "UpdateAddon",
    "GET /addons/supported-versions": "DescribeAddonVersions",
    "GET /access-policies": "ListAccessPolicies",
    "POST /clusters/{clusterName}/access-entries": "CreateAccessEntry",
    "GET /clusters/{clusterName}/access-entries": "ListAccessEntries",
    "GET /clusters/{clusterName}/access-entries/{principalArn}": "DescribeAccessEntry",
    "POST /clusters/{clusterName}/access-entries/{principalArn}": "UpdateAccessEntry",
    "DELETE /clusters/{clusterName}/access-entries/{principalArn}": "DeleteAccessEntry",
    "POST /clusters/{clusterName}/access-entries/{principalArn}/access-policies": "AssociateAccessPolicy",
    "GET /clusters/{clusterName}/access-entries/{principalArn}/access-policies": (
        "ListAssociatedAccessPolicies"
    ),
    "DELETE /clusters/{clusterName}/access-entries/{principalArn}/access-policies/{policyArn}": (
        "DisassociateAccessPolicy"
    ),
    "POST /clusters/{clusterName}/pod-identity-associations": "CreatePodIdentityAssociation",
    "GET /clusters/{clusterName}/pod-identity-associations": "ListPodIdentityAssociations",
    "GET /clusters/{clusterName}/pod-identity-associations/{associationId}": "DescribePodIdentityAssociation",
    "POST /clusters/{clusterName}/pod-identity-associations/{associationId}": "UpdatePodIdentityAssociation",
    "DELETE /clusters/{clusterName}/pod-identity-associations/{associationId}": (
        "DeletePodIdentityAssociation"
    ),
    "POST /tags/{resourceArn}": "TagResource",
    "DELETE /tags/{resourceArn}": "UntagResource",
    "GET /tags/{resourceArn}": "ListTagsForResource",
}


def read_call(region: str, request: HttpRequest) -> Call:
    """The EKS call of a request: its action and parameters are in the method, the path, query and body."""
    segments = request.path.strip("/").split("/")
    for route, action in _ROUTES.items():
        method, _, template = route.partition(" /")
        names = template.split("/")
        if method != request.method or len(names) != len(segments):
            continue
        pairs = list(zip(names, segments, strict=True))
        if all(name == segment or name.startswith("{") for name, segment in pairs):
            params = json_body(request)
            for key, value in request.query_pairs:
                params.setdefault(key, []).append(value)
            params |= {name[1:-1]: unquote(segment) for name, segment in pairs if name.startswith("{")}
            return Call("eks", action, params, region)
    raise AwsError("UnknownOperationException", "The sandbox's EKS has no such operation.", 404)


@dataclass(frozen=True)
class _Scope:
    """Where and for whom a call is made."""

    call: Call
    caller: Caller
    now: float

    @property
    def account(self) -> str:
        return self.caller.account

    @property
    def region(self) -> str:
        return self.call.region

    def arn(self, resource: str) -> str:
        return f"arn:{self.caller.partition}:eks:{self.region}:{self.account}:{resource}"

    def required(self, name: str) -> Any:
        value = self.call.params.get(name)
        if value in (None, "", []):
            raise _invalid(f"{name} is required")
        return value

    def optional(self, *names: str) -> Answer:
        """The parameters among `names` that were given."""
        return {n: self.call.params[n] for n in names if self.call.params.get(n) is not None}

    def query(self, name: str) -> str | None:
        """A parameter of the query string."""
        values: list[str] = self.call.params.get(name) or []
        return values[0] if values else None


class Eks:
    """The actions of EKS; the name of a method is that of its action in Python's spelling."""

    def __init__(self, state: State, home: Path, primary_account: str) -> None:
        self._state = state
        self._described = home / "cluster.json"
        self._primary = primary_account

    def answer(self, call: Call, caller: Caller, now: datetime) -> Answer:
        """The JSON answer to a call."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", call.action).lower()
        handler: Callable[[_Scope], Answer] = getattr(self, method)
        return handler(_Scope(call, caller, now.timestamp()))

    # Clusters

    def create_cluster(self, scope: _Scope) -> Answer:
        name = scope.required("name")
        if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", name):
            raise _invalid(f"Cluster name {name!r} is not valid")
        if (scope.account, scope.region, name) in self._state.clusters:
            raise AwsError(
                "ResourceInUseException", f"Cluster already exists with name: {name}", 409, clusterName=name
            )
        role = scope.required("roleArn")
        _check_trusts(scope, role, "eks.amazonaws.com")
        version = scope.call.text("version", DEFAULT_VERSION)
        if version not in KUBERNETES_VERSIONS:
            raise _invalid(f"unsupported Kubernetes version {version}")
        network = nodes.cluster_network(
            scope.account, scope.region, name, scope.required("resourcesVpcConfig")
        )
        backing = self._backing(scope)
        access = scope.call.params.get("accessConfig") or {}
        description = {
            "name": name,
            "arn": scope.arn(f"cluster/{name}"),
            "createdAt": scope.now,
            "version": version,
            "platformVersion": "eks.1",
            "status": "ACTIVE",
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
            **(backing or _fictitious(scope.region)),
        }
        cluster = Cluster(description, backing is not None, scope.caller.owner_arn)
        self._state.clusters[scope.account, scope.region, name] = cluster
        bootstrap = description["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]
        if bootstrap and cluster.authentication_mode != "CONFIG_MAP":
            arn = scope.caller.owner_arn
            cluster.access_entries[arn] = _access_entry(scope, name, arn, "STANDARD", {})
            self._associate(
                scope, cluster, arn, _policy_arn(scope, CLUSTER_ADMIN_POLICY), {"type": "cluster"}
            )
        return {"cluster": description}

    def _backing(self, scope: _Scope) -> Answer | None:
        """What `cluster.json` says about the real API server, when it is still to be given to a cluster."""
        taken = any(cluster.backed for cluster in self._state.clusters.values())
        if taken or scope.account != self._primary or not self._described.exists():
            return None
        described = json.loads(self._described.read_text())
        return {
            "endpoint": described["endpoint"],
            "certificateAuthority": {"data": described["certificate_authority"]},
            "identity": {"oidc": {"issuer": described["issuer"]}},
        }

    def list_clusters(self, scope: _Scope) -> Answer:
        return {
            "clusters": sorted(
                n for a, r, n in self._state.clusters if (a, r) == (scope.account, scope.region)
            )
        }

    def describe_cluster(self, scope: _Scope) -> Answer:
        return {"cluster": self._cluster(scope).description}

    def delete_cluster(self, scope: _Scope) -> Answer:
        cluster = self._cluster(scope)
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
        return {"cluster": {**cluster.description, "status": "DELETING"}}

    def update_cluster_config(self, scope: _Scope) -> Answer:
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

    def update_cluster_version(self, scope: _Scope) -> Answer:
        cluster = self._cluster(scope)
        version = scope.required("version")
        if version not in KUBERNETES_VERSIONS:
            raise _invalid(f"unsupported Kubernetes version {version}")
        cluster.description["version"] = version
        return self._update(scope, cluster, "VersionUpdate")

    def list_updates(self, scope: _Scope) -> Answer:
        return {"updateIds": list(self._cluster(scope).updates)}

    def describe_update(self, scope: _Scope) -> Answer:
        cluster = self._cluster(scope)
        return {"update": _find(cluster.updates, scope.required("updateId"), "No update found for id: {}")}

    # Node groups

    def create_nodegroup(self, scope: _Scope) -> Answer:
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
        _check_trusts(scope, role, "ec2.amazonaws.com")
        scaling = {
            "minSize": 1,
            "maxSize": 2,
            "desiredSize": 2,
            **(scope.call.params.get("scalingConfig") or {}),
        }
        _check_scaling(scaling)
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
            **scope.optional("updateConfig", "remoteAccess", "launchTemplate", "releaseVersion"),
        }
        group = NodeGroup(description, f"eks-{group_id}")
        nodes.create_profile(scope.account, scope.caller.partition, group)
        nodes.scale(scope.account, scope.region, scope.caller.partition, cluster, group)
        cluster.node_groups[name] = group
        if cluster.authentication_mode != "CONFIG_MAP" and role not in cluster.access_entries:
            cluster.access_entries[role] = _access_entry(scope, cluster_name, role, "EC2_LINUX", {})
        return {"nodegroup": description}

    def list_nodegroups(self, scope: _Scope) -> Answer:
        return {"nodegroups": sorted(self._cluster(scope).node_groups)}

    def describe_nodegroup(self, scope: _Scope) -> Answer:
        return {"nodegroup": self._node_group(scope)[1].description}

    def delete_nodegroup(self, scope: _Scope) -> Answer:
        cluster, group = self._node_group(scope)
        nodes.terminate(scope.account, scope.region, group, keep=0)
        nodes.delete_profile(scope.account, scope.caller.partition, group)
        del cluster.node_groups[group.description["nodegroupName"]]
        return {"nodegroup": {**group.description, "status": "DELETING"}}

    def update_nodegroup_config(self, scope: _Scope) -> Answer:
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

    def update_nodegroup_version(self, scope: _Scope) -> Answer:
        cluster, group = self._node_group(scope)
        group.description |= {
            "version": cluster.description["version"],
            **scope.optional("version", "releaseVersion", "launchTemplate"),
            "modifiedAt": scope.now,
        }
        return self._update(scope, cluster, "VersionUpdate")

    # Addons

    def describe_addon_versions(self, scope: _Scope) -> Answer:
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

    def create_addon(self, scope: _Scope) -> Answer:
        cluster = self._cluster(scope)
        name = scope.required("addonName")
        if name not in _ADDONS:
            raise _invalid(f"Addon {name} specified is not supported")
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

    def list_addons(self, scope: _Scope) -> Answer:
        return {"addons": sorted(self._cluster(scope).addons)}

    def describe_addon(self, scope: _Scope) -> Answer:
        return {"addon": self._addon(scope)[1]}

    def update_addon(self, scope: _Scope) -> Answer:
        cluster, addon = self._addon(scope)
        if "addonVersion" in scope.call.params:
            _check_addon_version(addon["addonName"], scope.call.params["addonVersion"])
        addon |= scope.optional("addonVersion", "serviceAccountRoleArn", "configurationValues")
        addon["modifiedAt"] = scope.now
        if "podIdentityAssociations" in scope.call.params:
            self._addon_associations(scope, cluster, addon)
        return self._update(scope, cluster, "AddonUpdate")

    def delete_addon(self, scope: _Scope) -> Answer:
        cluster, addon = self._addon(scope)
        self._drop_addon_associations(cluster, addon)
        del cluster.addons[addon["addonName"]]
        return {"addon": {**addon, "status": "DELETING"}}

    def _addon_associations(self, scope: _Scope, cluster: Cluster, addon: Answer) -> None:
        self._drop_addon_associations(cluster, addon)
        made = []
        for wanted in scope.call.params.get("podIdentityAssociations") or []:
            owner = {"ownerArn": addon["addonArn"]}
            made.append(self._associate_pods(scope, cluster, {"namespace": "kube-system", **wanted, **owner}))
        addon["podIdentityAssociations"] = [a["associationArn"] for a in made]

    def _drop_addon_associations(self, cluster: Cluster, addon: Answer) -> None:
        owner = addon["addonArn"]
        cluster.associations = {k: a for k, a in cluster.associations.items() if a.get("ownerArn") != owner}

    # Access entries

    def create_access_entry(self, scope: _Scope) -> Answer:
        cluster = self._access_cluster(scope)
        arn = scope.required("principalArn")
        if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:(user|role)/.+", arn):
            raise _invalid("The principalArn parameter format is not valid")
        if arn in cluster.access_entries:
            message = "The specified access entry resource is already in use on this cluster."
            raise AwsError("ResourceInUseException", message, 409)
        kind = scope.call.text("type", "STANDARD")
        given = scope.optional("kubernetesGroups", "username", "tags")
        if any(g.startswith("system:") for g in given.get("kubernetesGroups", [])):
            raise _invalid("The kubernetes group name must not start with system:")
        entry = _access_entry(scope, cluster.description["name"], arn, kind, given)
        cluster.access_entries[arn] = entry
        return {"accessEntry": entry}

    def list_access_entries(self, scope: _Scope) -> Answer:
        cluster, wanted = self._access_cluster(scope), scope.query("associatedPolicyArn")
        arns = [
            a for a in cluster.access_entries if not wanted or wanted in cluster.access_policies.get(a, {})
        ]
        return {"accessEntries": sorted(arns)}

    def describe_access_entry(self, scope: _Scope) -> Answer:
        return {"accessEntry": self._entry(scope)[1]}

    def update_access_entry(self, scope: _Scope) -> Answer:
        entry = self._entry(scope)[1]
        entry |= {**scope.optional("kubernetesGroups", "username"), "modifiedAt": scope.now}
        return {"accessEntry": entry}

    def delete_access_entry(self, scope: _Scope) -> Answer:
        cluster, entry = self._entry(scope)
        del cluster.access_entries[entry["principalArn"]]
        cluster.access_policies.pop(entry["principalArn"], None)
        return {}

    def list_access_policies(self, scope: _Scope) -> Answer:
        return {"accessPolicies": [{"name": n, "arn": _policy_arn(scope, n)} for n in _ACCESS_POLICIES]}

    def associate_access_policy(self, scope: _Scope) -> Answer:
        cluster, entry = self._entry(scope)
        arn = scope.required("policyArn")
        if arn not in [_policy_arn(scope, name) for name in _ACCESS_POLICIES]:
            raise _invalid("The policyArn parameter format is not valid")
        if entry["type"] != "STANDARD":
            raise _invalid(f"Access policies cannot be associated with an entry of type {entry['type']}")
        principal = entry["principalArn"]
        associated = self._associate(scope, cluster, principal, arn, scope.required("accessScope"))
        name = cluster.description["name"]
        return {"clusterName": name, "principalArn": principal, "associatedAccessPolicy": associated}

    def _associate(
        self, scope: _Scope, cluster: Cluster, principal: str, arn: str, access_scope: Answer
    ) -> Answer:
        associated = {
            "policyArn": arn,
            "accessScope": {"namespaces": [], **access_scope},
            "associatedAt": scope.now,
            "modifiedAt": scope.now,
        }
        cluster.access_policies.setdefault(principal, {})[arn] = associated
        return associated

    def list_associated_access_policies(self, scope: _Scope) -> Answer:
        cluster, entry = self._entry(scope)
        return {
            "clusterName": cluster.description["name"],
            "principalArn": entry["principalArn"],
            "associatedAccessPolicies": [*cluster.access_policies.get(entry["principalArn"], {}).values()],
        }

    def disassociate_access_policy(self, scope: _Scope) -> Answer:
        cluster, entry = self._entry(scope)
        policies = cluster.access_policies.get(entry["principalArn"], {})
        _find(policies, scope.required("policyArn"), "The policy {} is not associated with the principal")
        del policies[scope.required("policyArn")]
        return {}

    # Pod Identity

    def create_pod_identity_association(self, scope: _Scope) -> Answer:
        cluster = self._cluster(scope)
        wanted = {name: scope.required(name) for name in ("namespace", "serviceAccount", "roleArn")}
        wanted |= scope.optional("disableSessionTags", "targetRoleArn", "policy", "tags")
        return {"association": self._associate_pods(scope, cluster, wanted)}

    def _associate_pods(self, scope: _Scope, cluster: Cluster, wanted: Answer) -> Answer:
        name, namespace, account = cluster.description["name"], wanted["namespace"], wanted["serviceAccount"]
        for other in cluster.associations.values():
            if (other["namespace"], other["serviceAccount"]) == (namespace, account):
                message = f"Association already exists: {other['associationId']}"
                raise AwsError("ResourceInUseException", message, 409)
        _check_trusts(scope, wanted["roleArn"], "pods.eks.amazonaws.com")
        association_id = f"a-{secrets.token_hex(9)[:17]}"
        association = {
            "clusterName": name,
            "associationId": association_id,
            "associationArn": scope.arn(f"podidentityassociation/{name}/{association_id}"),
            "createdAt": scope.now,
            "modifiedAt": scope.now,
            "tags": {},
            "disableSessionTags": False,
            **wanted,
        }
        if "targetRoleArn" in wanted:
            place = f"{scope.region}/{scope.account}/{name}/{namespace}/{account}"
            association["externalId"] = place
        cluster.associations[association_id] = association
        return association

    def list_pod_identity_associations(self, scope: _Scope) -> Answer:
        shown = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
        namespace, account = scope.query("namespace"), scope.query("serviceAccount")
        return {
            "associations": [
                {key: a[key] for key in shown if key in a}
                for a in self._cluster(scope).associations.values()
                if namespace in (None, a["namespace"]) and account in (None, a["serviceAccount"])
            ]
        }

    def describe_pod_identity_association(self, scope: _Scope) -> Answer:
        return {"association": self._association(scope)[1]}

    def update_pod_identity_association(self, scope: _Scope) -> Answer:
        association = self._association(scope)[1]
        association |= scope.optional("roleArn", "disableSessionTags", "targetRoleArn", "policy")
        association["modifiedAt"] = scope.now
        return {"association": association}

    def delete_pod_identity_association(self, scope: _Scope) -> Answer:
        cluster, association = self._association(scope)
        return {"association": cluster.associations.pop(association["associationId"])}

    # Tags

    def tag_resource(self, scope: _Scope) -> Answer:
        self._tags(scope).update(scope.required("tags"))
        return {}

    def untag_resource(self, scope: _Scope) -> Answer:
        tags = self._tags(scope)
        for key in scope.required("tagKeys"):
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, scope: _Scope) -> Answer:
        return {"tags": self._tags(scope)}

    def _tags(self, scope: _Scope) -> dict[str, str]:
        wanted = scope.required("resourceArn")
        for (account, region, _), cluster in self._state.clusters.items():
            if (account, region) == (scope.account, scope.region):
                for arn, description in _taggable(cluster):
                    if arn == wanted:
                        tags: dict[str, str] = description["tags"]
                        return tags
        raise AwsError("NotFoundException", f"Resource was not found: {wanted}", 404)

    # What calls refer to

    def _cluster(self, scope: _Scope) -> Cluster:
        name = scope.required("clusterName")
        cluster = self._state.clusters.get((scope.account, scope.region, name))
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return cluster

    def _access_cluster(self, scope: _Scope) -> Cluster:
        cluster = self._cluster(scope)
        if cluster.authentication_mode == "CONFIG_MAP":
            raise AwsError(
                "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to "
                "perform this operation.",
                400,
            )
        return cluster

    def _node_group(self, scope: _Scope) -> tuple[Cluster, NodeGroup]:
        cluster = self._cluster(scope)
        return cluster, _find(
            cluster.node_groups, scope.required("nodegroupName"), "No node group found for name: {}."
        )

    def _addon(self, scope: _Scope) -> tuple[Cluster, Answer]:
        cluster = self._cluster(scope)
        return cluster, _find(cluster.addons, scope.required("addonName"), "No addon: {} found in cluster")

    def _entry(self, scope: _Scope) -> tuple[Cluster, Answer]:
        cluster = self._access_cluster(scope)
        missing = "The specified principalArn could not be found: {}"
        return cluster, _find(cluster.access_entries, scope.required("principalArn"), missing)

    def _association(self, scope: _Scope) -> tuple[Cluster, Answer]:
        cluster = self._cluster(scope)
        missing = "No pod identity association found for id: {}"
        return cluster, _find(cluster.associations, scope.required("associationId"), missing)

    def _update(self, scope: _Scope, cluster: Cluster, kind: str) -> Answer:
        update = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": scope.now,
            "errors": [],
        }
        cluster.updates[str(update["id"])] = update
        return {"update": update}


def _taggable(cluster: Cluster) -> Iterator[tuple[str, Answer]]:
    yield cluster.description["arn"], cluster.description
    for group in cluster.node_groups.values():
        yield group.description["nodegroupArn"], group.description
    for addon in cluster.addons.values():
        yield addon["addonArn"], addon
    for entry in cluster.access_entries.values():
        yield entry["accessEntryArn"], entry
    for association in cluster.associations.values():
        yield association["associationArn"], association


def _find(found: dict[str, Any], key: str, missing: str) -> Any:
    if key not in found:
        raise AwsError("ResourceNotFoundException", missing.format(key), 404)
    return found[key]


def _access_entry(scope: _Scope, cluster: str, arn: str, kind: str, given: Answer) -> Answer:
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[1]
    is_role = arn.split(":", 5)[5].startswith("role/")
    username = arn
    groups: list[str] = []
    if kind == "EC2_LINUX":
        username, groups = "system:node:{{EC2PrivateDNSName}}", ["system:nodes"]
    elif is_role:
        username = f"arn:{scope.caller.partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"
    resource = f"{'role' if is_role else 'user'}/{account}/{name}/{uuid.uuid4()}"
    return {
        "clusterName": cluster,
        "principalArn": arn,
        "accessEntryArn": scope.arn(f"access-entry/{cluster}/{resource}"),
        "createdAt": scope.now,
        "modifiedAt": scope.now,
        "type": kind,
        "username": username,
        "kubernetesGroups": groups,
        "tags": {},
        **given,
    }


def _policy_arn(scope: _Scope, name: str) -> str:
    return f"arn:{scope.caller.partition}:eks::aws:cluster-access-policy/{name}"


def _check_trusts(scope: _Scope, arn: str, service: str) -> None:
    """EKS takes only roles that exist and that its service may assume."""
    backend = iam_backends[scope.account][scope.caller.partition]
    role = next((r for r in backend.roles.values() if r.arn == arn), None)
    if role is not None:
        trust = policy.parse(role.assume_role_policy_document, trust=True)
        request = policy.Request("sts:AssumeRole", principal=policy.Principal(service=service))
        if policy.evaluate([trust], request) is policy.Effect.ALLOW:
            return
    raise _invalid(
        f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not "
        f"correct: it must trust {service}"
    )


def _check_scaling(scaling: dict[str, int]) -> None:
    if not scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
        raise _invalid(
            f"desired capacity {scaling['desiredSize']} must be between min size {scaling['minSize']} and "
            f"max size {scaling['maxSize']}"
        )


def _check_addon_version(name: str, version: str) -> None:
    if version not in _ADDONS[name]:
        raise _invalid(f"Addon version specified is not supported: {name} {version}")


def _logging(given: Answer) -> Answer:
    setups = given.get("clusterLogging", [])
    enabled = [t for t in _LOG_TYPES if any(s.get("enabled") and t in s.get("types", []) for s in setups)]
    disabled = [t for t in _LOG_TYPES if t not in enabled]
    both = [{"types": enabled, "enabled": True}, {"types": disabled, "enabled": False}]
    return {"clusterLogging": [setup for setup in both if setup["types"]]}


def _fictitious(region: str) -> Answer:
    name = secrets.token_hex(16).upper()
    return {
        "endpoint": f"https://{name}.gr7.{region}.eks.amazonaws.com",
        "certificateAuthority": {"data": base64.b64encode(secrets.token_bytes(768)).decode()},
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{name}"}},
    }


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)
