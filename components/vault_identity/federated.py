"""An IAM role that trusts the identity tokens which Vault signs itself: no stored credential at all."""

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import iam
from ..federation import PluginIssuer, check_audience, plugin_trust, token_seconds
from .credentials import VaultCredentials
from .granted import granted_role, iam_name, once


class FederatedVaultIdentityArgs(TypedDict):
    """An IAM role for one AWS auth mount of Vault Enterprise, 1.17 or later."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the role is granted this and nothing else."""

    issuer: PluginIssuer
    """Who signs Vault's identity tokens. Source: `VaultPluginIssuer`."""

    audience: str
    """Audience of the mount's identity tokens, one of the issuer's `audiences`."""

    mount_accessor: pulumi.Input[str]
    """Accessor of the mount, which is in the tokens' subject: no other mount gets the role. The mount must be
    made before this identity; hand it to `VaultAwsAuth` as `mount`. Source: `auth_mount`."""

    token_ttl: NotRequired[str]
    """Life of an identity token: `15m`, `1h`. Default: `1h`."""

    namespace_id: NotRequired[pulumi.Input[str]]
    """ID (not path) of the mount's Vault namespace, as `vault namespace lookup` shows it. Default: `root`."""

    role_name: NotRequired[str]
    """Name of the IAM role. Default: `vault-identity-wif`."""

    policy_name: NotRequired[str]
    """Name of the IAM policy. Default: `<role_name>-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the role's permissions. Default: none."""


class FederatedVaultIdentity(pulumi.ComponentResource):
    """An IAM role and its derived policy, for a Vault Enterprise whose plugin issuer AWS can reach."""

    principal_arn: pulumi.Output[str]
    """ARN of the role."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    ready: pulumi.Output[str]
    """Known once the role may do what it is for."""

    def __init__(
        self, name: str, args: FederatedVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:FederatedVaultIdentity", name, {}, opts)
        check_audience("audience", args["audience"])
        self._audience = args["audience"]
        self._token_ttl = token_seconds(args.get("token_ttl", "1h"))
        role_name = iam_name("role_name", args.get("role_name", "vault-identity-wif"))

        role, policy, attachment = granted_role(
            name,
            self,
            role_name=role_name,
            name_of_policy=args.get("policy_name", f"{role_name}-policy"),
            trust=plugin_trust(
                args["issuer"],
                args["audience"],
                kind="auth",
                accessor=args["mount_accessor"],
                namespace_id=args.get("namespace_id", "root"),
            ),
            permissions=args["permissions"],
            permissions_boundary=args.get("permissions_boundary"),
        )

        self.principal_arn = role.arn
        self.policy_arn = policy.arn
        self.ready = once(attachment)
        self.register_outputs(
            {"principal_arn": self.principal_arn, "policy_arn": self.policy_arn, "ready": self.ready}
        )

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`."""
        return {
            "role_arn": self.principal_arn,
            "identity_token_audience": self._audience,
            "identity_token_ttl": self._token_ttl,
            "ready": self.ready,
        }
