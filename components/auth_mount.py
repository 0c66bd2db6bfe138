"""The mount of Vault's AWS auth method."""

from typing import Annotated

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import renames
from .component import Component
from .declared import Default, checked
from .forms import MountPath

DEFAULT_KEY = "default"
"""Vault's own signing key of identity tokens."""


class VaultMount(TypedDict):
    """An AWS auth mount. Take it whole from `VaultAuthMount.ref`."""

    path: pulumi.Input[str]
    """Path of the mount, without `auth/`."""

    accessor: pulumi.Input[str]
    """Accessor of the mount."""


class VaultAuthMountOptions(TypedDict):
    """Where the AWS auth method is mounted."""

    path: NotRequired[Annotated[MountPath, Default("aws")]]
    """Path of the mount, without `auth/`."""


class VaultAuthMountArgs(VaultAuthMountOptions):
    """Where the AWS auth method is mounted, and with what it signs."""

    identity_token_key: NotRequired[pulumi.Input[str]]
    """Name of the key that signs the mount's identity tokens. Default: Vault's own, which serves every
    audience. Source: `VaultPluginIssuer.identity_token_key`."""

    protect: NotRequired[Annotated[bool, Default(False)]]
    """Refuse to delete or to replace the mount, and every role in it, until this is false."""


class VaultAuthMount(Component):
    """A mount of Vault's AWS auth method.

    `VaultAwsAuth` makes one itself unless it is given one. A federated identity, whose trust names the
    mount's accessor, needs the mount before it.
    """

    path: pulumi.Output[str]
    """Path of the mount, without `auth/`."""

    accessor: pulumi.Output[str]
    """Accessor of the mount."""

    ref: VaultMount
    """The mount, whole: for `VaultAwsAuth` and `FederatedVaultIdentity`."""

    def __init__(
        self, name: str, args: VaultAuthMountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(VaultAuthMountArgs, args)
        super().__init__(name, opts)
        mount = vault.AuthBackend(
            f"{name}-mount",
            type="aws",
            path=args["path"],
            description="Logins with an AWS identity",
            # Never left out: the provider takes no key off a mount, and Vault keeps a key that is in use.
            identity_token_key=args.get("identity_token_key") or DEFAULT_KEY,
            opts=pulumi.ResourceOptions(
                parent=self,
                aliases=renames.mount(name, opts),
                # The provider would move it, and lose the roles below it.
                replace_on_changes=["path"],
                protect=args["protect"],
            ),
        )
        self.path = mount.path.apply(str)
        self.accessor = mount.accessor
        self.ref = {"path": self.path, "accessor": self.accessor}
        self.register_outputs({"path": self.path, "accessor": self.accessor, "ref": self.ref})
