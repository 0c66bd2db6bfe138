"""Pod Identity: from a service-account token to the credentials of the associated role, and every refusal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.utils import ContainerMetadataFetcher

from tests.emulator.test_eks import create_cluster, services
from tests.emulator.world import (
    AUDIENCE,
    PRIMARY,
    REGION,
    SECONDARY,
    Emulator,
    Issuer,
    allow,
    as_keys,
    error_of,
    make_role,
    make_user,
    session_of,
    trust,
)

PODS = "pods.eks.amazonaws.com"
AGENT = "/container-credentials"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{PRIMARY}:cluster/pods"
TAGGING = ["sts:AssumeRole", "sts:TagSession"]
NOT_ASSUMED = "Unauthorized Exception! EKS does not have permissions to assume the associated role."


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator with the cluster `pods`, which has the agent."""
    emulator = Emulator(tmp_path_factory.mktemp("pods"))
    emulator.start()
    create_cluster(emulator, "pods", accessConfig={"authenticationMode": "API"})
    emulator.client("eks").create_addon(clusterName="pods", addonName="eks-pod-identity-agent")
    yield emulator
    emulator.stop()


def pod_trust(service_account: str, actions: Any = TAGGING, **more: str) -> str:
    wanted = {
        "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
        "aws:RequestTag/kubernetes-namespace": "default",
        "aws:RequestTag/kubernetes-service-account": service_account,
        **more,
    }
    return trust({"Service": PODS}, actions, Condition={"StringEquals": wanted})


def associate(cloud: Emulator, name: str, role: str, **more: Any) -> dict[str, Any]:
    answer = cloud.client("eks").create_pod_identity_association(
        clusterName="pods", namespace="default", serviceAccount=name, roleArn=role, **more
    )
    return dict(answer["association"])


def token(cloud: Emulator, name: str, namespace: str = "default", **claims: Any) -> str:
    subject = f"system:serviceaccount:{namespace}:{name}"
    return cloud.issuer.token(**{"sub": subject, "aud": [PODS], **claims})


def ask(cloud: Emulator, given: str) -> dict[str, Any]:
    """What the agent gives for a token, asked by an SDK's own code."""
    headers = {"Authorization": given}
    return dict(ContainerMetadataFetcher().retrieve_full_uri(f"{cloud.url}{AGENT}", headers))


def keys_of(answer: dict[str, Any]) -> dict[str, str]:
    return as_keys({**answer, "SessionToken": answer["Token"]})


def refusal(cloud: Emulator, given: str) -> tuple[int, str]:
    return cloud.get(AGENT, headers={"Authorization": given})


@pytest.fixture(scope="module")
def app(cloud: Emulator) -> str:
    role = make_role(cloud, "pod-app", pod_trust("app"))
    associate(cloud, "app", role)
    return role


def test_the_agent_gives_a_service_account_its_role(cloud: Emulator, app: str) -> None:
    answer = ask(cloud, token(cloud, "app"))
    assert answer.keys() == {"AccessKeyId", "SecretAccessKey", "Token", "AccountId", "Expiration"}
    assert answer["AccountId"] == PRIMARY
    arn = cloud.client("sts", keys_of(answer)).get_caller_identity()["Arn"]
    assert arn.startswith(f"arn:aws:sts::{PRIMARY}:assumed-role/pod-app/eks-pods-app-")


def test_the_api_says_whose_credentials_they_are(cloud: Emulator, app: str) -> None:
    answer = cloud.client("eks-auth").assume_role_for_pod_identity(
        clusterName="pods", token=token(cloud, "app")
    )
    assert answer["subject"] == {"namespace": "default", "serviceAccount": "app"}
    assert answer["audience"] == PODS
    assert answer["assumedRoleUser"]["assumeRoleId"].partition(":")[2].startswith("eks-pods-app-")
    assert answer["podIdentityAssociation"]["associationArn"].startswith(
        f"arn:aws:eks:{REGION}:{PRIMARY}:podidentityassociation/pods/"
    )
    given = {name[0].upper() + name[1:]: value for name, value in answer["credentials"].items()}
    found = cloud.client("sts", as_keys(given)).get_caller_identity()["Arn"]
    assert found == answer["assumedRoleUser"]["arn"]


def test_the_api_is_for_those_who_may_call_it(cloud: Emulator, app: str) -> None:
    node = make_user(cloud, "like-a-node", allow("eks-auth:AssumeRoleForPodIdentity", CLUSTER_ARN))
    wanted = {"clusterName": "pods", "token": token(cloud, "app")}
    assert cloud.client("eks-auth", node).assume_role_for_pod_identity(**wanted)["credentials"]
    other = cloud.client("eks-auth", make_user(cloud, "like-no-node"))
    code, message = error_of(other.assume_role_for_pod_identity, **wanted)
    assert code == "AccessDeniedException"
    assert f"perform: eks-auth:AssumeRoleForPodIdentity on resource: {CLUSTER_ARN}" in message


@pytest.mark.parametrize(
    ("name", "namespace"), [("other", "default"), ("app", "elsewhere"), ("default", "default")]
)
def test_a_service_account_without_association_is_refused(
    cloud: Emulator, app: str, name: str, namespace: str
) -> None:
    status, message = refusal(cloud, token(cloud, name, namespace))
    assert status == 404
    assert "(ResourceNotFoundException): The token included in the request has no service account" in message


def test_wrong_tokens_are_refused(cloud: Emulator, app: str) -> None:
    past = int(time.time()) - 3600
    wrong = {
        "audience": token(cloud, "app", aud=[AUDIENCE]),
        "no service account": token(cloud, "app", sub="system:node:x"),
        "issuer": token(cloud, "app", iss="https://oidc.eks.us-east-1.amazonaws.com/id/" + "F" * 32),
        "key": Issuer().token(sub="system:serviceaccount:default:app", aud=[PODS]),
        "form": "no-token",
    }
    for what, given in wrong.items():
        status, message = refusal(cloud, given)
        assert (what, status, "(InvalidTokenException)" in message) == (what, 400, True)
    expired = refusal(cloud, token(cloud, "app", iat=past - 60, nbf=past - 60, exp=past))
    assert (expired[0], "(ExpiredTokenException)" in expired[1]) == (400, True)
    assert refusal(cloud, "")[0] == 400
    assert cloud.get(AGENT)[0] == 400


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("without-tag-session", pod_trust("without-tag-session", "sts:AssumeRole")),
        ("of-another", pod_trust("other")),
        (
            "of-another-cluster",
            pod_trust("of-another-cluster", **{"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN + "2"}),
        ),
    ],
)
def test_a_role_that_does_not_trust_the_service_account_is_refused(
    cloud: Emulator, name: str, trusted: str
) -> None:
    associate(cloud, name, make_role(cloud, f"pod-{name}", trusted))
    status, message = refusal(cloud, token(cloud, name))
    assert (status, f"(AccessDeniedException): {NOT_ASSUMED}" in message) == (400, True)


def test_a_role_of_another_service_cannot_be_associated(cloud: Emulator) -> None:
    role = make_role(cloud, "for-instances", services("ec2"))
    with pytest.raises(ClientError, match=r"must trust pods\.eks\.amazonaws\.com"):
        associate(cloud, "for-instances", role)


def test_the_session_carries_its_tags_on_through_a_chain(cloud: Emulator) -> None:
    """What a Vault with Pod Identity needs to look into another account: sts:TagSession on both sides."""
    role = make_role(cloud, "pod-tagged", pod_trust("tagged"))
    associate(cloud, "tagged", role)
    rules = allow(
        "iam:ListRoles",
        Condition={
            "StringEquals": {
                "aws:PrincipalTag/kubernetes-namespace": "default",
                "aws:PrincipalTag/kubernetes-pod-name": "tagged-0",
                "aws:PrincipalTag/kubernetes-pod-uid": "u-1",
                "aws:PrincipalTag/eks-cluster-name": "pods",
            }
        },
    )
    iam = cloud.client("iam")
    iam.put_role_policy(RoleName="pod-tagged", PolicyName="by-tag", PolicyDocument=rules)
    bound: dict[str, Any] = {"kubernetes.io": {"pod": {"name": "tagged-0", "uid": "u-1"}}}
    keys = keys_of(ask(cloud, token(cloud, "tagged", **bound)))
    assert cloud.client("iam", keys).list_roles()["Roles"]

    account = {"AWS": f"arn:aws:iam::{PRIMARY}:root"}
    only_assume = make_role(cloud, "no-tag-session", trust(account), SECONDARY)
    wanted = {"aws:RequestTag/kubernetes-service-account": "tagged", "aws:PrincipalArn": role}
    both = make_role(
        cloud, "tag-session", trust(account, TAGGING, Condition={"StringEquals": wanted}), SECONDARY
    )
    iam.put_role_policy(RoleName="pod-tagged", PolicyName="chain", PolicyDocument=allow(TAGGING))
    code, message = error_of(
        cloud.client("sts", keys).assume_role, RoleArn=only_assume, RoleSessionName="tester"
    )
    assert code == "AccessDenied"
    assert message.endswith(f"is not authorized to perform: sts:TagSession on resource: {only_assume}")
    session_of(cloud, both, keys)


def test_session_tags_can_be_left_out(cloud: Emulator) -> None:
    role = make_role(cloud, "pod-untagged", trust({"Service": PODS}))
    associate(cloud, "untagged", role, disableSessionTags=True)
    assert ask(cloud, token(cloud, "untagged"))["AccountId"] == PRIMARY


def may_tag(role: str, condition: dict[str, Any]) -> str:
    """Trust that demands an external ID; AWS knows none for sts:TagSession, hence two statements."""
    document = json.loads(trust({"AWS": role}, Condition=condition))
    document["Statement"] += json.loads(trust({"AWS": role}, ["sts:TagSession"]))["Statement"]
    return json.dumps(document)


def test_a_target_role_needs_the_external_id_of_the_association(cloud: Emulator) -> None:
    role = make_role(cloud, "pod-source", pod_trust("source"))
    cloud.client("iam").put_role_policy(
        RoleName="pod-source", PolicyName="target", PolicyDocument=allow(TAGGING)
    )
    place = f"{REGION}/{PRIMARY}/pods/default/source"
    condition = {"StringEquals": {"sts:ExternalId": place}}
    target = make_role(cloud, "pod-target", may_tag(role, condition), SECONDARY)
    made = associate(cloud, "source", role, targetRoleArn=target)
    assert made["externalId"] == place
    assert ask(cloud, token(cloud, "source"))["AccountId"] == SECONDARY
    cloud.client("iam", cloud.keys(SECONDARY)).update_assume_role_policy(
        RoleName="pod-target",
        PolicyDocument=may_tag(role, {"StringEquals": {"sts:ExternalId": "another"}}),
    )
    assert refusal(cloud, token(cloud, "source"))[0] == 400


def test_a_cluster_without_the_addon_has_no_agent(fresh: Emulator) -> None:
    create_cluster(fresh, "pods", accessConfig={"authenticationMode": "API"})
    associate(fresh, "app", make_role(fresh, "pod-app", pod_trust("app")))
    status, message = refusal(fresh, token(fresh, "app"))
    assert (status, "eks-pod-identity-agent" in message) == (503, True)
    fresh.client("eks").create_addon(clusterName="pods", addonName="eks-pod-identity-agent")
    before = ask(fresh, token(fresh, "app"))
    fresh.stop()
    fresh.start()
    assert fresh.client("sts", keys_of(before)).get_caller_identity()["Account"] == PRIMARY


def test_neither_tokens_nor_credentials_are_logged(cloud: Emulator, app: str) -> None:
    given = token(cloud, "app")
    answer = ask(cloud, given)
    log = cloud.log()
    assert f"GET container-credentials {PRIMARY} arn:aws:sts::{PRIMARY}:assumed-role/pod-app/" in log
    secrets = [given, given.rsplit(".", 1)[1], answer["SecretAccessKey"], answer["Token"]]
    assert not any(secret in log for secret in secrets)
