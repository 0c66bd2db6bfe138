"""The IAM role of a login's callers, beside the Vault role: one that the login makes, unless it uses one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import arns, durations, iam, quotas, renames
from ..component import Claim, unique_name
from ..declared import Default, Refusal, matches, rule
from ..forms import IamName, IamPath, PolicyArn, PolicyStatements, RoleArn, Tags, lasts
from . import lookup, used_role
from .base import LoginArgs, LoginOptions

_Key = Annotated[
    str, matches(r"[a-z0-9-]{1,40}", "a name for a policy; write up to 40 lower-case letters, digits and -")
]


class OwnRoleOptions(LoginOptions):
    """What people write of a login whose callers have an IAM role of their own."""

    iam_role_arn: NotRequired[pulumi.Input[RoleArn]]
    """ARN of an IAM role that exists: it is used as it is, and none is made. Its trust policy must let the
    callers in, which is checked. Default: a role is made."""

    iam_role_name: NotRequired[IamName]
    """Name of the IAM role. Default: the login's name."""

    iam_role_path: NotRequired[Annotated[IamPath, Default("/")]]
    """Path of the IAM role, with a `/` at both ends: `/team-a/`. Another one replaces the role."""

    policy_arns: NotRequired[Annotated[Mapping[_Key, pulumi.Input[PolicyArn]], Default({})]]
    """ARNs of managed policies of the IAM role, each by a name of your choice: what else the workload does in
    AWS. Without any, and without `policy_statements`, the role only says which workload it is."""

    policy_statements: NotRequired[Annotated[pulumi.Input[Sequence[Any]], PolicyStatements, Default(())]]
    """Statements of an inline policy of the IAM role, each with `Effect`, `Action` and `Resource`: what else
    the workload does in AWS."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the IAM role's permissions. Default: none."""

    max_session_duration: NotRequired[Annotated[str, lasts("1h", "12h", "IAM allows no other")]]
    """Longest session of the IAM role: `1h`, `4h`. Default: AWS's own, one hour."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


class OwnRoleArgs(LoginArgs):
    """A login whose callers have an IAM role of their own, and the mount that they log in to."""

    look_up: NotRequired[bool]
    """Look the role of `iam_role_arn` up and read its trust policy, with the aws provider that is handed
    over. Default: true, unless the role is not of Vault's own account, the first of `connection.accounts`,
    because it needs a provider of the role's account."""

    named_after_objects: NotRequired[Annotated[bool, Default(False)]]
    """Name the resources after the IAM role and the service accounts, not after the component: for a program
    in which no other component has the same ones, and whose components' names change. An object that got
    another resource name would be made before it is deleted under the old one, and can exist only once."""


_OF_A_NEW_ROLE = (
    "iam_role_name",
    "iam_role_path",
    "permissions_boundary",
    "max_session_duration",
    "policy_arns",
    "policy_statements",
)


@rule(OwnRoleOptions, "iam_role_arn", *_OF_A_NEW_ROLE)
def _as_it_is(options: OwnRoleOptions) -> Iterator[Refusal]:
    yield from used_role.unused({**options, "iam_role_path": options["iam_role_path"][1:]}, *_OF_A_NEW_ROLE)


@rule(OwnRoleOptions, "policy_statements")
def _inline(options: OwnRoleOptions) -> Iterator[Refusal]:
    statements = options["policy_statements"]
    if isinstance(statements, Sequence):
        yield from quotas.policy_refusals(
            "policy_statements",
            iam.document([*statements]),
            quotas.INLINE_POLICIES_OF_ROLE,
            "the inline policies of a role",
            "move some of them to managed policies, {policy_arns}",
        )


@rule(OwnRoleArgs, "iam_role_arn", "connection")
def _account(args: OwnRoleArgs) -> Iterator[Refusal]:
    if used_role.is_used(args):
        yield from lookup.refusals("iam_role_arn", [args.get("iam_role_arn")], args)


def owner(name: str, args: Any) -> str:
    """What the role's resources are named after. `args` are OwnRoleOptions and OwnRoleArgs."""
    return role_name(name, args) if args["named_after_objects"] else name


def role_name(name: str, options: Mapping[str, Any]) -> str:
    """The name that the role has in IAM."""
    return str(options.get("iam_role_name") or name)


def role_arn(partition: str, account: str, name: str, options: Mapping[str, Any]) -> str:
    """The ARN that the role will have."""
    return arns.role_arn(partition, account, role_name(name, options), options["iam_role_path"])


def own_role(
    name: str,
    args: Any,
    callers: str,
    trust_policy: pulumi.Input[str],
    parent: pulumi.Resource,
    policy_arns: Mapping[str, pulumi.Input[str]],
) -> "aws.iam.Role":
    """Declare the role, with these managed policies and the inline one that is written. Without any it has no
    permissions: it says who the caller is. `args` are OwnRoleOptions and OwnRoleArgs."""
    role = aws.iam.Role(
        f"{owner(name, args)}-iam-role",
        name=role_name(name, args),
        path=args["iam_role_path"] if args["iam_role_path"] != "/" else None,
        description=f"Login {name} to HashiCorp Vault, for {callers}"[:1000],
        assume_role_policy=trust_policy,
        permissions_boundary=args.get("permissions_boundary"),
        max_session_duration=durations.to_seconds(args["max_session_duration"])
        if "max_session_duration" in args
        else None,
        tags=args["tags"] or None,
        opts=unique_name(parent, renames.of_login(name, owner(name, args), "iam-role")),
    )
    if statements := args["policy_statements"]:
        aws.iam.RolePolicy(
            f"{owner(name, args)}-inline-policy",
            name="workload",
            role=role.name,
            policy=pulumi.Output.from_input(statements).apply(
                lambda all_: iam.to_json(iam.document([*all_]))
            ),
            opts=pulumi.ResourceOptions(parent=parent),
        )
    for policy, policy_arn in policy_arns.items():
        aws.iam.RolePolicyAttachment(
            f"{owner(name, args)}-{policy}-policy",
            role=role.name,
            policy_arn=policy_arn,
            opts=pulumi.ResourceOptions(
                parent=parent, aliases=renames.of_login(name, owner(name, args), f"{policy}-policy")
            ),
        )
    return role


def too_many_policies(attached: int, what: str) -> Iterator[Refusal]:
    """Refuse more managed policies than one role can have; `what` counts to them, beside policy_arns."""
    if attached > quotas.ATTACHED_POLICIES:
        yield Refusal(
            "policy_arns",
            f"{what} {attached} policies of one role, and AWS attaches {quotas.ATTACHED_POLICIES}; put what "
            "some of them allow into one policy",
        )


def role_claims(name: str, options: Mapping[str, Any]) -> Iterator[Claim]:
    """The name of a role that the login makes."""
    if used_role.is_used(options):
        return
    written = "iam_role_name" in options
    yield Claim("IAM role", role_name(name, options), ("iam_role_name",) if written else ())
