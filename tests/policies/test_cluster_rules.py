"""Rules of the cluster."""

from typing import Any

import pytest

from tests.policies.kit import APP, CLUSTER, UNKNOWN, Example, message


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
