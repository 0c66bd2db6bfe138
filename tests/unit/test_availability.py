"""What AWS does not have everywhere is refused where it is declared, in the stack file and in the library."""

from __future__ import annotations

from typing import Any

import pytest

from stack.file import parse
from stack.reading import StackFileError
from tests.unit.recording import refused
from tests.unit.test_cluster import cluster
from tests.unit.test_logins import pod_login
from tests.unit.test_vault_identity import role

AGENT = "is true, and EKS has no Pod Identity in the partition aws-cn; leave it out"
METHOD = "is pod-identity, which EKS does not have in the partition aws-cn; write irsa"
OF_CHINA = {"name": "eks1", "arn": "arn:aws-cn:eks:cn-north-1:111111111111:cluster/eks1"}


def problems(region: str, **sections: Any) -> list[str]:
    config = {
        "aws:region": region,
        "vault-aws-auth:accountId": "111111111111",
        "vault-aws-auth:vault": {"address": "https://vault.example.com"},
        "vault-aws-auth:cluster": {"name": "eks1"},
        "vault-aws-auth:logins": {"api": LOGIN},
        **{f"vault-aws-auth:{key}": value for key, value in sections.items()},
    }
    try:
        parse(config, {"dev": ""})
    except StackFileError as error:
        return [line.partition(". ")[2] for line in str(error).splitlines()[1:]]
    return []


LOGIN = {"kind": "service-account", "serviceAccounts": ["default/api"], "policies": ["dev"]}
POD_IDENTITY: dict[str, dict[str, Any]] = {
    f"vault-aws-auth:logins.api.method: {METHOD}": {"logins": {"api": {**LOGIN, "method": "pod-identity"}}},
    f"vault-aws-auth:vaultIdentity.method: {METHOD}": {
        "vaultIdentity": {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
    },
    f"vault-aws-auth:cluster.podIdentityAgent: {AGENT}": {
        "cluster": {"name": "eks1", "podIdentityAgent": True}
    },
}


@pytest.mark.parametrize("told", POD_IDENTITY)
def test_pod_identity_is_refused_in_china_and_nowhere_else(told: str) -> None:
    assert problems("cn-north-1", **POD_IDENTITY[told]) == [told]
    assert problems("us-gov-west-1", **POD_IDENTITY[told]) == []


def test_the_library_refuses_it_too() -> None:
    assert METHOD in refused(lambda: pod_login(cluster=OF_CHINA, method="pod-identity"))
    vault = {"cluster": OF_CHINA, "service_account": "vault/vault", "method": "pod-identity"}
    assert METHOD in refused(lambda: role(trusted_services=[], **vault))
    assert AGENT in refused(lambda: cluster(region="cn-north-1", pod_identity_agent=True))
