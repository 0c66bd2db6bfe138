"""Logins with an IAM role that exists: it is bound as it is, and it must let its callers in."""

import base64
import json
from typing import Any

import pulumi
import pytest
from botocore.exceptions import ClientError

from components import ArgumentError, EcsTaskLogin, PrincipalLogin, ServiceAccountLogin, trust
from stack.preflight import in_cluster, in_lists, leaving, objects
from stack.preflight.web import Answer
from stack.reading import StackFileError
from tests.unit.recording import CLUSTER, ISSUER, Recording, providers, record, refused
from tests.unit.test_lookups import _vault as _vault
from tests.unit.test_lookups import parsed, refusing, run

ARN = "arn:aws:iam::111111111111:role/apps/legacy-s3"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ACCOUNT, PATCH = "kubernetes:core/v1:ServiceAccount", "kubernetes:core/v1:ServiceAccountPatch"
GET_ROLE = "aws:iam/getRole:getRole"
IRSA = trust.web_identity_trust(
    CLUSTER["oidc_provider_arn"], ISSUER, ["system:serviceaccount:default:legacy"]
)
C1 = CLUSTER["arn"].replace("eks1", "c1")
PODS = trust.pod_identity_trust(CLUSTER["arn"], ["default/legacy"])
PODS_OF_C1 = trust.pod_identity_trust(C1, ["default/legacy"])


def role(policy: Any = IRSA, arn: str = ARN) -> Any:
    """IAM, which has one role."""
    answer = {"arn": arn, "uniqueId": "AROA-legacy", "assumeRolePolicy": json.dumps(policy)}
    return {GET_ROLE: lambda _: answer}


def pod_login(**changes: Any) -> ServiceAccountLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "cluster": CLUSTER,
        "service_accounts": ["default/legacy"],
        "policies": ["dev"],
        "iam_role_arn": ARN,
        **changes,
    }
    return ServiceAccountLogin("pod", args, providers())


def pod(answers: Any = None, **changes: Any) -> Recording:
    return record(lambda: pod_login(**changes), answers=answers or role())


def task(answers: Any, **changes: Any) -> Recording:
    args: Any = {
        "connection": {"path": "aws"},
        "region": "us-east-1",
        "policies": ["dev"],
        "iam_role_arn": ARN,
        **changes,
    }
    return record(lambda: EcsTaskLogin("task", args, providers()), answers=answers)


# The components


def test_a_role_that_exists_is_bound_and_nothing_is_made_in_iam() -> None:
    made = pod(service_account_mode="none")
    assert {r.type for r in made.resources if r.parent == "pod"} == {VAULT_ROLE}
    bound = made.one(VAULT_ROLE, "pod-vault-role")
    assert bound.inputs["boundIamPrincipalArns"] == [ARN]
    assert bound.replacement_trigger is None  # nothing is interrupted where the role is made again
    again = made.one(VAULT_ROLE, "pod-principal-ids")
    assert (again.replacement_trigger, again.retain_on_delete) == (["AROA-legacy"], True)
    outputs = made.outputs_of("pod", "ServiceAccountLogin")
    assert (outputs["iam_role_arn"], outputs["principals"]) == (ARN, [ARN])
    assert outputs["iam_role_name"] == ""
    assert (GET_ROLE, {"name": "legacy-s3"}, "aws") in made.calls


@pytest.mark.parametrize(("mode", "type_"), [("create", ACCOUNT), ("patch", PATCH)])
def test_its_service_account_is_made_or_patched_with_its_arn(mode: str, type_: str) -> None:
    made = pod(service_account_mode=mode).of_type(type_)
    assert [it.inputs["metadata"]["annotations"] for it in made] == [{"eks.amazonaws.com/role-arn": ARN}]


@pytest.mark.parametrize(
    ("mode", "associations", "accounts"), [("create", 1, 1), ("patch", 1, 0), ("none", 0, 0)]
)
def test_the_association_is_made_unless_it_exists(mode: str, associations: int, accounts: int) -> None:
    made = pod(role(PODS), method="pod-identity", service_account_mode=mode)
    assert [it.inputs["roleArn"] for it in made.of_type(ASSOCIATION)] == [ARN] * associations
    assert len(made.of_type(ACCOUNT)) == accounts
    assert made.of_type(PATCH) == []


@pytest.mark.parametrize(
    ("policy", "changes", "why"),
    [
        (IRSA, {"service_accounts": ["default/other"]}, "does not let default/other in: its condition"),
        (PODS, {}, "does not let default/legacy in: no statement names arn:aws:iam::111111111111:oidc"),
        (IRSA, {"method": "pod-identity"}, "no statement names pods.eks.amazonaws.com"),
        (IRSA, {"audience": "vault"}, "and here it is vault"),
    ],
)
def test_a_role_that_does_not_let_the_pods_in_is_refused(policy: Any, changes: Any, why: str) -> None:
    with pytest.raises(ArgumentError) as refusal:
        pod(role(policy), **changes)
    assert str(refusal.value).startswith("iam_role_arn: ")
    assert why in str(refusal.value)
    assert 'add this statement to its trust policy: {"Effect": "Allow"' in str(refusal.value)


def test_a_role_of_another_path_is_refused() -> None:
    with pytest.raises(ValueError, match="write it as IAM has it, with its path"):
        pod(role(arn=ARN.replace("/apps", "")))


def test_a_task_role_that_exists_is_bound() -> None:
    made = task(role(trust.service_trust("ecs-tasks.amazonaws.com")))
    assert made.of_type("aws:iam/role:Role") == []
    assert made.one(VAULT_ROLE, "task-vault-role").inputs["boundIamPrincipalArns"] == [ARN]
    with pytest.raises(ArgumentError, match="does not let ECS tasks in us-east-1 in: no statement names"):
        task(role())


def test_a_role_of_an_account_without_provider_is_not_looked_up() -> None:
    other = ARN.replace("111111111111", "222222222222")
    connection = {"path": "aws", "accounts": ["111111111111", "222222222222"]}
    made = pod(connection=connection, iam_role_arn=other, service_account_mode="none")
    assert made.calls == []
    assert made.one(VAULT_ROLE, "pod-vault-role").inputs["boundIamPrincipalArns"] == [other]
    message = refused(
        lambda: pod_login(connection={"path": "aws", "accounts": ["111111111111"]}, iam_role_arn=other)
    )
    assert message.startswith("iam_role_arn: ")
    message = refused(lambda: pod_login(connection=connection, iam_role_arn=other, method="pod-identity"))
    assert "gives roles of the cluster's own, 111111111111" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iam_role_name", "app"),
        ("permissions_boundary", "arn:aws:iam::111111111111:policy/b"),
        ("max_session_duration", "2h"),
        ("tags", {"team": "a"}),
        ("policy_arns", {"read": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("vault_lookups", True),
    ],
)
def test_what_is_said_of_a_role_that_is_made_is_refused(field: str, value: Any) -> None:
    said = refused(lambda: pod_login(**{field: value}))
    assert said == f"{field}: is not used: iam_role_arn is a role that is used as it is; remove one"


def test_associations_that_are_made_may_have_tags() -> None:
    made = pod(role(PODS), method="pod-identity", tags={"team": "a"})
    assert made.of_type(ASSOCIATION)[0].inputs["tags"] == {"team": "a"}


# The stack


LEGACY = {
    "kind": "service-account",
    "serviceAccounts": ["default/legacy"],
    "serviceAccountMode": "none",
    "iamRoleArn": ARN,
    "policies": ["dev"],
}
CONSUMERS = {
    "store": {"kind": "external-secrets", "login": "legacy"},
    "gloo": {"kind": "gloo", "login": "gloo", "pathPrefix": "dev"},
}


def test_a_stack_binds_it_and_feeds_consumers() -> None:
    gloo = {**LEGACY, "serviceAccounts": ["gloo-system/gloo", "gloo-system/discovery"]}
    anyone = trust.web_identity_trust(
        CLUSTER["oidc_provider_arn"], ISSUER, ["system:serviceaccount:*"], allow_wildcards=True
    )
    made = run({"legacy": LEGACY, "gloo": gloo}, {**EKS, **role(anyone)}, consumers=CONSUMERS)
    assert made.exports()["logins"]["legacy"]["iamRoleArn"] == ARN
    outputs = made.exports()["consumers"]
    assert '"serviceAccountRef": {"name": "legacy"}' in json.dumps(outputs["store"])
    assert ARN in json.dumps(outputs["gloo"])  # its chart makes the service accounts
    assert [r for r in made.of_type("aws:iam/role:Role") if "legacy" in r.name] == []


def test_a_role_that_is_not_there_is_told_with_the_key() -> None:
    with pytest.raises(
        pulumi.RunError,
        match=r"^vault-aws-auth:logins\.legacy\.iamRoleArn: there is no IAM role legacy-s3 in",
    ):
        run({"legacy": LEGACY}, {GET_ROLE: refusing("reading IAM Role (legacy-s3): couldn't find resource")})


def test_two_logins_may_bind_one_role() -> None:
    second = {"kind": "principal", "principals": [ARN], "policies": ["dev"]}
    made = run({"legacy": LEGACY, "second": second}, {**EKS, **role()})
    assert made.one(VAULT_ROLE, "second-vault-role").inputs["boundIamPrincipalArns"] == [ARN]


def test_a_role_of_another_account_needs_an_sts_role_there() -> None:
    other = {**LEGACY, "iamRoleArn": ARN.replace("111111111111", "222222222222")}
    with pytest.raises(StackFileError, match=r"legacy\.iamRoleArn: .* into which Vault cannot look"):
        parsed({"legacy": other})


def test_its_role_is_not_taken_and_is_kept_if_the_stack_made_it_once() -> None:
    stack = parsed({"legacy": LEGACY})
    assert not [it for it in objects.of(stack) if it.thing.noun == "IAM role" and "legacy" in it.thing.name]
    assert [it.key for it in leaving.of(stack) if it.thing.noun == "IAM role"] == [
        "vault-aws-auth:logins.legacy.iamRoleArn"
    ]


# What is looked up before anything is declared


EKS = {
    "aws:eks/getCluster:getCluster": lambda _: {
        "arn": C1,
        "endpoint": "https://eks.example.com",
        "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
        "certificateAuthorities": [{"data": base64.b64encode(b"not one").decode()}],
    },
    "aws:eks/getClusterAuth:getClusterAuth": lambda _: {"token": "t"},
}


class Pods:
    """The API server's answer about the service account."""

    def __init__(self, status: int, annotation: str = "", manager: str = "argocd") -> None:
        fields: Any = {"f:metadata": {"f:annotations": {"f:eks.amazonaws.com/role-arn": {}}}}
        self.answer = Answer(
            status,
            {
                "metadata": {
                    "annotations": {"eks.amazonaws.com/role-arn": annotation} if annotation else {},
                    "managedFields": [{"manager": manager, "fieldsV1": fields}],
                }
            },
        )

    def get_all(self, paths: Any) -> dict[str, Answer]:
        assert list(paths) == ["/api/v1/namespaces/default/serviceaccounts/legacy"]
        return dict.fromkeys(paths, self.answer)


def looked_up(
    monkeypatch: pytest.MonkeyPatch, answers: Any, pods: Pods | None = None, **changes: Any
) -> list[str]:
    """The warnings of a look, in an account with the cluster."""

    async def connect(*_: Any) -> Any:
        return pods

    said: list[str] = []
    monkeypatch.setattr(in_cluster, "connect", connect)
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    run({"legacy": {**LEGACY, **changes}}, {**EKS, **answers})
    return [line for line in said if "legacy" in line]


def test_a_role_and_a_service_account_that_fit_are_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_up(monkeypatch, role(), Pods(200, ARN)) == []


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        ({"Principal": {"Federated": CLUSTER["oidc_provider_arn"]}, "Action": "sts:*"}, {}),
        (
            {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:*"},
            {"method": "pod-identity", "serviceAccountMode": "create"},
        ),
    ],
)
def test_a_role_that_lets_in_other_service_accounts_too_is_told(
    monkeypatch: pytest.MonkeyPatch, statement: dict[str, Any], changes: Any
) -> None:
    policy = {"Statement": [{"Effect": "Allow", **statement}]}
    (line,) = looked_up(monkeypatch, role(policy), Pods(200, ARN), **changes)
    assert "lets in other service accounts than the login's" in line


def test_a_role_that_does_not_trust_the_service_account_is_refused_with_key_and_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        looked_up(monkeypatch, role(), serviceAccounts=["default/other"])
    text = str(refusal.value)
    assert f'vault-aws-auth:logins.legacy.iamRoleArn: "{ARN}" does not let default/other in: its' in text
    assert 'add this statement to its trust policy: {"Effect": "Allow", "Principal": {"Federated":' in text


def test_a_service_account_with_another_role_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "arn:aws:iam::111111111111:role/other"
    with pytest.raises(pulumi.RunError) as refusal:
        looked_up(monkeypatch, role(), Pods(200, other))
    assert (
        f'logins.legacy.iamRoleArn: "{ARN}" is not the role of default/legacy, whose annotation '
        f"eks.amazonaws.com/role-arn, written by argocd, names {other}; write that one, or have its owner "
        "change it: kubectl -n default annotate --overwrite serviceaccount legacy "
        f"eks.amazonaws.com/role-arn={ARN}"
    ) in str(refusal.value)


def test_a_service_account_without_annotation_or_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = looked_up(monkeypatch, role(), Pods(200))
    assert "logins.legacy.serviceAccountMode: default/legacy has no annotation" in line
    assert "write serviceAccountMode: patch" in line
    (line,) = looked_up(monkeypatch, role(), Pods(404))
    assert "default/legacy is not there yet; it needs the annotation" in line
    (line,) = looked_up(monkeypatch, role(), Pods(403))
    assert "the cluster answered 403" in line


def test_the_annotation_of_another_field_manager_is_not_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "arn:aws:iam::111111111111:role/other"
    patch: Any = {"serviceAccountMode": "patch"}
    with pytest.raises(pulumi.RunError, match="written by argocd"):
        looked_up(monkeypatch, role(), Pods(200, other), **patch)
    ours = Pods(200, other, "pulumi-kubernetes-1234")
    assert looked_up(monkeypatch, role(), ours, **patch) == []
    assert looked_up(monkeypatch, role(), Pods(200), **patch) == []


POD_IDENTITY: Any = {"method": "pod-identity"}


class Eks:
    """EKS, with an association of the service account for each of these roles; or it refuses."""

    def __init__(self, *roles: str, refusal: Exception | None = None) -> None:
        self.roles = roles
        self.refusal = refusal

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_pod_identity_associations"
        return self

    def paginate(self, clusterName: str) -> Any:
        assert clusterName == "c1"
        if self.refusal:
            raise self.refusal
        other = {"namespace": "default", "serviceAccount": "other", "associationId": "a-other"}
        legacy = {"namespace": "default", "serviceAccount": "legacy"}
        ours = [{**legacy, "associationId": f"a-{index}"} for index in range(len(self.roles))]
        return [{"associations": [other]}, {"associations": ours}]

    def describe_pod_identity_association(self, *, associationId: str, **_: Any) -> Any:
        return {"association": {"roleArn": self.roles[int(associationId.removeprefix("a-"))]}}


def aws_says(monkeypatch: pytest.MonkeyPatch, *roles: str, refusal: Exception | None = None) -> None:
    eks = Eks(*roles, refusal=refusal)
    monkeypatch.setattr(in_lists, "client", lambda *asked: {("eks", "us-east-1"): eks}[asked])


def test_an_association_with_the_role_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    aws_says(monkeypatch, ARN)
    assert looked_up(monkeypatch, role(PODS_OF_C1), **POD_IDENTITY) == []


def test_a_missing_association_and_one_with_another_role_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    aws_says(monkeypatch)
    with pytest.raises(
        pulumi.RunError, match=r"legacy\.serviceAccountMode: is none, and default/legacy has no"
    ):
        looked_up(monkeypatch, role(PODS_OF_C1), **POD_IDENTITY)
    aws_says(monkeypatch, "arn:aws:iam::111111111111:role/other")
    with pytest.raises(pulumi.RunError, match=r"legacy\.iamRoleArn: .* is not the role of default/legacy"):
        looked_up(monkeypatch, role(PODS_OF_C1), **POD_IDENTITY)


def test_what_cannot_be_asked_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said: Any = {"Error": {"Code": "AccessDenied", "Message": "you\nmay not"}}
    aws_says(monkeypatch, refusal=ClientError(said, "List"))
    (line,) = looked_up(monkeypatch, role(PODS_OF_C1), **POD_IDENTITY)
    told = "An error occurred (AccessDenied) when calling the List operation: you may not"
    assert f"the association of default/legacy could not be looked up: {told}" in line


def test_principals_are_still_as_they_were() -> None:
    args: Any = {"connection": {"path": "aws"}, "principals": [ARN], "policies": ["dev"]}
    made = record(lambda: PrincipalLogin("p", args, providers()), answers=role())
    assert made.one(VAULT_ROLE, "p-principal-ids").replacement_trigger == ["AROA-legacy"]
