"""Vault's side where it is another's: an AWS auth mount that exists, used as it is."""

from collections.abc import Sequence
from typing import Annotated

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired

from .declared import UNIQUE, Default, checked
from .forms import AccountId, MountPath
from .vault_auth import AuthMethod, AuthMethodArgs, AuthMethodOptions


class ExistingVaultAwsAuthOptions(AuthMethodOptions):
    """Vault, and an AWS auth mount that exists, used as it is."""


class ExistingVaultAwsAuthArgs(ExistingVaultAwsAuthOptions, AuthMethodArgs):
    """A mount to find, and the accounts that are added to it.

    `region` and `server_id_header` say what its client config demands: the region of its STS endpoint, and
    the header's value."""

    path: NotRequired[Annotated[pulumi.Input[MountPath], Default("aws")]]
    """Path of the mount, without `auth/`."""

    accounts: NotRequired[Annotated[Sequence[AccountId], Default(()), UNIQUE]]
    """IDs of the accounts that the mount can look into already, Vault's own first: a login of another account
    is refused before anything is made. Default: not known, so none is."""


class ExistingVaultAwsAuth(AuthMethod):
    """An AWS auth mount that exists: found by its path, used as it is. Mount, client config and identity
    config are neither made nor changed; STS roles are added, and Vault roles by logins."""

    OPTIONS = ExistingVaultAwsAuthOptions

    def __init__(
        self, name: str, args: ExistingVaultAwsAuthArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ExistingVaultAwsAuthArgs, args)
        super().__init__(name, opts)
        written = args["path"]
        found = vault.get_auth_backend_output(path=written, opts=pulumi.InvokeOutputOptions(parent=self))
        mount = found.apply(lambda known: _checked(known.path or "", known.type))
        sts_roles = self._sts_roles(name, written, args["sts_roles"])
        path = pulumi.Output.all(written, mount, *(role.urn for role in sts_roles)).apply(
            lambda values: str(values[0])
        )
        accounts = [*args["accounts"], *args["sts_roles"]] if args["accounts"] else []
        self._finish(args, path, found.accessor, accounts)


def _checked(path: str, kind: str) -> str:
    """The path of a mount, if it is one of the AWS auth method."""
    if kind != "aws":
        raise ValueError(
            f"path: {path!r} is a mount of the type {kind}; write the path of one of the type aws, which "
            "`vault auth list` shows"
        )
    return path
