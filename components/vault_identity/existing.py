"""An identity that Vault has already: a role that exists, or one that cannot be seen from here."""

from collections.abc import Iterator

import pulumi
from typing_extensions import NotRequired

from .. import arns, existing_role, iam
from ..component import Claim, known_after
from ..declared import Refusal, checked, rule
from ..existing_role import ExistingRoleOptions
from ..forms import IamPolicyName, Tags
from .base import POLICY_DESCRIPTION, LookupOptions, PermissionsArgs, VaultIdentity, permissions_refusals
from .credentials import VaultCredentials

POLICY_ENDING = "vault-auth-policy"
"""How the name of its policy ends by default, after the role's."""


class ExistingVaultIdentityOptions(ExistingRoleOptions, LookupOptions):
    """The AWS identity that Vault runs with already: no stored credential at all."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the IAM policy. Default: the name of the role, and `-vault-auth-policy`."""

    tags: NotRequired[Tags]
    """Tags of the policy."""


class ExistingVaultIdentityArgs(ExistingVaultIdentityOptions, PermissionsArgs):
    """The AWS identity that Vault runs with already, and what it needs."""


@rule(ExistingVaultIdentityOptions, "role_arn", "attach_policy", "policy_name", "assume_role_arns")
def _policy(options: ExistingVaultIdentityOptions) -> Iterator[Refusal]:
    yield from existing_role.unused(options, "policy_name", "assume_role_arns")


@rule(ExistingVaultIdentityArgs)
def _permissions(args: ExistingVaultIdentityArgs) -> Iterator[Refusal]:
    if existing_role.makes_policy(args):
        yield from permissions_refusals(ExistingVaultIdentity.granted(args))


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
        self.principal_name = self.principal_arn.apply(lambda arn: arns.parse(arn).name if arn else "")
        self.principal_unique_id = pulumi.Output.from_input("")
        self.policy_arn = self.ready = pulumi.Output.from_input("")
        if existing_role.makes_policy(args):
            granted = existing_role.grant(
                name,
                role_arn,
                existing_role.policy_name(args, POLICY_ENDING),
                description=POLICY_DESCRIPTION,
                document=iam.to_json(iam.vault_permissions(self.granted(args))),
                tags=args["tags"],
                parent=self,
            )
            self.policy_arn = granted.policy.arn
            self.ready = known_after(granted.attachment)
        self._finish(ready=self.ready)

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: what Vault finds around it, once it has its permissions."""
        return {"ready": self.ready}

    @classmethod
    def tagged_sessions(cls, options: ExistingVaultIdentityOptions) -> bool:
        return options["tagged_sessions"]

    @classmethod
    def claims(cls, options: ExistingVaultIdentityOptions) -> Iterator[Claim]:
        if existing_role.makes_policy(options):
            place = "policy_name" if "policy_name" in options else "role_arn"
            if options.get(place):  # else it is wrong
                yield Claim("IAM policy", str(existing_role.policy_name(options, POLICY_ENDING)), (place,))
