"""An identity that Vault has already: a role that somebody else made, or one that nobody here can see."""

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from .. import arns, iam, trust
from .credentials import VaultCredentials
from .granted import POLICY_DESCRIPTION, once, policy_name


class ExistingVaultIdentityArgs(TypedDict):
    """The AWS identity that Vault runs with already."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the role is granted this, beside what it has."""

    role_arn: NotRequired[str]
    """ARN of the role that Vault finds around it: that of its instances, nodes or pods. Default: not known,
    as with a Vault that somebody else runs in an account of his own."""

    attach_policy: NotRequired[bool]
    """Grant the role the permissions, with a policy that is made for it; for that it must be of the aws
    provider's account. False: its owner grants them. Default: true with `role_arn`."""

    policy_name: NotRequired[str]
    """Name of the IAM policy. Default: `<name of the role>-vault-auth-policy`."""


class ExistingVaultIdentity(pulumi.ComponentResource):
    """An IAM role that exists, with the derived policy attached; or nothing, where no role is named."""

    principal_arn: pulumi.Output[str]
    """ARN of the role; empty when none is named."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy; empty when none is made."""

    ready: pulumi.Output[str]
    """Known once the role may do what it is for."""

    def __init__(
        self, name: str, args: ExistingVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:ExistingVaultIdentity", name, {}, opts)
        _validate(args)
        role_arn = args.get("role_arn", "")
        self.principal_arn = pulumi.Output.from_input(role_arn)
        self.policy_arn = self.ready = pulumi.Output.from_input("")
        if role_arn and args.get("attach_policy", True):
            self._grant(name, role_arn, args)
        self.register_outputs(
            {"principal_arn": self.principal_arn, "policy_arn": self.policy_arn, "ready": self.ready}
        )

    def _grant(self, name: str, role_arn: str, args: ExistingVaultIdentityArgs) -> None:
        role = arns.parse(role_arn).name
        document = iam.to_json(iam.vault_permissions(args["permissions"]))
        # IAM goes by the name alone, and a role of another account may have a namesake in this one.
        found = aws.iam.get_role_output(name=role, opts=pulumi.InvokeOutputOptions(parent=self))
        policy = aws.iam.Policy(
            f"{name}-policy",
            # Not ROLE-policy: whoever made the role may have made that, too.
            name=policy_name(args.get("policy_name", f"{role}-vault-auth-policy")),
            description=POLICY_DESCRIPTION,
            policy=document,
            # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment",
            role=found.apply(lambda known: _checked(role_arn, known.arn)),
            policy_arn=policy.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policy_arn = policy.arn
        self.ready = once(attachment)

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: none, but what it has to wait for."""
        return {"ready": self.ready}


def _validate(args: ExistingVaultIdentityArgs) -> None:
    if role_arn := args.get("role_arn"):
        trust.check_iam("role_arn", role_arn, "role")
    for field in ("attach_policy", "policy_name"):
        if args.get(field) and not role_arn:
            raise ValueError(f"{field}: has no meaning without role_arn; leave it out")
    if "policy_name" in args and not args.get("attach_policy", True):
        raise ValueError("policy_name: no policy is made with attach_policy false; leave it out")


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
