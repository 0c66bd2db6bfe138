"""An IAM role that Vault finds around it, that of its instances, nodes or pods, and what is granted to it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import arns
from .component import unique_name
from .declared import Default, Refusal
from .forms import RoleArn


class ExistingRoleOptions(TypedDict):
    """The role that Vault finds around it: no stored credential at all."""

    role_arn: NotRequired[pulumi.Input[RoleArn]]
    """ARN of the role that Vault finds around it: that of its instances, nodes or pods. Default: not known,
    as with a Vault of the HashiCorp Cloud Platform."""

    attach_policy: NotRequired[bool]
    """Grant that role what is needed, with a policy that is made for it; for that it must be of the aws
    provider's account. False: its owner grants it. Default: true, where there is a `role_arn`."""

    tagged_sessions: NotRequired[Annotated[bool, Default(False)]]
    """Vault has the role by EKS Pod Identity, whose sessions bring tags into every role that they assume."""


class Granted(NamedTuple):
    """A policy, and its attachment to the role."""

    policy: "aws.iam.Policy"
    attachment: "aws.iam.RolePolicyAttachment"


def makes_policy(options: Mapping[str, Any]) -> bool:
    """Whether the role is granted something here."""
    return "role_arn" in options and bool(options.get("attach_policy", True))


def unused(options: Mapping[str, Any], *fields: str) -> Iterator[Refusal]:
    """Refuse `fields` of the policy, where none is made."""
    if makes_policy(options):
        return
    why = "{attach_policy} is false" if "role_arn" in options else "there is no {role_arn}"
    if "attach_policy" in options and "role_arn" not in options:
        yield Refusal("attach_policy", f"is not used: {why}; remove it")
    for field in fields:
        if options.get(field):
            yield Refusal(field, f"is not used: no policy is made, because {why}; remove it")


def policy_name(options: Mapping[str, Any], ending: str) -> pulumi.Input[str]:
    """The name of the policy, where one is made; known at once where the role is."""
    if "policy_name" in options:
        return str(options["policy_name"])

    # Not ROLE-policy: the role's owner may have made that, too.
    def named(arn: str) -> str:
        return f"{arns.parse(arn).name}-{ending}"

    role: pulumi.Input[str] = options["role_arn"]
    return (
        named(role) if isinstance(role, str) else pulumi.Output.all(role).apply(lambda known: named(known[0]))
    )


def grant(
    name: str,
    role_arn: pulumi.Input[str],
    policy: pulumi.Input[str],
    *,
    description: str,
    document: pulumi.Input[str],
    tags: Any,
    parent: pulumi.Resource,
) -> Granted:
    """Declare a policy of that name, attached to the role."""
    made = aws.iam.Policy(
        f"{name}-policy",
        name=policy,
        description=description,
        policy=document,
        tags=tags or None,
        opts=unique_name(parent),
    )
    attachment = aws.iam.RolePolicyAttachment(
        f"{name}-policy-attachment",
        role=_role_name(role_arn, parent),
        policy_arn=made.arn,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Granted(made, attachment)


def _role_name(role_arn: pulumi.Input[str], parent: pulumi.Resource) -> pulumi.Output[str]:
    if not isinstance(role_arn, str):  # one that the program makes
        return pulumi.Output.all(role_arn).apply(lambda known: arns.parse(known[0]).name)
    # IAM goes by the name alone, and a role of another account may have a namesake in this one.
    found = aws.iam.get_role_output(
        name=arns.parse(role_arn).name, opts=pulumi.InvokeOutputOptions(parent=parent)
    )
    return found.apply(lambda known: _checked(role_arn, known.arn))


def _checked(wanted: str, found: str) -> str:
    """The name of the role that was found, if it is the one that was asked for."""
    if found == wanted:
        return arns.parse(found).name
    account = arns.parse(found).account
    if account != arns.parse(wanted).account:
        raise ValueError(
            f"role_arn: {wanted!r} is not of the account {account}, where this stack is; set attach_policy "
            "to false, and have its owner grant it what Vault needs"
        )
    raise ValueError(f"role_arn: {wanted!r} is not its ARN; write it as IAM has it, with its path: {found}")
