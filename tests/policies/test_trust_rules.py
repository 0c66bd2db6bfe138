"""Rules of trust, in IAM and in Vault."""

from typing import Any

import pytest

from policies.guardrails.rules import RULES
from tests.policies.kit import (
    APP,
    AWS_ROLE,
    IAM_ROLE,
    ISSUER,
    JWT_ROLE,
    KUBERNETES_ROLE,
    PROVIDER,
    UNKNOWN,
    Example,
    document,
    message,
)


def web_identity(conditions: dict[str, Any], provider: str = PROVIDER, action: Any = "*") -> dict[str, Any]:
    trust = document(Principal={"Federated": provider}, Action=action, Condition=conditions)
    return {"assumeRolePolicy": trust}


AUD, SUB = f"{ISSUER}:aud", f"{ISSUER}:sub"
POD = "system:serviceaccount:default:app"
TAGS = {
    "eks-cluster-arn": "arn:aws:eks:us-east-1:111111111111:cluster/c",
    "kubernetes-namespace": "default",
    "kubernetes-service-account": "app",
}


def pod_identity(**tags: str) -> dict[str, Any]:
    conditions = {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    principal = {"Service": "pods.eks.amazonaws.com"}
    trust = document(Principal=principal, Action=["sts:AssumeRole", "sts:TagSession"], Condition=conditions)
    return {"assumeRolePolicy": trust}


def assumed_by(principal: str) -> dict[str, Any]:
    return {"assumeRolePolicy": document(Principal={"AWS": principal}, Action="sts:AssumeRole")}


def vault_role(**bounds: Any) -> dict[str, Any]:
    return {"role": "app", "authType": "iam", "tokenPolicies": ["dev"], "tokenMaxTtl": 3600, **bounds}


WITHOUT_SUBJECT = {"StringEquals": {AUD: "sts.amazonaws.com"}}
EXAMPLES = {
    "web-identity-trust": Example(
        IAM_ROLE,
        web_identity(WITHOUT_SUBJECT),
        web_identity({**WITHOUT_SUBJECT, "StringLike": {SUB: POD}}),
    ),
    "pod-identity-trust": Example(
        IAM_ROLE, pod_identity(**{"eks-cluster-arn": TAGS["eks-cluster-arn"]}), pod_identity(**TAGS)
    ),
    "wildcard-trust": Example(IAM_ROLE, assumed_by("*"), assumed_by(APP)),
    "bound-vault-roles": Example(AWS_ROLE, vault_role(), vault_role(boundIamPrincipalArns=[APP])),
}


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
        ({"StringEquals": {AUD: "sts.amazonaws.com", SUB: ""}}, SUB),
        ({"StringEquals": {AUD: " ", SUB: POD}}, AUD),
        ({"StringEquals": {AUD: "sts.amazonaws.com", SUB: f"${{{SUB}}}"}}, SUB),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "?*"}}, SUB),
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
    pretending = web_identity({}, "arn:aws:iam::111111111111:oidc-provider/x:saml-provider/idp")
    assert message("web-identity-trust", IAM_ROLE, pretending)
    assert not message("web-identity-trust", IAM_ROLE, web_identity({}, action="sts:AssumeRole"))


def test_pod_identity_pins_cluster_namespace_and_service_account() -> None:
    assert not message("pod-identity-trust", IAM_ROLE, pod_identity(**TAGS))
    nothing = message("pod-identity-trust", IAM_ROLE, pod_identity())
    assert "without pinning the cluster, the namespace, the service account." in nothing
    for key in TAGS:
        others = {other: value for other, value in TAGS.items() if other != key}
        assert message("pod-identity-trust", IAM_ROLE, pod_identity(**others))


CLUSTER_ARN = TAGS["eks-cluster-arn"]


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"StringLike": {"aws:RequestTag/eks-cluster-arn": "*"}},
        {"StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:*"}},
        {"StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:111111111111:cluster/c"}},
        {"StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:us-east-1:111111111111:cluster/*"}},
        {"ArnLike": {"aws:RequestTag/eks-cluster-arn": f"{CLUSTER_ARN}*"}},
        {"ArnEquals": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:us-east-1:111111111111:cluster/?"}},
        {"StringEquals": {"aws:RequestTag/eks-cluster-arn": ""}},
        {"StringEquals": {"aws:RequestTag/eks-cluster-arn": " "}},
        {"StringEquals": {"aws:RequestTag/eks-cluster-arn": []}},
        {"StringEquals": {"aws:RequestTag/eks-cluster-arn": "${aws:RequestTag/eks-cluster-arn}"}},
        {"StringEqualsIfExists": {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN}},
        {"ForAllValues:StringEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN}},
        {"StringNotEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN}},
        {"Null": {"aws:RequestTag/eks-cluster-arn": "false"}},
        {"StringLike": {"aws:RequestTag/eks-cluster-name": "prod-*"}},
        {"StringEquals": {"aws:SourceAccount": "111111111111"}},
        {"StringLike": {"aws:SourceArn": "arn:aws:eks:us-east-1:111111111111:*"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/c"}},
        {"StringLike": {"aws:SourceArn": ["arn:aws:eks:us-east-1:111111111111:cluster/*", CLUSTER_ARN]}},
    ],
)
def test_a_pod_identity_whose_cluster_is_a_pattern_or_missing_is_refused(conditions: dict[str, Any]) -> None:
    pod = {f"aws:RequestTag/{key}": value for key, value in TAGS.items() if key != "eks-cluster-arn"}
    together = {**conditions, "StringEquals": {**conditions.get("StringEquals", {}), **pod}}
    for service in ("pods.eks.amazonaws.com", "Pods.EKS.amazonaws.com"):
        trust = document(Principal={"Service": [service]}, Action="sts:Assume*", Condition=together)
        said = message("pod-identity-trust", IAM_ROLE, {"assumeRolePolicy": trust})
        assert "without pinning the cluster." in said


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:RequestTag/eks-cluster-arn": [CLUSTER_ARN, f"{CLUSTER_ARN}2"]}},
        {"ArnLike": {"aws:requesttag/EKS-cluster-arn": CLUSTER_ARN}},
        {"StringEquals": {"aws:RequestTag/eks-cluster-name": "c"}},
        {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:eks:us-east-1:111111111111:podidentityassociation/c/*"}},
    ],
)
def test_every_way_to_name_a_cluster_is_known(conditions: dict[str, Any]) -> None:
    pod = {f"aws:RequestTag/{key}": value for key, value in TAGS.items() if key != "eks-cluster-arn"}
    together = {**conditions, "StringEquals": {**conditions.get("StringEquals", {}), **pod}}
    principal = {"Service": "pods.eks.amazonaws.com"}
    trust = document(Principal=principal, Action=["sts:AssumeRole", "sts:TagSession"], Condition=together)
    assert not message("pod-identity-trust", IAM_ROLE, {"assumeRolePolicy": trust})


@pytest.mark.parametrize("service", ["*", "*.amazonaws.com", "ec2.*", "??2.amazonaws.com"])
def test_a_service_by_pattern_is_refused(service: str) -> None:
    trust = document(Principal={"Service": service}, Action="sts:AssumeRole")
    assert f"trusts {service}." in message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": trust})


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        ({"AWS": "*"}, "*"),
        ({"AWS": [APP, "arn:aws:iam::111111111111:role/*"]}, "arn:aws:iam::111111111111:role/*"),
        ({"AWS": "222222222222"}, "222222222222"),
        ({"AWS": "arn:aws:iam::222222222222:root"}, "arn:aws:iam::222222222222:root"),
        ({"AWS": "arn:aws:iam::222222222222:ROOT"}, "arn:aws:iam::222222222222:ROOT"),
        ({"AWS": " 222222222222"}, " 222222222222"),
        ({"AWS": "arn:aws-cn:sts::222222222222:root"}, "arn:aws-cn:sts::222222222222:root"),
    ],
)
def test_a_principal_with_a_wildcard_is_refused_unless_declared(principal: Any, shown: str) -> None:
    inputs = {"assumeRolePolicy": document(Principal=principal, Action="sts:AssumeRole")}
    assert f"statement 1: trusts {shown}." in message("wildcard-trust", IAM_ROLE, inputs)
    assert not message("wildcard-trust", IAM_ROLE, inputs, allowed=[shown], reason="Needed.")


ROOT = "arn:aws:iam::222222222222:root"
HCP = "arn:aws:iam::222222222222:role/HCP-Vault-*"


def of_an_account(**conditions: Any) -> dict[str, Any]:
    trust = document(Principal={"AWS": ROOT}, Action="sts:AssumeRole", Condition=conditions)
    return {"assumeRolePolicy": trust}


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"sts:ExternalId": "between-us"}},
        {"ArnEquals": {"aws:PrincipalArn": APP}},
        {"StringLike": {"aws:PrincipalTag/team": "vault"}},
        {"StringLike": {"aws:PrincipalTag/team": "vault-*"}},
        {"StringEquals": {"aws:PrincipalArn": [APP, f"{APP}2"]}},
        {"StringEquals": {"aws:userid": "AROAEXAMPLE:session"}},
        {"StringEquals": {"aws:username": ["vault", "vault2"]}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"STS:externalid": "between-us"}},
    ],
)
def test_an_account_that_is_narrowed_is_no_wildcard(conditions: dict[str, Any]) -> None:
    assert not message("wildcard-trust", IAM_ROLE, of_an_account(**conditions))


@pytest.mark.parametrize(
    "conditions",
    [
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringEqualsIfExists": {"sts:ExternalId": "between-us"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalTag/team": "vault"}},
        {"StringNotEquals": {"sts:ExternalId": "between-us"}},
        {"StringLike": {"sts:ExternalId": "*"}},
        {"StringLike": {"sts:ExternalId": "?*"}},
        {"StringLike": {"sts:ExternalId": "a*"}},
        {"StringLike": {"sts:ExternalId": ["between-us", "*"]}},
        {"StringEquals": {"sts:ExternalId": ""}},
        {"StringEquals": {"sts:ExternalId": " "}},
        {"StringEquals": {"sts:ExternalId": []}},
        {"Null": {"sts:ExternalId": "false"}},
        {"StringEquals": {"aws:PrincipalAccount": "222222222222"}},
        {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
        {"StringEquals": {"aws:SourceAccount": "222222222222"}},
        {"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalArn}"}},
        {"StringEquals": {"aws:userid": "${aws:userid}"}},
        {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/team}"}},
        {"StringLike": {"aws:PrincipalTag/team": "?*"}},
        {"StringLike": {"aws:PrincipalTag/team": "*a*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:user/?*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:*/*"}},
        {"ArnEquals": {"aws:PrincipalArn": [APP, "arn:aws:iam::*:role/*"]}},
        {"StringLike": {"aws:userid": "*:*"}},
        {"StringLike": {"aws:userid": "AROA*"}},
        {"StringLike": {"aws:username": "*a"}},
        {"StringEquals": {"aws:username": "${aws:username}"}},
        {"ArnNotEquals": {"aws:PrincipalArn": APP}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    ],
)
def test_a_condition_that_tells_no_principal_from_another_narrows_no_account(
    conditions: dict[str, Any],
) -> None:
    assert f"trusts {ROOT}." in message("wildcard-trust", IAM_ROLE, of_an_account(**conditions))


@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals", "StringLike"])
def test_an_account_that_is_narrowed_to_a_pattern_is_declared_by_it(operator: str) -> None:
    inputs = of_an_account(
        StringEquals={"sts:ExternalId": "between-us"}, **{operator: {"aws:PrincipalArn": HCP}}
    )
    said = message("wildcard-trust", IAM_ROLE, inputs)
    assert f"trusts {HCP}." in said
    assert f"trusts {ROOT}." not in said
    assert not message("wildcard-trust", IAM_ROLE, inputs, allowed=[HCP])


def test_a_principal_in_full_is_not_widened_by_a_pattern() -> None:
    trust = document(Principal={"AWS": APP}, Condition={"ArnLike": {"aws:PrincipalArn": f"{APP}*"}})
    assert not message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": trust})


def test_not_principal_is_a_wildcard() -> None:
    trust = document(NotPrincipal={"AWS": APP}, Action="sts:AssumeRole")
    assert "everyone else" in message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": trust})


def test_a_service_account_with_a_wildcard_is_refused() -> None:
    like = web_identity({"StringLike": {SUB: "system:serviceaccount:default:*"}})
    assert "trusts system:serviceaccount:default:*." in message("wildcard-trust", IAM_ROLE, like)
    audience = web_identity({"StringLike": {AUD: "s*", SUB: POD}})
    assert "trusts s*." in message("wildcard-trust", IAM_ROLE, audience)
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


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        ("vault:gcp/authBackendRole:AuthBackendRole", {"boundServiceAccounts": ["*"]}, "trusts *."),
        ("vault:azure/authBackendRole:AuthBackendRole", {"boundServicePrincipalIds": ["*"]}, "trusts *."),
        ("vault:alicloud/authBackendRole:AuthBackendRole", {"arn": "acs:ram::1:role/*"}, "role/*."),
        (
            "vault:saml/authBackendRole:AuthBackendRole",
            {"boundSubjects": ["*@example.com"], "boundSubjectsType": "glob"},
            "boundSubjects: trusts *@example.com.",
        ),
        (
            "vault:saml/authBackendRole:AuthBackendRole",
            {"boundAttributes": {"group": "*"}, "boundAttributesType": "glob"},
            "boundAttributes.group: trusts *.",
        ),
        ("vault:index/certAuthBackendRole:CertAuthBackendRole", {"allowedCommonNames": ["*"]}, "trusts *."),
        ("vault:index/certAuthBackendRole:CertAuthBackendRole", {"allowedNames": ["a", "**"]}, "trusts **."),
        ("vault:spiffe/authBackendRole:AuthBackendRole", {"workloadIdPatterns": ["/+/*"]}, "trusts /+/*."),
        ("vault:tokenauth/authBackendRole:AuthBackendRole", {"allowedEntityAliases": ["*"]}, "trusts *."),
        (JWT_ROLE, {"boundClaims": {"sub": ["a", "b*"]}, "boundClaimsType": "Glob"}, "trusts b*."),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": "{}"}, "every namespace"),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": '{"matchLabels": {}}'}, "every namespace"),
        (
            KUBERNETES_ROLE,
            {"boundServiceAccountNamespaceSelector": "matchLabels:\nmatchExpressions: []\n"},
            "every namespace",
        ),
        (
            KUBERNETES_ROLE,
            {"boundServiceAccountNamespaceSelector": "matchExpressions: [{key: a, operator: DoesNotExist}]"},
            "all but some",
        ),
        (
            KUBERNETES_ROLE,
            {
                "boundServiceAccountNamespaceSelector": '{"matchExpressions": [{"key": "env", '
                '"operator": "NotIn", "values": ["prod"]}]}'
            },
            "all but some",
        ),
        (AWS_ROLE, {"boundIamPrincipalArns": ["arn:aws:iam::111111111111:root"]}, "111111111111:root."),
        (AWS_ROLE, {"boundIamPrincipalArns": [APP, "111111111111"]}, "trusts 111111111111."),
        (AWS_ROLE, {"boundIamRoleArns": ["arn:aws-cn:iam::111111111111:Root"]}, "111111111111:Root."),
    ],
)
def test_other_logins_name_their_callers_in_full(kind: str, given: dict[str, Any], shown: str) -> None:
    assert shown in message("wildcard-trust", kind, given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("vault:saml/authBackendRole:AuthBackendRole", {"boundSubjects": ["*"]}),
        ("vault:index/certAuthBackendRole:CertAuthBackendRole", {"allowedDnsSans": ["*.example.com"]}),
        ("vault:spiffe/authBackendRole:AuthBackendRole", {"workloadIdPatterns": ["/ns/app/*"]}),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": "matchLabels:\n  team: a\n"}),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": '{"matchLabels": {"team": "a"}}'}),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": "{matchLabels: {example.com/team: a}}"}),
        (
            KUBERNETES_ROLE,
            {
                "boundServiceAccountNamespaceSelector": "matchExpressions:\n- key: vault\n"
                "  operator: 'In'\n  values: [a]\n"
            },
        ),
        (
            KUBERNETES_ROLE,
            {
                "boundServiceAccountNamespaceSelector": '{"matchExpressions":[{"operator":"Exists", '
                '"key":"a"}]}'
            },
        ),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaceSelector": ""}),
    ],
)
def test_what_is_no_wildcard_for_another_login_passes(kind: str, given: dict[str, Any]) -> None:
    assert not message("wildcard-trust", kind, given)


PROFILE = "arn:aws:iam::111111111111:instance-profile/eks-*"


def test_an_instance_profile_may_be_any_of_a_role_that_is_named() -> None:
    alone = {"boundIamInstanceProfileArns": [PROFILE]}
    assert f"boundIamInstanceProfileArns: trusts {PROFILE}" in message("wildcard-trust", AWS_ROLE, alone)
    assert not message("wildcard-trust", AWS_ROLE, {**alone, "boundIamRoleArns": [APP]})
    by_role = {**alone, "boundIamRoleArns": [f"{APP}*"]}
    assert f"boundIamRoleArns: trusts {APP}*" in message("wildcard-trust", AWS_ROLE, by_role)


def test_a_claim_is_a_pattern_where_the_vault_role_takes_globs() -> None:
    claims = {"boundClaims": {"sub": "*", "repository": UNKNOWN}}
    glob = {**claims, "boundClaimsType": "glob"}
    assert "boundClaims.sub: trusts *." in message("wildcard-trust", JWT_ROLE, glob)
    assert not message("wildcard-trust", JWT_ROLE, claims)
    assert not message("wildcard-trust", JWT_ROLE, {**glob, "boundClaims": {"sub": "repo:a/b"}})


@pytest.mark.parametrize("condition", [["x"], {"StringEquals": ["x"]}])
def test_a_malformed_condition_is_refused(condition: Any) -> None:
    trust = document(Principal={"AWS": APP}, Condition=condition)
    said = message("wildcard-trust", IAM_ROLE, {"assumeRolePolicy": trust})
    assert "assumeRolePolicy: is not a policy document" in said


OF_PERMISSIONS = ("permissions", "reachable-identities")


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if IAM_ROLE in rule.types])
def test_an_unknown_trust_policy_passes_and_an_unreadable_one_is_refused(
    rule: str,
) -> None:
    assert not message(rule, IAM_ROLE, {"assumeRolePolicy": UNKNOWN})
    field = {"inlinePolicies": [{"policy": "{"}]} if rule in OF_PERMISSIONS else {"assumeRolePolicy": "{"}
    assert "is not JSON" in message(rule, IAM_ROLE, field)
