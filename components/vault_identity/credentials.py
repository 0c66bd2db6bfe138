"""How Vault proves to AWS who it is: what every kind of identity hands to `VaultAwsAuth`."""

from typing import Annotated

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..declared import Default, Secret


class VaultCredentials(TypedDict):
    """How Vault proves to AWS who it is.

    Neither key nor role: with what it finds around it, its instance's or pod's role.
    """

    access_key: NotRequired[pulumi.Input[str]]
    """ID of the access key, given together with `secret_key`.
    Default: none. Source: `IamUserVaultIdentity`."""

    secret_key: NotRequired[pulumi.Input[Annotated[str, Secret]]]
    """Secret of the access key. A secret. Default: none. Source: `IamUserVaultIdentity`."""

    rotated: NotRequired[Annotated[bool, Default(False)]]
    """Vault has renewed its access key by itself, so only Vault knows it: leave what Vault has.
    Source: `IamUserVaultIdentity`."""

    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the role that Vault assumes with a token which it signs itself (Vault Enterprise 1.17 and
    later), given together with `identity_token_audience`. Default: none. Source: `FederatedVaultIdentity`."""

    identity_token_audience: NotRequired[str]
    """Audience of those tokens. Default: none. Source: `FederatedVaultIdentity`."""

    identity_token_ttl: NotRequired[int]
    """Life of those tokens, in seconds. Default: Vault's own, one hour. Source: `FederatedVaultIdentity`."""

    ready: NotRequired[pulumi.Input[str]]
    """Known once Vault can use the identity; `VaultAwsAuth` waits for it and does not store it.
    Default: nothing to wait for. Source: `IamRoleVaultIdentity`, `FederatedVaultIdentity`."""
