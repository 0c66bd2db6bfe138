"""Rules of the cluster."""

from typing import Any

import pytest

from tests.policies.kit import APP, CLUSTER, UNKNOWN, Example, message, secret


def cluster(**inputs: Any) -> dict[str, Any]:
    return {
        "roleArn": APP,
        "version": "1.33",
        "enabledClusterLogTypes": ["api", "audit"],
        "vpcConfig": endpoint("203.0.113.0/24"),
        **inputs,
    }


def endpoint(*allowed: str) -> dict[str, Any]:
    return {
        "subnetIds": ["subnet-1", "subnet-2"],
        "endpointPublicAccess": True,
        "publicAccessCidrs": [*allowed],
    }


EXAMPLES = {
    "cluster-endpoint": Example(CLUSTER, cluster(vpcConfig=endpoint("0.0.0.0/0")), cluster()),
    "secrets-encryption": Example(CLUSTER, cluster(version="1.27"), cluster(version="1.28")),
    "audit-logs": Example(CLUSTER, cluster(enabledClusterLogTypes=["api"]), cluster()),
    "cluster-admins": Example(
        "vault:generic/endpoint:Endpoint",
        {"path": "kubernetes/roles/app", "dataJson": secret('{"kubernetes_role_name": "cluster-admin"}')},
        {"path": "kubernetes/roles/app", "dataJson": secret('{"kubernetes_role_name": "view"}')},
    ),
}


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"endpointPublicAccess": False}, ""),
        ({"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}, ""),
        ({"endpointPublicAccess": UNKNOWN}, ""),
        ({"publicAccessCidrs": UNKNOWN}, ""),
        ({}, "without publicAccessCidrs"),
        ({"endpointPublicAccess": True}, "without publicAccessCidrs"),
        ({"publicAccessCidrs": ["203.0.113.0/24", "0.0.0.0/0"]}, "0.0.0.0/0 is too wide for an allow-list"),
        ({"publicAccessCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, "128.0.0.0/1 is too wide"),
        ({"publicAccessCidrs": ["::/0"]}, "::/0 is too wide"),
    ],
)
def test_a_clusters_endpoint_is_private_or_has_an_allow_list(config: dict[str, Any], shown: str) -> None:
    said = message("cluster-endpoint", CLUSTER, {"vpcConfig": config})
    assert shown in said
    assert bool(said) is bool(shown)


def test_kubernetes_secrets_are_encrypted() -> None:
    key = {"encryptionConfig": {"provider": {"keyArn": UNKNOWN}, "resources": ["secrets"]}}
    assert message("secrets-encryption", CLUSTER, {"version": "1.27"})
    assert not message("secrets-encryption", CLUSTER, {"version": "1.27", **key})
    assert not message("secrets-encryption", CLUSTER, {"version": "1.28"})
    assert not message("secrets-encryption", CLUSTER, {})
    assert message("secrets-encryption", CLUSTER, {"version": "1.33"}, ownKey=True)
    assert not message("secrets-encryption", CLUSTER, key, ownKey=True)
    assert "not a Kubernetes version" in message("secrets-encryption", CLUSTER, {"version": "latest"})


def test_audit_logs_are_on() -> None:
    assert message("audit-logs", CLUSTER, {})
    assert "lacks audit." in message("audit-logs", CLUSTER, {"enabledClusterLogTypes": ["api"]})
    assert not message("audit-logs", CLUSTER, {"enabledClusterLogTypes": ["api", "audit"]})
    assert not message("audit-logs", CLUSTER, {"enabledClusterLogTypes": UNKNOWN})
    every = {"logTypes": ["audit", "authenticator"]}
    assert "lacks authenticator." in message(
        "audit-logs", CLUSTER, {"enabledClusterLogTypes": ["audit"]}, **every
    )


ACCESS, ASSOCIATION = (
    "aws:eks/accessEntry:AccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
)
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ENGINE_ROLE = "vault:kubernetes/secretBackendRole:SecretBackendRole"
ROOT = "arn:aws:iam::111111111111:root"


def admin(arn: str) -> dict[str, Any]:
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    return {"principalArn": arn, "policyArn": policy, "accessScope": {"type": "cluster"}}


def bound(role: str, kind: str, name: str) -> dict[str, Any]:
    return {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": kind, "name": name}]}


def aws_auth(**data: Any) -> dict[str, Any]:
    return {"metadata": {"name": "aws-auth", "namespace": "kube-system"}, "data": data}


@pytest.mark.parametrize(
    ("kind", "inputs", "who"),
    [
        (ASSOCIATION, admin(ROOT), ROOT),
        (ASSOCIATION, admin("arn:aws:iam::111111111111:role/*"), "arn:aws:iam::111111111111:role/*"),
        (ACCESS, {"principalArn": "111111111111"}, "111111111111"),
        (ACCESS, {"principalArn": APP, "kubernetesGroups": ["a", "system:masters"]}, "system:masters"),
        (BINDING, bound("cluster-admin", "Group", "system:authenticated"), "system:authenticated"),
        (BINDING, bound("edit", "Group", "system:serviceaccounts"), "system:serviceaccounts"),
        (BINDING, bound("admin", "User", "system:anonymous"), "system:anonymous"),
        (
            BINDING.replace("Cluster", ""),
            bound("cluster-admin", "Group", "system:serviceaccounts:app"),
            "system:serviceaccounts:app",
        ),
        (BINDING, bound("cluster-admin", "ServiceAccount", "default"), "default"),
        (f"{BINDING}Patch", bound("cluster-admin", "Group", "system:unauthenticated"), "system:unauth"),
        (CONFIG_MAP, aws_auth(mapRoles=f"- rolearn: {ROOT}\n  groups: [system:masters]\n"), ROOT),
        (CONFIG_MAP, aws_auth(mapUsers='[{"userarn": "arn:aws:iam::111111111111:user/*"}]'), "user/*"),
        (CONFIG_MAP, aws_auth(mapAccounts='- "222222222222"\n'), "222222222222"),
        (ENGINE_ROLE, {"kubernetesRoleName": "cluster-admin"}, "cluster-admin"),
        (
            ENGINE_ROLE,
            {"generatedRoleRules": '{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}'},
            "all verbs on all resources",
        ),
        (
            ENGINE_ROLE,
            {"generatedRoleRules": "rules:\n- apiGroups: ['*']\n  resources:\n  - '*'\n  verbs: ['*']\n"},
            "all verbs on all resources",
        ),
    ],
)
def test_everyone_does_not_administer_a_cluster(kind: str, inputs: dict[str, Any], who: str) -> None:
    assert who in message("cluster-admins", kind, inputs)


@pytest.mark.parametrize(
    ("kind", "inputs", "why"),
    [
        (ASSOCIATION, admin(APP), "a cluster has an administrator, and no rule can tell which role is right"),
        (ASSOCIATION, admin(UNKNOWN), "a preview does not know it"),
        (ACCESS, {"principalArn": APP, "kubernetesGroups": ["developers"]}, "its own group"),
        (ACCESS, {"principalArn": APP, "type": "EC2_LINUX"}, "a node"),
        (BINDING, bound("system:auth-delegator", "ServiceAccount", "vault"), "Vault's reviewer"),
        (BINDING, bound("cluster-admin", "ServiceAccount", "kustomize-controller"), "what deploys, by name"),
        (BINDING, bound("cluster-admin", "Group", "platform-admins"), "a group of one's own"),
        (BINDING, bound("view", "Group", "system:authenticated"), "it reads no secret"),
        (
            BINDING,
            bound("system:service-account-issuer-discovery", "Group", "system:unauthenticated"),
            "Vault reads the issuer's keys without a token",
        ),
        (BINDING, {"roleRef": UNKNOWN, "subjects": UNKNOWN}, "a preview does not know it"),
        (BINDING, {"roleRef": {"name": "edit"}, "subjects": [UNKNOWN]}, "a preview does not know it"),
        (CONFIG_MAP, aws_auth(mapRoles=f"- rolearn: {APP}\n  groups: [system:masters]\n"), "by name"),
        (CONFIG_MAP, aws_auth(mapRoles=UNKNOWN), "a preview does not know it"),
        (CONFIG_MAP, {"metadata": {"name": "app"}, "data": {"mapAccounts": "222222222222"}}, "another one"),
        (
            ENGINE_ROLE,
            {"kubernetesRoleName": "edit", "allowedKubernetesNamespaces": ["a"]},
            "no cluster-admin",
        ),
        (
            ENGINE_ROLE,
            {"generatedRoleRules": "rules:\n- resources: [pods]\n  verbs: ['*']\n"},
            "these resources only",
        ),
    ],
)
def test_who_is_named_may_administer_a_cluster(kind: str, inputs: dict[str, Any], why: str) -> None:
    assert not message("cluster-admins", kind, inputs), why


def test_who_has_access_all_the_same_is_declared() -> None:
    inputs = bound("edit", "Group", "system:serviceaccounts:sandbox")
    assert message("cluster-admins", BINDING, inputs)
    assert not message("cluster-admins", BINDING, inputs, allowed=["system:serviceaccounts:sandbox"])
