"""What the kinds of identity have in common: a name of IAM's form, and the policy with its permissions."""

import pulumi
import pulumi_aws as aws

from .. import iam, names

POLICY_DESCRIPTION = "What HashiCorp Vault needs to look up who logs in through its AWS auth method"


def iam_name(field: str, name: str) -> str:
    """The name, if it can name an IAM role or user. Raises ValueError that names the field."""
    try:
        names.check_iam_name(name)
    except ValueError as error:
        raise ValueError(f"{field}: {name!r} {error}") from None
    return name


def policy_name(name: str) -> str:
    """The name, if it can name an IAM policy. Raises ValueError that names the field."""
    try:
        names.check_policy_name(name)
    except ValueError as error:
        raise ValueError(f"policy_name: {name!r} {error}") from None
    return name


def granted_role(
    name: str,
    parent: pulumi.Resource,
    *,
    role_name: str,
    name_of_policy: str,
    trust: pulumi.Input[str],
    permissions: iam.VaultPermissions,
    permissions_boundary: pulumi.Input[str] | None,
) -> "tuple[aws.iam.Role, aws.iam.Policy, aws.iam.RolePolicyAttachment]":
    """Declare a role for Vault, with its derived policy attached."""
    document = iam.to_json(iam.vault_permissions(permissions))
    # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
    named = pulumi.ResourceOptions(parent=parent, delete_before_replace=True)
    role = aws.iam.Role(
        f"{name}-role",
        name=iam_name("role_name", role_name),
        description="What HashiCorp Vault runs as",
        assume_role_policy=trust,
        permissions_boundary=permissions_boundary,
        opts=named,
    )
    policy = aws.iam.Policy(
        f"{name}-policy",
        name=policy_name(name_of_policy),
        description=POLICY_DESCRIPTION,
        policy=document,
        opts=named,
    )
    attachment = aws.iam.RolePolicyAttachment(
        f"{name}-policy-attachment",
        role=role.name,
        policy_arn=policy.arn,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return role, policy, attachment


def once(*made: pulumi.Resource | pulumi.Output[str]) -> pulumi.Output[str]:
    """Known once all of these are: resources that have been made, or values of such."""
    values = [each if isinstance(each, pulumi.Output) else each.urn for each in made]
    return pulumi.Output.all(*values).apply(lambda known: str(known[0]))
