"""Each action has the condition keys that AWS's service authorization reference gives it, and no others."""

from __future__ import annotations

import pytest

from sandbox.aws import condition_keys

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/ABC"


@pytest.mark.parametrize(
    ("action", "key", "has"),
    [
        ("sts:AssumeRole", "sts:ExternalId", True),
        ("sts:AssumeRole", "sts:RoleSessionName", True),
        ("sts:AssumeRole", "aws:RequestTag/team", True),
        ("sts:AssumeRole", f"{ISSUER}:sub", False),
        ("sts:AssumeRoleWithWebIdentity", "sts:ExternalId", False),
        ("sts:AssumeRoleWithWebIdentity", f"{ISSUER}:sub", True),
        ("sts:AssumeRoleWithWebIdentity", "sts:RoleSessionName", True),
        ("sts:TagSession", "aws:RequestTag/team", True),
        ("sts:TagSession", "aws:TagKeys", True),
        ("STS:tagsession", "STS:TRANSITIVETAGKEYS", True),
        ("sts:TagSession", "sts:ExternalId", False),
        ("sts:TagSession", "sts:RoleSessionName", False),
        ("sts:TagSession", f"{ISSUER}:aud", False),
        ("sts:GetFederationToken", "sts:TransitiveTagKeys", False),
        ("iam:PassRole", "iam:PassedToService", True),
        ("iam:CreateRole", "iam:PassedToService", False),
        ("iam:CreateRole", "iam:PermissionsBoundary", True),
        ("iam:CreateRole", "aws:RequestTag/team", True),
        ("iam:GetRole", "iam:PermissionsBoundary", False),
        ("iam:AttachRolePolicy", "iam:PolicyARN", True),
        ("iam:CreatePolicyVersion", "iam:PolicyARN", False),
        ("iam:CreateServiceLinkedRole", "iam:AWSServiceName", True),
        ("iam:CreateRole", "iam:AWSServiceName", False),
        ("iam:CreateAccessKey", "iam:PermissionsBoundary", False),
        ("iam:DeleteUser", "iam:PermissionsBoundary", False),
        ("iam:AddRoleToInstanceProfile", "iam:PassedToService", False),
        ("sts:GetCallerIdentity", "sts:RoleSessionName", False),
        ("eks:CreateCluster", "aws:RequestTag/team", True),
        ("eks:CreatePodIdentityAssociation", "aws:TagKeys", True),
        ("eks:DescribeCluster", "aws:RequestTag/team", False),
        ("eks:CreateCluster", "eks:policyArn", False),
        ("iam:UntagRole", "aws:TagKeys", True),
        ("iam:UntagRole", "aws:RequestTag/team", False),
    ],
)
def test_action_has_the_keys_of_the_reference(action: str, key: str, has: bool) -> None:
    assert condition_keys.has(action, key) is has


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:TagSession", "iam:GetRole", "ec2:RunInstances"])
@pytest.mark.parametrize("key", ["aws:PrincipalArn", "aws:PrincipalTag/team", "aws:SourceIp", "aws:userid"])
def test_every_action_has_the_global_keys(action: str, key: str) -> None:
    assert condition_keys.has(action, key)
