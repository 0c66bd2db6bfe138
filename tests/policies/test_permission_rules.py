"""Rules of permissions in IAM."""

import json
from typing import Any

import pytest

from tests.policies.kit import APP, IAM_ROLE, Example, document, message

IAM = "arn:aws:iam::111111111111"
ENGINE_ROLE = "vault:aws/secretBackendRole:SecretBackendRole"

EXAMPLES = {
    "permissions": Example(
        "aws:iam/policy:Policy",
        {"policy": document(Action="s3:GetObject", Resource="*")},
        {"policy": document(Action="iam:GetRole", Resource="*")},
    ),
    "reachable-identities": Example(
        "aws:iam/policy:Policy",
        {"policy": document(Action="iam:PassRole", Resource=f"{IAM}:role/*")},
        {"policy": document(Action="iam:PassRole", Resource=f"{IAM}:role/app")},
    ),
}


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"Action": "*", "Resource": APP}, "the action *."),
        ({"Action": ["s3:GetObject", "iam:*"], "Resource": APP}, "the action iam:*."),
        ({"Action": "*:*", "Resource": APP}, "the action *:*."),
        ({"Action": "i*:*", "Resource": APP}, "the action i*:*."),
        ({"Action": "ia?:GetRole", "Resource": APP}, "the action ia?:GetRole."),
        ({"Action": "iam:?*", "Resource": APP}, "the action iam:?*."),
        ({"Action": "iam:*e*", "Resource": APP}, "the action iam:*e*."),
        ({"Action": "s3:?", "Resource": APP}, "the action s3:?."),
        ({"Action": "?*", "Resource": APP}, "the action ?*."),
        ({"Action": "*:GetObject", "Resource": APP}, "the action *:GetObject."),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:*:::bucket"}, "arn:aws:*:::bucket."),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3*:::bucket"}, "arn:aws:s3*:::bucket."),
        ({"Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:*:111111111111:*:*"}, ":*:*."),
        ({"NotAction": "iam:*", "Resource": APP}, "NotAction"),
        ({"Action": "s3:GetObject", "NotResource": APP}, "NotResource"),
        ({"Action": "s3:GetObject", "Resource": "*"}, "s3:GetObject on the resource *."),
        ({"Action": ["iam:GetRole", "sts:AssumeRole"], "Resource": "*"}, "allows sts:AssumeRole on"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}, "on the resource arn:aws:s3:::*."),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::?*"}, "on the resource arn:aws:s3:::?*."),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/*"}, "on the resource arn:aws:s3:::*/*."),
        ({"Action": "s3:GetObject", "Resource": "arn:*"}, "on the resource arn:*."),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:iam:*role/app"}, "arn:aws:iam:*role/app."),
        ({"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/app"}, "arn:aws:iam::*:role/app."),
        ({"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::1*:role/app"}, "arn:aws:iam::1*:role/app."),
        ({"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:*"}, "arn:aws:ec2:*:*:*."),
        ({"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:*/*"}, "arn:aws:ec2:*:*:*/*."),
        ({"Action": "kms:Decrypt", "Resource": "arn:aws:kms:*:*:key/*"}, "arn:aws:kms:*:*:key/*."),
        (
            {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:PrincipalTag/x}"},
            "aws:PrincipalTag/x}.",
        ),
        (
            {"Action": "iam:PassRole", "Resource": "arn:aws:iam::${aws:RequestTag/a}:role/app"},
            "on the resource",
        ),
    ],
)
def test_permissions_that_are_too_broad_are_refused(parts: dict[str, Any], shown: str) -> None:
    text = document(**parts)
    for kind, inputs in (
        ("aws:iam/policy:Policy", {"policy": text}),
        ("aws:iam/rolePolicy:RolePolicy", {"policy": text}),
        ("aws:iam/userPolicy:UserPolicy", {"policy": json.loads(text)}),
        (IAM_ROLE, {"inlinePolicies": [{"name": "x", "policy": text}]}),
        ("vault:aws/secretBackendRole:SecretBackendRole", {"policyDocument": text}),
        ("aws:iam/groupPolicy:GroupPolicy", {"policy": text}),
        ("aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", {"inlinePolicy": text}),
    ):
        assert shown in message("permissions", kind, inputs), kind


@pytest.mark.parametrize(
    "parts",
    [
        {"Action": "s3:Get*", "Resource": "arn:aws:s3:::bucket/*"},
        {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111111111111:role/app-*"},
        {"Action": "s3:Ge*", "Resource": "arn:*:s3:::bucket/*"},
        {"Action": "iam:Get*", "Resource": f"{IAM}:role/*"},
        {"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:111111111111:instance/i-*"},
        {
            "Action": ["ec2:AttachVolume"],
            "Resource": ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*"],
        },
        {
            "Action": "elasticloadbalancing:AddTags",
            "Resource": "arn:aws:elasticloadbalancing:*:*:targetgroup/*/*",
        },
    ],
)
def test_permissions_may_have_wildcards_in_names(parts: dict[str, Any]) -> None:
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": document(**parts)})


def test_lookups_may_have_every_resource_and_deny_may_have_everything() -> None:
    looking = document(Action=["iam:GetRole", "EC2:describeinstances"], Resource="*")
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": looking})
    controllers = ["autoscaling:DescribeAutoScalingGroups", "ec2:Describe*", "ec2:DescribeVolumes"]
    others = ["route53:ListHostedZonesByName", "ecr:GetAuthorizationToken", "pricing:GetProducts"]
    looking = document(Action=controllers + others, Resource="*")
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": looking})
    for action in ("ec2:D*", "ec2:CreateVolume", "route53:List*", "sts:Get*"):
        assert message(
            "permissions", "aws:iam/policy:Policy", {"policy": document(Action=action, Resource="*")}
        )
    agents = ["cloudwatch:PutMetricData", "xray:PutTraceSegments", "elasticfilesystem:DescribeMountTargets"]
    others = ["route53:ListResourceRecordSets", "route53:ListTagsForResources", "eks:DescribeNodegroup"]
    looking = document(Action=agents + others, Resource="*")
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": looking})
    denied = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": denied})
    listing = document(Action="s3:ListAllMyBuckets", Resource="*")
    declared = {"lookupActions": ["s3:ListAllMyBuckets"]}
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": listing}, **declared)


SCALES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
OWNED = "aws:ResourceTag/k8s.io/cluster-autoscaler/eks1"


@pytest.mark.parametrize(
    ("actions", "condition", "passes"),
    [
        (SCALES, {"StringEquals": {OWNED: "owned"}}, True),
        ("ec2:DeleteVolume", {"StringLike": {"ec2:ResourceTag/ebs.csi.aws.com/cluster": "true"}}, True),
        (SCALES, {}, False),
        (SCALES, {"StringLike": {OWNED: "*"}}, False),
        (SCALES, {"StringEqualsIfExists": {OWNED: "owned"}}, False),
        (SCALES, {"Null": {OWNED: "false"}}, False),
        (SCALES, {"StringEquals": {"aws:RequestTag/x": "owned"}}, False),
        ([*SCALES, "s3:GetObject"], {"StringEquals": {OWNED: "owned"}}, False),
        ("autoscaling:*", {"StringEquals": {OWNED: "owned"}}, False),
        ("iam:GetLoginProfile", {"StringEquals": {"aws:ResourceTag/x": "y"}}, False),
    ],
)
def test_a_clusters_controllers_may_know_their_machines_by_a_tag(
    actions: Any, condition: dict[str, Any], passes: bool
) -> None:
    text = document(Action=actions, Resource="*", Condition=condition)
    assert bool(message("permissions", "aws:iam/policy:Policy", {"policy": text})) is not passes


def test_policies_of_awss_own_that_allow_everything_are_refused() -> None:
    administrator = "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    assert f"policyArn: is {administrator}." in message(
        "permissions", attachment, {"policyArn": administrator}
    )
    worker = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    assert not message("permissions", attachment, {"policyArn": worker})
    assert message("permissions", IAM_ROLE, {"managedPolicyArns": [worker, administrator]})


@pytest.mark.parametrize(
    ("kind", "field", "listed"),
    [
        ("aws:iam/policyAttachment:PolicyAttachment", "policyArn", False),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "policyArn", False),
        ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "policyArn", False),
        ("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "policyArns", True),
        ("aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive", "policyArns", True),
        ("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment", "managedPolicyArn", False),
        (
            "aws:ssoadmin/managedPolicyAttachmentsExclusive:ManagedPolicyAttachmentsExclusive",
            "managedPolicyArns",
            True,
        ),
        (ENGINE_ROLE, "policyArns", True),
    ],
)
def test_every_way_to_attach_a_policy_of_awss_own_is_known(kind: str, field: str, listed: bool) -> None:
    for name in ("AdministratorAccess", "administratoraccess", "IAMFullAccess ", "PowerUserAccess"):
        arn = f"arn:aws:iam::aws:policy/{name}"
        assert f"{field}: is {arn}" in message("permissions", kind, {field: [arn] if listed else arn})
    worker = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert not message("permissions", kind, {field: [worker] if listed else worker})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (IAM_ROLE, "permissionsBoundary"),
        ("aws:iam/user:User", "permissionsBoundary"),
        (ENGINE_ROLE, "permissionsBoundaryArn"),
    ],
)
def test_a_boundary_that_allows_everything_is_none(kind: str, field: str) -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert f"{field}: is {arn}, which bounds nothing." in message("permissions", kind, {field: arn})
    assert not message("permissions", kind, {field: f"{IAM}:policy/boundary"})


ANY_ROLE = [
    f"{IAM}:role/*",
    f"{IAM}:role/**",
    f"{IAM}:role/?*",
    f"{IAM}:role/*/*",
    f"{IAM}:role/*admin",
    f"{IAM}:role/*-team",
    f"{IAM}:role*",
    f"{IAM}:ro?e/app",
    f"{IAM}:r*",
    f"{IAM}:*",
    f"{IAM}:*/app",
    f"{IAM}:*role/app",
    "arn:aws:*::111111111111:role/app",
    f"{IAM}:role/a*",
    f"{IAM}:role/${{aws:PrincipalTag/role}}",
    f"{IAM}:role/${{aws:PrincipalTag/role, 'app'}}-x",
    f"{IAM}:role/${{saml:sub}}",
    "arn:aws:iam::${aws:PrincipalTag/account}:role/*",
    "ARN:AWS:IAM::111111111111:ROLE/*",
    "arn:aws:i*",
    "arn:*",
    "*",
]
CLUSTERS = "arn:aws:eks:us-east-1:111111111111:cluster"


@pytest.mark.parametrize("arn", ANY_ROLE)
@pytest.mark.parametrize(
    "action",
    [
        "sts:AssumeRole",
        "iam:PassRole",
        "IAM:passrole",
        "iam:Pass*",
        "sts:Assume*",
        "iam:P?ssRole",
        "iam:*Role",
        "*",
    ],
)
def test_permissions_that_reach_any_role_are_refused(action: str, arn: str) -> None:
    text = document(Action=["s3:GetObject", action], Resource=[APP, arn])
    said = message("reachable-identities", "aws:iam/rolePolicy:RolePolicy", {"policy": text})
    assert f"policy, statement 1: allows {action} on {arn}." in said


@pytest.mark.parametrize("arn", [f"{IAM}:user/*", f"{IAM}:user/?*", f"{IAM}:u*", f"{IAM}:user/*/*"])
@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateAccessKey",
        "iam:Create*",
        "iam:CreateLoginProfile",
        "iam:UpdateLoginProfile",
        "iam:PutUserPolicy",
        "iam:AttachUserPolicy",
        "iam:Attach*Policy",
        "iam:AddUserToGroup",
        "iam:DeleteUserPermissionsBoundary",
        "iam:UpdateAccessKey",
        "iam:UploadSSHPublicKey",
        "iam:ResetServiceSpecificCredential",
        "iam:RemoveUserFromGroup",
        "iam:TagUser",
        "iam:Untag*",
    ],
)
def test_permissions_to_change_any_user_are_refused(action: str, arn: str) -> None:
    for condition in ({}, {"StringEquals": {"iam:PermissionsBoundary": f"{IAM}:policy/b"}}):
        text = document(Action=action, Resource=arn, Condition=condition)
        for kind, inputs in (
            ("aws:iam/policy:Policy", {"policy": text}),
            ("aws:iam/userPolicy:UserPolicy", {"policy": json.loads(text)}),
            (IAM_ROLE, {"inlinePolicies": [{"name": "x", "policy": text}]}),
            (ENGINE_ROLE, {"policyDocument": text}),
        ):
            assert f"allows {action} on {arn}." in message("reachable-identities", kind, inputs), kind


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sts:AssumeRole", APP),
        ("sts:AssumeRole", f"{IAM}:role/team-*"),
        ("sts:AssumeRole", f"{IAM}:role/team/*"),
        ("sts:TagSession", f"{IAM}:role/team/*"),
        ("iam:PassRole", f"{IAM}:role/eks-node-?"),
        ("iam:CreateAccessKey", f"{IAM}:user/vault-token-*"),
        ("iam:CreateAccessKey", f"{IAM}:user/${{aws:username}}"),
        ("sts:AssumeRole", f"{IAM}:role/${{aws:username}}-admin"),
        ("sts:AssumeRole", f"{IAM}:role/team-${{aws:PrincipalTag/team}}"),
        ("sts:AssumeRole", "arn:aws:iam::${aws:PrincipalAccount}:role/app"),
        ("iam:TagRole", f"{IAM}:role/team-*"),
        ("iam:TagInstanceProfile", f"{IAM}:instance-profile/*"),
        ("iam:AttachUserPolicy", f"{IAM}:user/vault-token-my-role-*"),
        ("iam:GetRole", "*"),
        ("iam:GetUser", f"{IAM}:user/*"),
        ("iam:ListAccessKeys", f"{IAM}:user/*"),
        ("iam:Get*", f"{IAM}:role/*"),
        ("sts:GetFederationToken", "arn:aws:sts::111111111111:federated-user/vault-*"),
        ("s3:GetObject", "arn:aws:s3:::bucket/*"),
        ("ec2:*Instances", "arn:aws:ec2:*:111111111111:instance/*"),
        ("eks:DescribeCluster", f"{CLUSTERS}/*"),
        ("eks:CreateAccessEntry", f"{CLUSTERS}/team-*"),
        ("eks:*", f"{CLUSTERS}/app"),
        # Nothing comes of these alone: who is new has no permission, and who is gone has none left.
        ("iam:CreateRole", f"{IAM}:role/*"),
        ("iam:CreateUser", f"{IAM}:user/*"),
        ("iam:CreatePolicy", f"{IAM}:policy/*"),
        ("iam:DeleteRole", f"{IAM}:role/*"),
        ("iam:AddRoleToInstanceProfile", f"{IAM}:instance-profile/*"),
        ("iam:CreateOpenIDConnectProvider", f"{IAM}:oidc-provider/*"),
        # These have no names, and a rule does not read the condition that narrows them.
        ("ssm:StartSession", "arn:aws:ec2:us-east-1:111111111111:instance/*"),
    ],
)
def test_permissions_on_named_identities_pass(action: str, resource: str) -> None:
    text = document(Action=action, Resource=resource)
    assert not message("reachable-identities", "aws:iam/policy:Policy", {"policy": text})


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("sts:AssumeRoleWithWebIdentity", f"{IAM}:role/*"),
        ("sts:AssumeRoleWithSAML", f"{IAM}:role/*"),
        ("eks:CreateAccessEntry", f"{CLUSTERS}/*"),
        ("eks:AssociateAccessPolicy", "arn:aws:eks:*:111111111111:*"),
        ("eks:*Access*", f"{CLUSTERS}/*"),
        ("EKS:updateaccessentry", "arn:aws:eks:us-east-1:111111111111:access-entry/*"),
        ("eks:*", f"{CLUSTERS}/?*"),
    ],
)
def test_permissions_to_give_access_to_any_cluster_or_to_log_in_as_any_role_are_refused(
    action: str, arn: str
) -> None:
    text = document(Action=["s3:GetObject", action], Resource=[APP, arn])
    assert f" on {arn}." in message("reachable-identities", "aws:iam/policy:Policy", {"policy": text})


def test_a_cluster_by_pattern_beside_a_named_role_passes() -> None:
    text = document(
        Action=["eks:DescribeCluster", "sts:AssumeRole"],
        Resource=[APP, f"{CLUSTERS}/*"],
    )
    assert not message("reachable-identities", "aws:iam/policy:Policy", {"policy": text})


def test_an_identity_by_pattern_can_be_declared() -> None:
    inputs = {"policy": document(Action="iam:PassRole", Resource=f"{IAM}:role/*-lookup")}
    declared = {"allowed": [f"{IAM}:role/*-lookup"]}
    assert message("reachable-identities", "aws:iam/policy:Policy", inputs)
    assert not message("reachable-identities", "aws:iam/policy:Policy", inputs, **declared)


@pytest.mark.parametrize("arn", [*ANY_ROLE, f"{IAM}:role/app-*", f"{IAM}:role/ap?", f"{IAM}:role/${{x}}"])
def test_the_secrets_engine_names_its_roles_in_full(arn: str) -> None:
    assert f"roleArns: {arn} is a pattern." in message(
        "reachable-identities", ENGINE_ROLE, {"roleArns": [arn]}
    )
    assert not message("reachable-identities", ENGINE_ROLE, {"roleArns": [APP]})
    assert not message("reachable-identities", ENGINE_ROLE, {"roleArns": [arn]}, allowed=[arn])


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"statement": []}',
        '{"Statement": []}',
        '{"Statement": [[]]}',
        '{"Statement": {"Effect": "Allow", "Action": [["iam:*"]], "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "iam:PassRole", "Resource": [["*"]]}}',
        '{"Statement": {"Effect": "Allow", "Action": {"a": "iam:*"}, "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "action": "*", "resource": "*"}}',
        "[]",
        '"x"',
        "",
        " ",
        '{"Statement": {"Effect": "Deny", "Action": "*"}, "Statement": {"Effect": "Allow", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Action": "s3:GetObject"}}',
    ],
)
@pytest.mark.parametrize("rule", ["permissions", "reachable-identities"])
def test_what_is_no_policy_document_is_refused(rule: str, text: str) -> None:
    assert "cannot be checked" in message(rule, "aws:iam/policy:Policy", {"policy": text})


@pytest.mark.parametrize("effect", ["allow", "ALLOW", "Allow ", ""])
def test_what_does_not_deny_is_taken_to_allow(effect: str) -> None:
    text = json.dumps({"Statement": {"Effect": effect, "Action": "*", "Resource": "*"}})
    assert message("permissions", "aws:iam/policy:Policy", {"policy": text})
