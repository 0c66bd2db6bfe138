"""Rules of permissions in IAM."""

import json
from typing import Any

import pytest

from tests.policies.kit import APP, IAM_ROLE, Example, document, message

EXAMPLES = {
    "permissions": Example(
        "aws:iam/policy:Policy",
        {"policy": document(Action="s3:GetObject", Resource="*")},
        {"policy": document(Action="iam:GetRole", Resource="*")},
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
    ):
        assert shown in message("permissions", kind, inputs), kind


@pytest.mark.parametrize(
    "parts",
    [
        {"Action": "s3:Get*", "Resource": "arn:aws:s3:::bucket/*"},
        {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111111111111:role/app-*"},
        {"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:111111111111:instance/i-*"},
    ],
)
def test_permissions_may_have_wildcards_in_names(parts: dict[str, Any]) -> None:
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": document(**parts)})


def test_lookups_may_have_every_resource_and_deny_may_have_everything() -> None:
    looking = document(Action=["iam:GetRole", "EC2:describeinstances"], Resource="*")
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": looking})
    denied = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": denied})
    more = document(Action="s3:ListAllMyBuckets", Resource="*")
    declared = {"lookupActions": ["s3:ListAllMyBuckets"]}
    assert not message("permissions", "aws:iam/policy:Policy", {"policy": more}, **declared)


def test_policies_of_awss_own_that_allow_everything_are_refused() -> None:
    administrator = "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    assert f"policyArn: is {administrator}." in message(
        "permissions", attachment, {"policyArn": administrator}
    )
    worker = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    assert not message("permissions", attachment, {"policyArn": worker})
    assert message("permissions", IAM_ROLE, {"managedPolicyArns": [worker, administrator]})
