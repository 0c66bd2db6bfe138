"""Whether the trust policy of a role that exists lets a caller in."""

import json
from typing import Any

import pytest

from components import trust, trust_reading
from tests.unit.recording import CLUSTER, ISSUER

ACCOUNT = "111111111111"
PROVIDER = CLUSTER["oidc_provider_arn"]
POD = trust_reading.web_identity(ACCOUNT, PROVIDER, ISSUER, "default/app")
ASSOCIATED = trust_reading.pod_identity(CLUSTER["arn"], "default/app")
TASK = trust_reading.ecs_task(ACCOUNT, "us-east-1")


def irsa(**conditions: Any) -> dict[str, Any]:
    """As published guides write it, with these conditions."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": conditions,
            }
        ],
    }


SUB, AUD = f"{ISSUER}:sub", f"{ISSUER}:aud"
ME = "system:serviceaccount:default:app"


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {SUB: ME, AUD: "sts.amazonaws.com"}},
        {"StringEquals": {SUB: [ME, "system:serviceaccount:default:other"]}},
        {"StringLike": {SUB: "system:serviceaccount:default:*"}},
        {"StringLike": {SUB: "system:serviceaccount:*:ap?"}},
        {"ForAnyValue:StringLike": {SUB: ["system:serviceaccount:*"]}},
        {"StringNotEquals": {SUB: "system:serviceaccount:default:other"}},
        {"StringNotLike": {SUB: "system:serviceaccount:other:*"}},
        {"StringEqualsIfExists": {SUB: ME}},
        {"StringEqualsIgnoreCase": {SUB: ME.upper()}},
        {"Null": {SUB: "false"}},
        # What only AWS can tell is not held against it.
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringEquals": {SUB: ME, "aws:PrincipalOrgID": "o-1"}},
        {},
    ],
)
def test_a_policy_that_names_the_service_account_lets_it_in(conditions: dict[str, Any]) -> None:
    assert trust_reading.why_not(irsa(**conditions), POD) == ""
    assert trust_reading.why_not(json.dumps(irsa(**conditions)), POD) == ""


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        (
            {"StringEquals": {SUB: "system:serviceaccount:default:other"}},
            f"its condition StringEquals of {SUB} is system:serviceaccount:default:other, and here it is "
            + ME,
        ),
        ({"StringEquals": {AUD: "vault"}}, "and here it is sts.amazonaws.com"),
        ({"StringEquals": {SUB: "system:serviceaccount:default:*"}}, "of"),  # no wildcard without Like
        ({"StringLike": {SUB: "system:serviceaccount:other:*"}}, "of"),
        ({"StringNotEquals": {SUB: ME}}, "of"),
        ({"StringNotLike": {SUB: "*:app"}}, "of"),
        ({"Null": {SUB: "true"}}, "of"),
        ({"StringEquals": {"oidc.eks.us-east-1.amazonaws.com/id/OTHER:sub": ME}}, "not in the request"),
    ],
)
def test_a_policy_of_another_service_account_does_not_and_says_why(
    conditions: dict[str, Any], why: str
) -> None:
    assert why in trust_reading.why_not(irsa(**conditions), POD)


def test_another_clusters_provider_does_not_let_it_in() -> None:
    policy = irsa()
    policy["Statement"][0]["Principal"]["Federated"] = PROVIDER.replace("0123", "9999")
    assert trust_reading.why_not(policy, POD) == f"no statement names {PROVIDER}"


def test_of_several_statements_the_reason_is_that_of_the_nearest() -> None:
    near = irsa(StringEquals={SUB: "system:serviceaccount:default:other"})["Statement"]
    policy = {"Statement": [*trust.service_trust("ec2.amazonaws.com")["Statement"], *near]}
    assert SUB in trust_reading.why_not(policy, POD)


def test_a_denial_counts_if_it_is_certain() -> None:
    statement = irsa(StringEquals={SUB: ME})["Statement"][0]
    allowing = irsa()["Statement"][0]
    assert "denies" in trust_reading.why_not({"Statement": [allowing, {**statement, "Effect": "Deny"}]}, POD)
    elsewhere = {**statement, "Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    assert trust_reading.why_not({"Statement": [allowing, elsewhere]}, POD) == ""


def test_the_role_of_another_account_trusts_that_accounts_provider_of_the_issuer() -> None:
    other = trust_reading.web_identity("222222222222", PROVIDER, ISSUER, "default/app")
    policy = irsa(StringEquals={SUB: ME})
    assert PROVIDER.replace("111111111111", "222222222222") in trust_reading.why_not(policy, other)
    policy["Statement"][0]["Principal"]["Federated"] = PROVIDER.replace("111111111111", "222222222222")
    assert trust_reading.why_not(policy, other) == ""


PODS = {"Service": "pods.eks.amazonaws.com"}
BOTH = ["sts:AssumeRole", "sts:TagSession"]


@pytest.mark.parametrize(
    ("statement", "lets_in"),
    [
        ({"Principal": PODS, "Action": BOTH}, True),  # as AWS's own guide has it
        ({"Principal": PODS, "Action": "sts:*"}, True),
        ({"Principal": PODS, "Action": "sts:AssumeRole"}, False),
        ({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": BOTH}, False),
        (
            {
                "Principal": PODS,
                "Action": BOTH,
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    "ArnEquals": {"aws:SourceArn": CLUSTER["arn"]},
                },
            },
            True,
        ),
        (
            {
                "Principal": PODS,
                "Action": BOTH,
                "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "other"}},
            },
            False,
        ),
        (
            {
                "Principal": PODS,
                "Action": BOTH,
                "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:eks:us-east-1:*:cluster/other"}},
            },
            False,
        ),
    ],
)
def test_pod_identity_needs_both_actions_and_its_conditions(statement: dict[str, Any], lets_in: bool) -> None:
    policy = {"Statement": [{"Effect": "Allow", **statement}]}
    assert (trust_reading.why_not(policy, ASSOCIATED) == "") is lets_in


@pytest.mark.parametrize(
    ("policy", "lets_in"),
    [
        (trust.service_trust("ecs-tasks.amazonaws.com"), True),
        (trust.ecs_task_trust(ACCOUNT, "us-east-1"), True),
        (trust.ecs_task_trust(ACCOUNT, "eu-west-1"), False),
        (trust.ecs_task_trust("222222222222", "us-east-1"), False),
        (trust.service_trust("lambda.amazonaws.com"), False),
    ],
)
def test_a_task_role_is_for_tasks_of_its_account_and_region(policy: dict[str, Any], lets_in: bool) -> None:
    assert (trust_reading.why_not(policy, TASK) == "") is lets_in


@pytest.mark.parametrize("caller", [POD, ASSOCIATED, TASK], ids=lambda caller: caller.principal)
def test_the_statement_that_is_to_be_added_lets_the_caller_in(caller: trust_reading.Caller) -> None:
    assert trust_reading.why_not({"Statement": [caller.statement]}, caller) == ""


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_what_is_no_policy_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a trust policy|Expecting"):
        trust_reading.why_not(text, POD)
