"""Who is trusted: in IAM and in Vault."""

from typing import Any

import pytest

from policies.guardrails.rules import RULES
from tests.policies.kit import (
    APP,
    AWS_ROLE,
    IAM_ROLE,
    ISSUER,
    KUBERNETES_ROLE,
    PROVIDER,
    UNKNOWN,
    document,
    message,
)


def web_identity(conditions: dict[str, Any], provider: str = PROVIDER, action: Any = "*") -> dict[str, Any]:
    trust = document(Principal={"Federated": provider}, Action=action, Condition=conditions)
    return {"assumeRolePolicy": trust}


AUD, SUB = f"{ISSUER}:aud", f"{ISSUER}:sub"
POD = "system:serviceaccount:default:app"


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {AUD: "sts.amazonaws.com", SUB: POD}},
        {
            "StringEquals": {AUD: ["sts.amazonaws.com"]},
            "StringLike": {SUB: [POD, "system:serviceaccount:ci:*"]},
        },
        {"ForAnyValue:StringEquals": {AUD.upper(): "sts.amazonaws.com"}, "StringLike": {SUB: POD}},
    ],
)
def test_a_web_identity_that_is_pinned_is_trusted(conditions: dict[str, Any]) -> None:
    assert not message("web-identity-trust", IAM_ROLE, web_identity(conditions))


@pytest.mark.parametrize(
    ("conditions", "missing"),
    [
        ({}, f"{AUD} and {SUB}"),
        ({"StringEquals": {SUB: POD}}, AUD),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "StringEqualsIfExists": {SUB: POD}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "ForAllValues:StringEquals": {SUB: POD}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "StringNotEquals": {SUB: POD}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: [POD, "*"]}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com", "other.example.com:sub": POD}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com", SUB: []}}, SUB),
    ],
)
def test_a_web_identity_that_is_not_pinned_is_refused(conditions: dict[str, Any], missing: str) -> None:
    assert f"without pinning {missing}." in message("web-identity-trust", IAM_ROLE, web_identity(conditions))


@pytest.mark.parametrize(
    "action", ["sts:AssumeRoleWithWebIdentity", "sts:*", ["sts:TagSession", "STS:AssumeRoleWith*"]]
)
def test_every_way_to_write_the_action_is_seen(action: Any) -> None:
    assert message("web-identity-trust", IAM_ROLE, web_identity({}, action=action))


def test_trust_that_is_no_web_identitys_is_another_rules_business() -> None:
    saml = web_identity({}, "arn:aws:iam::111111111111:saml-provider/idp")
    assert not message("web-identity-trust", IAM_ROLE, saml)
    assert not message("web-identity-trust", IAM_ROLE, web_identity({}, action="sts:AssumeRole"))


def pod_identity(**tags: str) -> dict[str, Any]:
    conditions = {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    principal = {"Service": "pods.eks.amazonaws.com"}
    trust = document(Principal=principal, Action=["sts:AssumeRole", "sts:TagSession"], Condition=conditions)
    return {"assumeRolePolicy": trust}


def test_pod_identity_pins_cluster_namespace_and_service_account() -> None:
    tags = {
        "eks-cluster-arn": "arn:aws:eks:us-east-1:111111111111:cluster/c",
        "kubernetes-namespace": "default",
        "kubernetes-service-account": "app",
    }
    assert not message("pod-identity-trust", IAM_ROLE, pod_identity(**tags))
    nothing = message("pod-identity-trust", IAM_ROLE, pod_identity())
    assert "without pinning the cluster, the namespace, the service account." in nothing
    for key in tags:
        others = {other: value for other, value in tags.items() if other != key}
        assert message("pod-identity-trust", IAM_ROLE, pod_identity(**others))


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        ({"AWS": "*"}, "*"),
        ({"AWS": [APP, "arn:aws:iam::111111111111:role/*"]}, "arn:aws:iam::111111111111:role/*"),
        ({"AWS": "222222222222"}, "222222222222"),
        ({"AWS": "arn:aws:iam::222222222222:root"}, "arn:aws:iam::222222222222:root"),
    ],
)
def test_a_principal_with_a_wildcard_is_refused_unless_declared(principal: Any, shown: str) -> None:
    inputs = {"assumeRolePolicy": document(Principal=principal, Action="sts:AssumeRole")}
    assert f"statement 1: trusts {shown}." in message("wildcard-trust", IAM_ROLE, inputs)
    assert not message("wildcard-trust", IAM_ROLE, inputs, allowed=[shown], reason="Needed.")


def test_an_account_that_is_narrowed_is_no_wildcard() -> None:
    narrowed = document(
        Principal={"AWS": "arn:aws:iam::222222222222:root"},
        Action="sts:AssumeRole",
        Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/HCP-Vault-*"}},
    )
    assert not message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": narrowed})


def test_not_principal_is_a_wildcard() -> None:
    trust = document(NotPrincipal={"AWS": APP}, Action="sts:AssumeRole")
    assert "everybody else" in message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": trust})


def test_a_service_account_with_a_wildcard_is_refused() -> None:
    like = web_identity({"StringLike": {SUB: "system:serviceaccount:default:*"}})
    assert "trusts system:serviceaccount:default:*." in message("wildcard-trust", IAM_ROLE, like)
    exactly = web_identity({"StringEquals": {SUB: "system:serviceaccount:default:*"}})
    assert not message("wildcard-trust", IAM_ROLE, exactly)  # there it is no wildcard
    pods = document(
        Principal={"Service": "pods.eks.amazonaws.com"},
        Condition={"StringLike": {"aws:RequestTag/kubernetes-service-account": "app-*"}},
    )
    assert "trusts app-*." in message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": pods})


def test_a_vault_role_names_its_callers_in_full() -> None:
    assert not message("wildcard-trust", AWS_ROLE, {"boundIamPrincipalArns": [APP, UNKNOWN]})
    assert "boundIamPrincipalArns: trusts" in message(
        "wildcard-trust", AWS_ROLE, {"boundIamPrincipalArns": [f"{APP}*"]}
    )
    assert "boundServiceAccountNames: trusts *" in message(
        "wildcard-trust", KUBERNETES_ROLE, {"boundServiceAccountNames": ["*"]}
    )


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if IAM_ROLE in rule.types])
def test_a_trust_policy_that_nobody_knows_yet_is_let_through_and_one_that_nobody_can_read_is_not(
    rule: str,
) -> None:
    assert not message(rule, IAM_ROLE, {"assumeRolePolicy": UNKNOWN})
    field = {"inlinePolicies": [{"policy": "{"}]} if rule == "permissions" else {"assumeRolePolicy": "{"}
    assert "is not JSON" in message(rule, IAM_ROLE, field)
