"""Access entries: the Kubernetes users of AWS principals."""

import re
import uuid

from sandbox.aws.eks.base import Answer, Base, Scope, find, invalid
from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster

CLUSTER_ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"
_ACCESS_POLICIES = (
    CLUSTER_ADMIN_POLICY,
    "AmazonEKSAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEKSAdminViewPolicy",
)


class Access(Base):
    """Access entries and the access policies associated with them."""

    def create_access_entry(self, scope: Scope) -> Answer:
        cluster = self._access_cluster(scope)
        arn = scope.required("principalArn")
        if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:(user|role)/.+", arn):
            raise invalid("The principalArn parameter format is not valid")
        if arn in cluster.access_entries:
            message = "The specified access entry resource is already in use on this cluster."
            raise AwsError("ResourceInUseException", message, 409)
        kind = scope.call.text("type", "STANDARD")
        given = scope.optional("kubernetesGroups", "username", "tags")
        if any(g.startswith("system:") for g in given.get("kubernetesGroups", [])):
            raise invalid("The kubernetes group name must not start with system:")
        entry = access_entry(scope, cluster.description["name"], arn, kind, given)
        cluster.access_entries[arn] = entry
        return {"accessEntry": entry}

    def list_access_entries(self, scope: Scope) -> Answer:
        cluster, wanted = self._access_cluster(scope), scope.query("associatedPolicyArn")
        arns = [
            a for a in cluster.access_entries if not wanted or wanted in cluster.access_policies.get(a, {})
        ]
        return {"accessEntries": sorted(arns)}

    def describe_access_entry(self, scope: Scope) -> Answer:
        return {"accessEntry": self._entry(scope)[1]}

    def update_access_entry(self, scope: Scope) -> Answer:
        entry = self._entry(scope)[1]
        entry |= {**scope.optional("kubernetesGroups", "username"), "modifiedAt": scope.now}
        return {"accessEntry": entry}

    def delete_access_entry(self, scope: Scope) -> Answer:
        cluster, entry = self._entry(scope)
        del cluster.access_entries[entry["principalArn"]]
        cluster.access_policies.pop(entry["principalArn"], None)
        return {}

    def list_access_policies(self, scope: Scope) -> Answer:
        return {"accessPolicies": [{"name": n, "arn": policy_arn(scope, n)} for n in _ACCESS_POLICIES]}

    def associate_access_policy(self, scope: Scope) -> Answer:
        cluster, entry = self._entry(scope)
        arn = scope.required("policyArn")
        if arn not in [policy_arn(scope, name) for name in _ACCESS_POLICIES]:
            raise invalid("The policyArn parameter format is not valid")
        if entry["type"] != "STANDARD":
            raise invalid(f"Access policies cannot be associated with an entry of type {entry['type']}")
        principal = entry["principalArn"]
        associated = self._associate(scope, cluster, principal, arn, scope.required("accessScope"))
        name = cluster.description["name"]
        return {"clusterName": name, "principalArn": principal, "associatedAccessPolicy": associated}

    def _associate(
        self, scope: Scope, cluster: Cluster, principal: str, arn: str, access_scope: Answer
    ) -> Answer:
        associated = {
            "policyArn": arn,
            "accessScope": {"namespaces": [], **access_scope},
            "associatedAt": scope.now,
            "modifiedAt": scope.now,
        }
        cluster.access_policies.setdefault(principal, {})[arn] = associated
        return associated

    def list_associated_access_policies(self, scope: Scope) -> Answer:
        cluster, entry = self._entry(scope)
        return {
            "clusterName": cluster.description["name"],
            "principalArn": entry["principalArn"],
            "associatedAccessPolicies": [*cluster.access_policies.get(entry["principalArn"], {}).values()],
        }

    def disassociate_access_policy(self, scope: Scope) -> Answer:
        cluster, entry = self._entry(scope)
        policies = cluster.access_policies.get(entry["principalArn"], {})
        find(policies, scope.required("policyArn"), "The policy {} is not associated with the principal")
        del policies[scope.required("policyArn")]
        return {}

    def _access_cluster(self, scope: Scope) -> Cluster:
        cluster = self._cluster(scope)
        if cluster.authentication_mode == "CONFIG_MAP":
            raise AwsError(
                "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to "
                "perform this operation.",
                400,
            )
        return cluster

    def _entry(self, scope: Scope) -> tuple[Cluster, Answer]:
        cluster = self._access_cluster(scope)
        missing = "The specified principalArn could not be found: {}"
        return cluster, find(cluster.access_entries, scope.required("principalArn"), missing)


def access_entry(scope: Scope, cluster: str, arn: str, kind: str, given: Answer) -> Answer:
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


def policy_arn(scope: Scope, name: str) -> str:
    return f"arn:{scope.caller.partition}:eks::aws:cluster-access-policy/{name}"
