"""An IAM user with an access key: for a Vault that runs outside AWS."""

from enum import Enum

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from .. import iam
from .credentials import VaultCredentials
from .granted import POLICY_DESCRIPTION, iam_name, policy_name


class AccessKeyMode(Enum):
    """Who renews the access key."""

    MANAGED = "managed"
    """This stack makes it, and Vault may not renew it."""

    ROTATABLE = "rotatable"
    """This stack makes it, and the user may renew it, so that `vault write -f auth/aws/config/rotate-root`
    works. That deletes this stack's key: choose `rotated` after it."""

    ROTATED = "rotated"
    """Vault has renewed it, and only Vault knows it. Not before that: this stack then deletes its own key."""


class IamUserVaultIdentityArgs(TypedDict):
    """An IAM user with an access key for Vault."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the user is granted this and nothing else."""

    user_name: NotRequired[str]
    """Name of the IAM user. Default: `vault-auth`."""

    policy_name: NotRequired[str]
    """Name of the IAM policy. Default: `vault-auth-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the user's permissions. Default: none."""

    access_key: NotRequired[AccessKeyMode]
    """Who renews the access key. Default: `managed`."""


class IamUserVaultIdentity(pulumi.ComponentResource):
    """An IAM user, its derived policy and an access key, for a Vault that runs outside AWS."""

    principal_arn: pulumi.Output[str]
    """ARN of the user."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    access_key: pulumi.Output[str]
    """ID of the access key, which is made once the user's policy is attached, so that whoever uses it may.
    Empty once Vault has rotated it."""

    secret_key: pulumi.Output[str]
    """Secret of the access key. A secret. Empty once Vault has rotated it."""

    def __init__(
        self, name: str, args: IamUserVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:IamUserVaultIdentity", name, {}, opts)
        mode = AccessKeyMode(args.get("access_key", AccessKeyMode.MANAGED))
        needs = args["permissions"]
        if mode is not AccessKeyMode.MANAGED:
            needs = {**needs, "manage_own_key": True}
        own_key = needs.get("manage_own_key", False)
        iam.vault_permissions(needs, own_arn="")  # to tell before anything is made
        child = pulumi.ResourceOptions(parent=self)
        # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
        named = pulumi.ResourceOptions(parent=self, delete_before_replace=True)

        user = aws.iam.User(
            f"{name}-user",
            name=iam_name("user_name", args.get("user_name", "vault-auth")),
            permissions_boundary=args.get("permissions_boundary"),
            # Vault can rotate its own key (auth/aws/config/rotate-root); the user must be deletable then too.
            force_destroy=True,
            opts=named,
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=policy_name(args.get("policy_name", "vault-auth-policy")),
            description=POLICY_DESCRIPTION,
            policy=user.arn.apply(lambda arn: iam.to_json(iam.vault_permissions(needs, own_arn=arn)))
            if own_key
            else iam.to_json(iam.vault_permissions(needs)),
            opts=named,
        )
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-policy-attachment", user=user.name, policy_arn=policy.arn, opts=child
        )
        self._rotated = mode is AccessKeyMode.ROTATED
        self.principal_arn = user.arn
        self.policy_arn = policy.arn
        if self._rotated:
            self.access_key = pulumi.Output.from_input("")
            self.secret_key = pulumi.Output.from_input("")
        else:
            # Made after the attachment, so that whoever uses the key may. A dependency and not a part of
            # the output: else a preview that repairs the attachment would show the key as changed.
            key = aws.iam.AccessKey(
                f"{name}-access-key",
                user=user.name,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
            )
            self.access_key = key.id
            self.secret_key = pulumi.Output.secret(key.secret)
        self.register_outputs(
            {
                "principal_arn": self.principal_arn,
                "policy_arn": self.policy_arn,
                "access_key": self.access_key,
                "secret_key": self.secret_key,
            }
        )

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`."""
        if self._rotated:
            return {"rotated": True}
        return {"access_key": self.access_key, "secret_key": self.secret_key}
