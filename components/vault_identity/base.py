"""The base of Vault's AWS identities: the options that all have, and the IAM objects that most make."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from .. import iam, quotas
from ..component import Claim, Kind, unique_name
from ..declared import UNIQUE, Default, Refusal
from ..forms import IamPolicyName, PolicyArn, RoleArn, Tags
from .credentials import VaultCredentials

POLICY_DESCRIPTION = "What HashiCorp Vault needs to look up who logs in through its AWS auth method"


class LookupOptions(TypedDict):
    """What Vault may look up beside what the logins need."""

    all_lookups: NotRequired[Annotated[bool, Default(False)]]
    """Grant every lookup that Vault can make, whatever the logins need: for Vault roles that are written by
    hand, or by other stacks."""

    assume_role_arns: NotRequired[Annotated[Sequence[RoleArn], Default(()), UNIQUE]]
    """Further roles that Vault may assume, beside those of trusted accounts."""


class GrantedOptions(LookupOptions):
    """The IAM objects that Vault's identity is made of."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the IAM policy. Default: the name of the role, and `-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the identity's permissions. Default: none."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


class PermissionsArgs(TypedDict):
    """What a program wires into every identity."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the identity is granted this and nothing else."""


class VaultIdentity(Kind):
    """The AWS identity that Vault runs as."""

    principal_arn: pulumi.Output[str]
    """ARN of the user or role; empty where it is not known."""

    principal_name: pulumi.Output[str]
    """Name of the user or role; empty where it is not known."""

    principal_unique_id: pulumi.Output[str]
    """Unique ID of the user or role that is made here; empty where it exists already."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy; empty where none is made."""

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: how Vault proves who it is."""
        raise NotImplementedError

    def _finish(self, **own: pulumi.Output[str]) -> None:
        """Register the outputs; `own` are those that only this kind has."""
        self.register_outputs(
            {
                "principal_arn": self.principal_arn,
                "principal_name": self.principal_name,
                "principal_unique_id": self.principal_unique_id,
                "policy_arn": self.policy_arn,
                **own,
            }
        )

    @classmethod
    def tagged_sessions(cls, options: Any) -> bool:
        """Whether Vault's sessions carry tags, as those of EKS Pod Identity do."""
        return False

    @classmethod
    def claims(cls, options: Any) -> Iterator[Claim]:
        """The names that the identity takes for itself, as far as its options are right."""
        for field, noun in (("user_name", "IAM user"), ("role_name", "IAM role")):
            if name := options.get(field):
                yield Claim(noun, name, (field,))
                if "policy_name" not in options:
                    yield Claim("IAM policy", f"{name}-policy", (field,))
        if "policy_name" in options:
            yield Claim("IAM policy", options["policy_name"], ("policy_name",))

    @classmethod
    def granted(cls, args: Any) -> iam.VaultPermissions:
        """What the identity is granted: what the logins need, and what its options add."""
        own: iam.VaultPermissions = {
            "all_lookups": args["all_lookups"],
            "assume_role_arns": args["assume_role_arns"],
            "tagged_sessions": cls.tagged_sessions(args),
        }
        return iam.merge_permissions([args["permissions"], own])


def permissions_refusals(permissions: iam.VaultPermissions, own_arn: str | None = None) -> Iterator[Refusal]:
    """What is wrong with permissions of an identity; `own_arn` is any text where it has a key of its own."""
    try:
        iam.vault_permissions(permissions, own_arn=own_arn)
    except ValueError as error:
        yield Refusal("permissions", str(error))
        return
    if said := too_long(permissions, own_arn):
        yield Refusal("permissions", said)


def too_long(permissions: iam.VaultPermissions, own_arn: str | None = None) -> str:
    """Why the policy of these permissions is longer than AWS takes; empty if it is not."""

    def measured(count: int) -> int:
        some: iam.VaultPermissions = {**permissions, "assume_role_arns": roles[:count]}
        # A statement about no role at all is as if there were one.
        return quotas.size(iam.vault_permissions(some, own_arn=own_arn)) if count else 0

    roles = list(permissions.get("assume_role_arns", ()))
    whole = measured(len(roles))
    if whole <= quotas.MANAGED_POLICY:
        return ""
    fit = bisect_right(range(1, len(roles)), quotas.MANAGED_POLICY, key=measured)
    return (
        f"make Vault's policy {whole:,} characters long, and AWS takes {quotas.MANAGED_POLICY:,}: of "
        f"{len(roles)} roles to assume, the first {fit} fit; let Vault assume fewer, or take an identity of "
        "the kind existing and write policies of your own for it"
    )


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
            policy=iam.to_json(iam.vault_permissions(self.granted(args))),
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
        self.principal_name, self.principal_unique_id = role.name, role.unique_id
        return role, attachment

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: what Vault finds around it, once it is ready."""
        return {"ready": self.ready}
