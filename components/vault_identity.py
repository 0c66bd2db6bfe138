"""The AWS identity that Vault runs as: what it uses to look up who is logging in.

Each kind of identity is a component with the outputs `principal_arn` and the leaves of `VaultCredentials`,
so `VaultAwsAuth` and every login stay the same whichever one a stack uses.
"""

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import iam


class VaultCredentials(TypedDict):
    """How Vault proves to AWS who it is.

    Empty: with what it finds around it, its instance's or pod's role.
    """

    access_key: NotRequired[pulumi.Input[str]]
    """ID of the access key, given together with `secret_key`.
    Default: none. Source: `IamUserVaultIdentity`."""

    secret_key: NotRequired[pulumi.Input[str]]
    """Secret of the access key; stays a secret. Default: none. Source: `IamUserVaultIdentity`."""


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


class IamUserVaultIdentity(pulumi.ComponentResource):
    """An IAM user, its derived policy and an access key, for a Vault that runs outside AWS."""

    principal_arn: pulumi.Output[str]
    """ARN of the user."""

    access_key: pulumi.Output[str]
    """ID of the access key, which is made once the user's policy is attached, so that whoever uses it may."""

    secret_key: pulumi.Output[str]
    """Secret of the access key. A secret."""

    def __init__(
        self, name: str, args: IamUserVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:IamUserVaultIdentity", name, {}, opts)
        document = iam.vault_permissions(args["permissions"])
        child = pulumi.ResourceOptions(parent=self)
        # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
        named = pulumi.ResourceOptions(parent=self, delete_before_replace=True)

        user = aws.iam.User(
            f"{name}-user",
            name=args.get("user_name", "vault-auth"),
            permissions_boundary=args.get("permissions_boundary"),
            # Vault can rotate its own key (auth/aws/config/rotate-root); the user must be deletable then too.
            force_destroy=True,
            opts=named,
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args.get("policy_name", "vault-auth-policy"),
            description="What HashiCorp Vault needs to look up who logs in through its AWS auth method",
            policy=iam.to_json(document),
            opts=named,
        )
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-policy-attachment", user=user.name, policy_arn=policy.arn, opts=child
        )
        # Made after the attachment, so that whoever uses the key may. A dependency and not a part of the
        # output: else a preview that repairs the attachment would not know the key, and show it as changed.
        key = aws.iam.AccessKey(
            f"{name}-access-key",
            user=user.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )

        self.principal_arn = user.arn
        self.access_key = key.id
        self.secret_key = pulumi.Output.secret(key.secret)
        self.register_outputs(
            {
                "principal_arn": self.principal_arn,
                "access_key": self.access_key,
                "secret_key": self.secret_key,
            }
        )

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`."""
        return {"access_key": self.access_key, "secret_key": self.secret_key}
