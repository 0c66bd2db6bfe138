"""An IAM user with an access key: for a Vault that runs outside AWS."""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import iam
from ..component import own_user, unique_name
from ..declared import Default, Refusal, Secret, checked, rule
from ..forms import IamName, IamPolicyName
from .base import POLICY_DESCRIPTION, GrantedOptions, PermissionsArgs, VaultIdentity, permissions_refusals
from .credentials import VaultCredentials


class AccessKeyMode(Enum):
    """Who renews the access key."""

    MANAGED = "managed"
    """This stack makes it, and Vault may not renew it."""

    ROTATABLE = "rotatable"
    """This stack makes it, and the user may renew it, so that `vault write -f auth/aws/config/rotate-root`
    works. That deletes this stack's key: choose `rotated` after it."""

    ROTATED = "rotated"
    """Vault has renewed it, and only Vault knows it. Not before that: this stack then deletes its own key."""


class IamUserVaultIdentityOptions(GrantedOptions):
    """Vault runs with the access key of an IAM user."""

    user_name: NotRequired[Annotated[IamName, Default("vault-auth")]]
    """Name of the IAM user."""

    policy_name: NotRequired[Annotated[IamPolicyName, Default("vault-auth-policy")]]
    """Name of the IAM policy."""

    access_key: NotRequired[Annotated[AccessKeyMode, Default(AccessKeyMode.MANAGED)]]
    """Who renews the access key: this stack (`managed`); this stack, and Vault may rotate it (`rotatable`);
    Vault, which has rotated it (`rotated`)."""


class IamUserVaultIdentityArgs(IamUserVaultIdentityOptions, PermissionsArgs):
    """An IAM user with an access key for Vault, and what Vault needs."""


@rule(IamUserVaultIdentityArgs, "permissions", "all_lookups", "assume_role_arns")
def _permissions(args: IamUserVaultIdentityArgs) -> Iterator[Refusal]:
    yield from permissions_refusals(IamUserVaultIdentity.granted(args), own_arn="")


class IamUserVaultIdentity(VaultIdentity):
    """An IAM user, its derived policy and an access key, for a Vault that runs outside AWS."""

    KIND = "user"
    OPTIONS = IamUserVaultIdentityOptions
    ARGS = IamUserVaultIdentityArgs

    access_key: pulumi.Output[str]
    """ID of the access key, which is made once the user's policy is attached, so that it has its permissions.
    Empty once Vault has rotated it."""

    secret_key: pulumi.Output[Annotated[str, Secret]]
    """Secret of the access key. A secret. Empty once Vault has rotated it."""

    def __init__(
        self, name: str, args: IamUserVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(IamUserVaultIdentityArgs, args)
        super().__init__(name, opts)
        mode, needs, tags = args["access_key"], self.granted(args), args["tags"] or None
        if mode is not AccessKeyMode.MANAGED:
            needs = {**needs, "manage_own_key": True}
        own_key = needs["manage_own_key"]
        child = pulumi.ResourceOptions(parent=self)

        user = aws.iam.User(
            f"{name}-user",
            name=args["user_name"],
            permissions_boundary=args.get("permissions_boundary"),
            # Vault can rotate its own key (auth/aws/config/rotate-root); the user must be deletable then too.
            force_destroy=True,
            tags=tags,
            opts=own_user(self),
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args["policy_name"],
            description=POLICY_DESCRIPTION,
            policy=user.arn.apply(lambda arn: iam.to_json(iam.vault_permissions(needs, own_arn=arn)))
            if own_key
            else iam.to_json(iam.vault_permissions(needs)),
            tags=tags,
            opts=unique_name(self),
        )
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-policy-attachment", user=user.name, policy_arn=policy.arn, opts=child
        )
        self._rotated = mode is AccessKeyMode.ROTATED
        self.principal_arn, self.principal_name = user.arn, user.name
        self.principal_unique_id = user.unique_id
        self.policy_arn = policy.arn
        if self._rotated:
            self.access_key = pulumi.Output.from_input("")
            self.secret_key = pulumi.Output.from_input("")
        else:
            # Made after the attachment, so that the key has its permissions. A dependency and not a part of
            # the output: else a preview that repairs the attachment would show the key as changed.
            key = aws.iam.AccessKey(
                f"{name}-access-key",
                user=user.name,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
            )
            self.access_key = key.id
            self.secret_key = pulumi.Output.secret(key.secret)
        self._finish(access_key=self.access_key, secret_key=self.secret_key)

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: the access key."""
        if self._rotated:
            return {"rotated": True}
        return {"access_key": self.access_key, "secret_key": self.secret_key}
