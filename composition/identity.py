"""Vault's own AWS identity, of the kind that the settings name."""

from typing import cast

import pulumi

from components import (
    EksCluster,
    ExistingVaultIdentity,
    ExistingVaultIdentityArgs,
    FederatedVaultIdentity,
    FederatedVaultIdentityArgs,
    IamRoleVaultIdentity,
    IamRoleVaultIdentityArgs,
    IamUserVaultIdentity,
    IamUserVaultIdentityArgs,
    PodIdentityMethod,
    VaultMount,
    VaultPluginIssuer,
)
from composition import permissions
from composition.logins import service_account_ref
from settings import ExistingIdentity, FederatedIdentity, RoleIdentity, Settings

VaultIdentity = IamUserVaultIdentity | IamRoleVaultIdentity | FederatedVaultIdentity | ExistingVaultIdentity

NAME = "vault-identity"


def vault_identity(
    config: Settings,
    cluster: EksCluster | None,
    mount: VaultMount,
    issuer: VaultPluginIssuer | None,
    namespace_id: pulumi.Input[str],
    options: pulumi.ResourceOptions,
) -> VaultIdentity:
    """The identity, with the permissions that the stack's logins need and nothing else."""
    declared = config.vault_identity
    common = {**declared.given(), "permissions": permissions.in_own_account(config)}
    if isinstance(declared, RoleIdentity):
        if declared.service_account and cluster:
            common["service_account"] = service_account_ref(declared.service_account)
            common["pod"] = {
                "method": PodIdentityMethod(common.pop("method", declared.method)),
                "oidc_issuer": cluster.oidc_issuer,
                "oidc_provider_arn": cluster.oidc_provider_arn,
                "cluster_name": cluster.name,
                "cluster_arn": cluster.arn,
            }
        common.pop("method", None)
        return IamRoleVaultIdentity(NAME, cast(IamRoleVaultIdentityArgs, common), options)
    if isinstance(declared, FederatedIdentity):
        assert issuer  # noqa: S101 - the settings see to it
        federated = {
            **common,
            "issuer": issuer.issuer,
            "audience": declared.audience,
            "namespace_id": namespace_id,
            "mount_accessor": mount["accessor"],
        }
        return FederatedVaultIdentity(NAME, cast(FederatedVaultIdentityArgs, federated), options)
    if isinstance(declared, ExistingIdentity):
        return ExistingVaultIdentity(NAME, cast(ExistingVaultIdentityArgs, common), options)
    return IamUserVaultIdentity(NAME, cast(IamUserVaultIdentityArgs, common), options)


def trusted(config: Settings, identity: VaultIdentity) -> list[pulumi.Input[str]]:
    """Whom the roles in other accounts can trust: the identity, unless it is not known here what it is."""
    declared = config.vault_identity
    unknown = isinstance(declared, ExistingIdentity) and not declared.role_arn
    return [] if unknown else [identity.principal_arn]
