"""An IAM role that trusts the identity tokens which Vault signs itself: no stored credential at all."""

from collections.abc import Iterator
from typing import Annotated

import pulumi
from typing_extensions import NotRequired

from .. import durations
from ..auth_mount import VaultMount
from ..component import known_after
from ..declared import Default, Refusal, checked, opened, rule
from ..federation import PluginIssuer, plugin_trust
from ..forms import Audience, IamName, IdentityTokenTtl, NamespaceId
from .base import GrantedOptions, PermissionsArgs, VaultRole, permissions_refusals
from .credentials import VaultCredentials


class FederatedVaultIdentityOptions(GrantedOptions):
    """An IAM role for a Vault Enterprise, 1.17 or later, that proves who it is with tokens of its own."""

    role_name: NotRequired[Annotated[IamName, Default("vault-identity-wif")]]
    """Name of the IAM role."""

    audience: NotRequired[Annotated[Audience, Default("vault-aws-auth")]]
    """Audience of Vault's identity tokens, which AWS demands: one of the issuer's `audiences`."""

    token_ttl: NotRequired[Annotated[IdentityTokenTtl, Default("1h")]]
    """Life of an identity token: `15m`, `1h`."""


class FederatedVaultIdentityArgs(FederatedVaultIdentityOptions, PermissionsArgs):
    """An IAM role for one AWS auth mount of Vault Enterprise."""

    issuer: pulumi.Input[PluginIssuer]
    """Who signs Vault's identity tokens: `VaultPluginIssuer.issuer`."""

    mount: pulumi.Input[VaultMount]
    """The mount, whose accessor is in the tokens' subject: no other mount gets the role.
    Source: `VaultAuthMount.ref`."""

    namespace_id: NotRequired[Annotated[pulumi.Input[NamespaceId], Default("root")]]
    """ID (not path) of the mount's Vault namespace, as `vault namespace lookup` shows it."""


@rule(FederatedVaultIdentityArgs, "permissions", "all_lookups", "assume_role_arns")
def _permissions(args: FederatedVaultIdentityArgs) -> Iterator[Refusal]:
    yield from permissions_refusals(FederatedVaultIdentity.granted(args))


class FederatedVaultIdentity(VaultRole):
    """An IAM role and its derived policy, for a Vault Enterprise whose plugin issuer AWS can reach."""

    KIND = "federation"
    OPTIONS = FederatedVaultIdentityOptions
    ARGS = FederatedVaultIdentityArgs

    def __init__(
        self, name: str, args: FederatedVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(FederatedVaultIdentityArgs, args)
        super().__init__(name, opts)
        self._args = args
        trust = plugin_trust(
            args["issuer"],
            args["audience"],
            kind="auth",
            accessor=opened(args["mount"], VaultMount)["accessor"],
            namespace_id=args["namespace_id"],
        )
        _, attachment = self._role(name, args["role_name"], trust, args)
        self.ready = known_after(attachment)
        self._finish(ready=self.ready)

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: the role that Vault assumes with its tokens."""
        return {
            "role_arn": self.principal_arn,
            "identity_token_audience": self._args["audience"],
            "identity_token_ttl": durations.to_seconds(self._args["token_ttl"]),
            "ready": self.ready,
        }
