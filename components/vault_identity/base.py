"""The base of Vault's AWS identities: the options that all have, and the IAM objects that most make."""

from collections.abc import Iterator
from typing import Any, ClassVar, cast

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from .. import iam
from ..component import Component, unique_name
from ..declared import Refusal
from ..forms import IamPolicyName, PolicyArn, Tags
from .credentials import VaultCredentials

POLICY_DESCRIPTION = "What HashiCorp Vault needs to look up who logs in through its AWS auth method"


class GrantedOptions(TypedDict):
    """The IAM objects that Vault's identity is made of."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the IAM policy. Default: the name of the user or role, and `-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the identity's permissions. Default: none."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


class PermissionsArgs(TypedDict):
    """What a program wires into every identity."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the identity is granted this and nothing else."""


def permissions_refusals(permissions: iam.VaultPermissions, own_arn: str | None = None) -> Iterator[Refusal]:
    """What is wrong with permissions of an identity; `own_arn` is any text where it has a key of its own."""
    try:
        iam.vault_permissions(permissions, own_arn=own_arn)
    except ValueError as error:
        yield Refusal("permissions", str(error))


class VaultIdentity(Component):
    """The AWS identity that Vault runs as."""

    KIND: ClassVar[str]
    """The word for the kind in stack files."""

    # Types of fields, not annotated: annotations of a component are its outputs.
    OPTIONS = cast(type, dict)
    ARGS = cast(type, dict)

    principal_arn: pulumi.Output[str]
    """ARN of the user or role; empty where it is not known."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy; empty where none is made."""

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: how Vault proves who it is."""
        raise NotImplementedError


class VaultRole(VaultIdentity):
    """An IAM role, and its derived policy."""

    ready: pulumi.Output[str]
    """Known once Vault can get the role, and the role has its permissions."""

    def _role(
        self, name: str, role_name: str, trust: pulumi.Input[str], args: Any
    ) -> "tuple[aws.iam.Role, aws.iam.RolePolicyAttachment]":
        """Declare the role, with its derived policy attached."""
        tags = args["tags"] or None
        role = aws.iam.Role(
            f"{name}-role",
            name=role_name,
            description="What HashiCorp Vault runs as",
            assume_role_policy=trust,
            permissions_boundary=args.get("permissions_boundary"),
            tags=tags,
            opts=unique_name(self),
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args.get("policy_name", f"{role_name}-policy"),
            description=POLICY_DESCRIPTION,
            policy=iam.to_json(iam.vault_permissions(args["permissions"])),
            tags=tags,
            opts=unique_name(self),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment",
            role=role.name,
            policy_arn=policy.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.principal_arn, self.policy_arn = role.arn, policy.arn
        return role, attachment

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: what Vault finds around it, once it is ready."""
        return {"ready": self.ready}
