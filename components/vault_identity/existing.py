"""An identity that Vault has already: a role that exists, or one that cannot be seen from here."""

from collections.abc import Iterator
from typing import Annotated

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import arns, iam
from ..component import Claim, known_after, unique_name
from ..declared import Default, Refusal, checked, rule
from ..forms import IamPolicyName, RoleArn, Tags
from .base import POLICY_DESCRIPTION, LookupOptions, PermissionsArgs, VaultIdentity, permissions_refusals
from .credentials import VaultCredentials


class ExistingVaultIdentityOptions(LookupOptions):
    """The AWS identity that Vault runs with already: no stored credential at all."""

    role_arn: NotRequired[RoleArn]
    """ARN of the role that Vault finds around it: that of its instances, nodes or pods. Default: not known,
    as with a Vault of the HashiCorp Cloud Platform."""

    attach_policy: NotRequired[bool]
    """Grant that role what the logins need, with a policy that is made for it; for that it must be of the aws
    provider's account. False: its owner grants it. Default: true, where there is a `role_arn`."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the IAM policy. Default: the name of the role, and `-vault-auth-policy`."""

    tagged_sessions: NotRequired[Annotated[bool, Default(False)]]
    """Vault has the role by EKS Pod Identity, whose sessions bring tags into every role that they assume."""

    tags: NotRequired[Tags]
    """Tags of the policy."""


class ExistingVaultIdentityArgs(ExistingVaultIdentityOptions, PermissionsArgs):
    """The AWS identity that Vault runs with already, and what it needs."""


@rule(ExistingVaultIdentityOptions, "role_arn", "attach_policy", "policy_name", "assume_role_arns")
def _policy(options: ExistingVaultIdentityOptions) -> Iterator[Refusal]:
    if _makes_policy(options):
        return
    why = "{attach_policy} is false" if "role_arn" in options else "there is no {role_arn}"
    if "attach_policy" in options and "role_arn" not in options:
        yield Refusal("attach_policy", f"is not used: {why}; remove it")
    for field in ("policy_name", "assume_role_arns"):
        if options.get(field):
            yield Refusal(field, f"is not used: no policy is made, because {why}; remove it")


@rule(ExistingVaultIdentityArgs)
def _permissions(args: ExistingVaultIdentityArgs) -> Iterator[Refusal]:
    if _makes_policy(args):
        yield from permissions_refusals(ExistingVaultIdentity.granted(args))


def _makes_policy(options: ExistingVaultIdentityOptions) -> bool:
    return "role_arn" in options and options.get("attach_policy", True)


class ExistingVaultIdentity(VaultIdentity):
    """An IAM role that exists, with the derived policy attached; or nothing, where no role is named."""

    KIND = "existing"
    OPTIONS = ExistingVaultIdentityOptions
    ARGS = ExistingVaultIdentityArgs

    ready: pulumi.Output[str]
    """Known once the role has its permissions."""

    def __init__(
        self, name: str, args: ExistingVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ExistingVaultIdentityArgs, args)
        super().__init__(name, opts)
        role_arn = args.get("role_arn", "")
        self.principal_arn = pulumi.Output.from_input(role_arn)
        self.principal_name = pulumi.Output.from_input(arns.parse(role_arn).name if role_arn else "")
        self.principal_unique_id = pulumi.Output.from_input("")
        self.policy_arn = self.ready = pulumi.Output.from_input("")
        if _makes_policy(args):
            self._grant(name, role_arn, args)
        self._finish(ready=self.ready)

    def _grant(self, name: str, role_arn: str, args: ExistingVaultIdentityArgs) -> None:
        role = arns.parse(role_arn).name
        # IAM goes by the name alone, and a role of another account may have a namesake in this one.
        found = aws.iam.get_role_output(name=role, opts=pulumi.InvokeOutputOptions(parent=self))
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=_policy_name(args),
            description=POLICY_DESCRIPTION,
            policy=iam.to_json(iam.vault_permissions(self.granted(args))),
            tags=args["tags"] or None,
            opts=unique_name(self),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment",
            role=found.apply(lambda known: _checked(role_arn, known.arn)),
            policy_arn=policy.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policy_arn = policy.arn
        self.ready = known_after(attachment)

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: what Vault finds around it, once it has its permissions."""
        return {"ready": self.ready}

    @classmethod
    def tagged_sessions(cls, options: ExistingVaultIdentityOptions) -> bool:
        return options["tagged_sessions"]

    @classmethod
    def claims(cls, options: ExistingVaultIdentityOptions) -> Iterator[Claim]:
        if _makes_policy(options):
            place = "policy_name" if "policy_name" in options else "role_arn"
            if options.get(place):  # else it is wrong
                yield Claim("IAM policy", _policy_name(options), (place,))


def _policy_name(options: ExistingVaultIdentityOptions) -> str:
    # Not ROLE-policy: the role's owner may have made that, too.
    if "policy_name" in options:
        return options["policy_name"]
    return f"{arns.parse(options['role_arn']).name}-vault-auth-policy"


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
