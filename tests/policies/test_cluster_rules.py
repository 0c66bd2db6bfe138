"""How the cluster is set up."""

from typing import Any

import pytest

from tests.policies.kit import CLUSTER, UNKNOWN, message


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"endpointPublicAccess": False}, ""),
        ({"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}, ""),
        ({"endpointPublicAccess": UNKNOWN}, ""),
        ({"publicAccessCidrs": UNKNOWN}, ""),
        ({}, "without publicAccessCidrs"),
        ({"endpointPublicAccess": True}, "without publicAccessCidrs"),
        ({"publicAccessCidrs": ["203.0.113.0/24", "0.0.0.0/0"]}, "0.0.0.0/0 is no allow-list"),
        ({"publicAccessCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, "128.0.0.0/1 is no allow-list"),
        ({"publicAccessCidrs": ["::/0"]}, "::/0 is no allow-list"),
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
