"""The mount of Vault's AWS auth method: made by `VaultAwsAuth`, or beside it for a federated identity."""

import pulumi
import pulumi_vault as vault
from typing_extensions import TypedDict

from . import names


class VaultMount(TypedDict):
    """An AWS auth mount that the caller made."""

    path: pulumi.Input[str]
    """Path of the mount, without `auth/`."""

    accessor: pulumi.Input[str]
    """Accessor of the mount."""


def auth_mount(
    name: str,
    *,
    path: str = "aws",
    identity_token_key: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> VaultMount:
    """Mount the AWS auth method beside the `VaultAwsAuth` of the same name, before it: for a federated
    identity, whose trust names the mount's accessor. `identity_token_key` is the `VaultPluginIssuer`'s.

    A mount that `VaultAwsAuth` made is taken over as it is, with its logins, and given back when `mount` is
    left out again; this holds for components that have no parent.
    """
    check_path(path)
    component = pulumi.create_urn(name, "vault-aws-auth:index:VaultAwsAuth")
    moved = pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=component)])
    return declare_mount(
        f"{name}-mount", path, identity_token_key, opts=pulumi.ResourceOptions.merge(opts, moved)
    )


def declare_mount(
    name: str,
    path: str,
    identity_token_key: pulumi.Input[str] | None = None,
    *,
    opts: pulumi.ResourceOptions,
) -> VaultMount:
    """Mount the AWS auth method, the same way whoever declares it."""
    mount = vault.AuthBackend(
        name,
        type="aws",
        path=path,
        description="Logins with an AWS identity",
        identity_token_key=identity_token_key,
        opts=opts,
    )
    return {"path": mount.path, "accessor": mount.accessor}


def check_path(path: str) -> None:
    """Raise ValueError, naming the field, unless an auth method can be mounted there."""
    try:
        names.check_mount_path(path)
    except ValueError as error:
        raise ValueError(f"path: {path!r} {error}") from None
