"""The IAM role that a login makes for its callers, beside the Vault role."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import durations
from ..component import Claim, unique_name
from ..forms import IamName, PolicyArn, Tags, lasts
from .base import LoginOptions


class OwnRoleOptions(LoginOptions):
    """What people write of a login that makes an IAM role."""

    iam_role_name: NotRequired[IamName]
    """Name of the IAM role. Default: the login's name."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the IAM role's permissions. Default: none."""

    max_session_duration: NotRequired[Annotated[str, lasts("1h", "12h", "IAM allows no other")]]
    """Longest session of the IAM role: `1h`, `4h`. Default: AWS's own, one hour."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


def own_role(
    name: str, args: Any, callers: str, trust_policy: pulumi.Input[str], parent: pulumi.Resource
) -> "aws.iam.Role":
    """Declare the role. It has no permissions: it says who the caller is. `args` are OwnRoleOptions."""
    return aws.iam.Role(
        f"{name}-iam-role",
        name=args.get("iam_role_name", name),
        description=f"Login {name} to HashiCorp Vault, for {callers}"[:1000],
        assume_role_policy=trust_policy,
        permissions_boundary=args.get("permissions_boundary"),
        max_session_duration=durations.to_seconds(args["max_session_duration"])
        if "max_session_duration" in args
        else None,
        tags=args["tags"] or None,
        opts=unique_name(parent),
    )


def attach(
    name: str,
    role: "aws.iam.Role",
    policy_arns: Mapping[str, pulumi.Input[str]],
    parent: pulumi.Resource,
) -> None:
    """Declare that the role has these managed policies."""
    for policy, policy_arn in policy_arns.items():
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy}-policy",
            role=role.name,
            policy_arn=policy_arn,
            opts=pulumi.ResourceOptions(parent=parent),
        )


def role_claims(name: str, options: Mapping[str, Any]) -> Iterator[Claim]:
    """The role's name."""
    written = "iam_role_name" in options
    yield Claim("IAM role", options.get("iam_role_name", name), ("iam_role_name",) if written else ())
