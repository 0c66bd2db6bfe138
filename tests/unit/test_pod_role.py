"""How service accounts get an IAM role: the trust policy and the associations."""

import json
from typing import Any

import pulumi
import pytest

from components import pod_role
from tests.unit.recording import ISSUER, Recording, providers, record

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
CLUSTER_ARN = "arn:aws:eks:us-east-1:111111111111:cluster/eks1"
IRSA: Any = {
    "oidc_issuer": f"https://{ISSUER}",
    "oidc_provider_arn": f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}",
}
POD_IDENTITY: Any = {"method": "pod-identity", "cluster_name": "eks1", "cluster_arn": CLUSTER_ARN}
API: Any = {"namespace": "app", "name": "api"}
WORKER: Any = {"namespace": "app", "name": "worker"}
OTHER: Any = {"namespace": "other", "name": "api"}


class Owner(pulumi.ComponentResource):
    """A component that gives service accounts a role."""

    def __init__(self, source: Any, accounts: list[Any], **options: Any) -> None:
        super().__init__("test:index:Owner", "owner", {}, providers())
        trust = pod_role.role_trust(source, accounts, **options)
        made = pod_role.associate("owner", source, accounts, "arn:aws:iam::111111111111:role/app", self)
        self.register_outputs({"trust": trust, "associations": len(made)})


def own(source: Any, *accounts: Any, **options: Any) -> Recording:
    return record(lambda: Owner(source, list(accounts), **options))


def statements(recording: Recording) -> Any:
    return json.loads(recording.outputs_of("owner")["trust"])["Statement"]


def test_irsa_is_the_default_and_needs_no_association() -> None:
    recording = own(IRSA, API)
    (statement,) = statements(recording)
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"]["StringEquals"][f"{ISSUER}:sub"] == "system:serviceaccount:app:api"
    assert recording.of_type(ASSOCIATION) == []
    assert recording.outputs_of("owner")["associations"] == 0


def test_with_pod_identity_only_the_named_service_accounts_of_the_cluster_get_the_role() -> None:
    def tags(namespace: str, accounts: Any) -> Any:
        return {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": accounts,
                }
            },
        }

    recording = own(POD_IDENTITY, API, OTHER, WORKER)
    assert statements(recording) == [tags("app", ["api", "worker"]), tags("other", "api")]


def test_with_pod_identity_each_service_account_has_an_association() -> None:
    recording = own({**POD_IDENTITY, "method": pod_role.PodIdentityMethod.POD_IDENTITY}, API, OTHER)
    association = recording.one(ASSOCIATION, "owner-app.api-pod-identity")
    assert association.inputs == {
        "clusterName": "eks1",
        "namespace": "app",
        "serviceAccount": "api",
        "roleArn": "arn:aws:iam::111111111111:role/app",
        # Without the tags the trust policy would refuse the role.
        "disableSessionTags": False,
    }
    assert (association.parent, association.provider) == ("owner", "aws")
    assert recording.one(ASSOCIATION, "owner-other.api-pod-identity")


def test_wildcards_are_for_irsa_alone() -> None:
    runners = {"namespace": "ci-*", "name": "runner"}
    (statement,) = statements(own(IRSA, runners, allow_wildcards=True))
    assert statement["Condition"]["StringLike"] == {f"{ISSUER}:sub": "system:serviceaccount:ci-*:runner"}
    with pytest.raises(
        ValueError, match=r"service_accounts: ci-\*/runner has a wildcard, and an association"
    ):
        own(POD_IDENTITY, runners, allow_wildcards=True)


@pytest.mark.parametrize(
    ("source", "accounts", "options", "message"),
    [
        ({**IRSA, "method": "magic"}, [API], {}, "method: 'magic' is not one of irsa, pod-identity"),
        ({**POD_IDENTITY, "method": "irsa"}, [API], {}, "oidc_issuer: is needed for the method irsa"),
        ({**IRSA, "oidc_provider_arn": ""}, [API], {}, "oidc_provider_arn: is needed"),
        (
            {**IRSA, "method": "pod-identity"},
            [API],
            {},
            "cluster_name: is needed for the method pod-identity",
        ),
        (
            {"method": "pod-identity", "cluster_name": "eks1"},
            [API],
            {},
            "cluster_arn: is needed for the method pod-identity; take it from EksCluster",
        ),
        (POD_IDENTITY, [API], {"audience": "vault"}, "audience: 'vault' has no meaning for the method pod-"),
        (IRSA, [], {}, "service_accounts: name at least one"),
        (IRSA, [API, OTHER, API], {}, "service_accounts: app/api is named twice"),
        (IRSA, [{"namespace": "a-*", "name": "b"}], {}, "write it in full, or set allow_wildcards"),
        (
            POD_IDENTITY,
            [{"namespace": "A", "name": "b"}],
            {},
            "service_accounts: A/b is not a Kubernetes nam",
        ),
    ],
)
def test_wrong_arguments_name_the_field(source: Any, accounts: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own(source, *accounts, **options)
