"""Components that let workloads on AWS log in to HashiCorp Vault without a stored credential.

`EksCluster` gives the OIDC issuer; a Vault identity (`IamUserVaultIdentity`, `IamRoleVaultIdentity`,
`FederatedVaultIdentity`, `ExistingVaultIdentity`) is what Vault is to AWS; `VaultAwsAuth` is the AWS auth
mount (`ExistingVaultAwsAuth` one that is another's), and `TrustedAccount` lets it look into another account;
each login (`ServiceAccountLogin`, `Ec2InstanceLogin`, `EcsTaskLogin`, `PrincipalLogin`) is one way for one
caller to get a Vault token, and `LoginInCluster` is what a login of several clusters has in one of them; and
the consumers in `components.consumers` configure the software that uses a login. `VaultPluginIssuer` and
`AwsSecretsEngine` are Vault as an issuer that AWS trusts, and as one that hands out AWS credentials.
Providers are taken from `opts.providers`: aws, vault, kubernetes, eks.
"""

from . import consumers, logins
from .auth_mount import VaultAuthMount, VaultAuthMountArgs, VaultMount
from .cluster import EksCluster, EksClusterArgs, ExistingEksCluster, ExistingEksClusterArgs
from .cross_account import HcpVault, TrustedAccount, TrustedAccountArgs
from .declared import ArgumentError, from_camel
from .existing_auth import ExistingVaultAwsAuth, ExistingVaultAwsAuthArgs
from .federation import PluginIssuer, VaultPluginIssuer, VaultPluginIssuerArgs
from .iam import VaultPermissions, merge_permissions, permissions_of_principals
from .logins.base import LoginRef, ServiceAccountMode
from .logins.ec2_instance import Ec2InstanceLogin, Ec2InstanceLoginArgs
from .logins.ecs_task import EcsTaskLogin, EcsTaskLoginArgs
from .logins.in_cluster import LoginInCluster, LoginInClusterArgs
from .logins.principal import PrincipalLogin, PrincipalLoginArgs
from .logins.service_account import ServiceAccountLogin, ServiceAccountLoginArgs
from .node_group import NodeGroup
from .pod_role import EksClusterRef, PodIdentityMethod
from .secrets_engine import (
    AwsCredentialType,
    AwsSecretsEngine,
    AwsSecretsEngineArgs,
    AwsSecretsRole,
    EngineExistingOptions,
    EngineFederation,
    EngineUserOptions,
    ExistingAwsSecretsEngine,
    ExistingAwsSecretsEngineArgs,
)
from .stack_traces import short_stack_traces
from .vault_auth import (
    AwsEndpoints,
    IdentityAlias,
    IdentityMetadata,
    StsRole,
    VaultAwsAuth,
    VaultAwsAuthArgs,
    VaultConnection,
)
from .vault_identity import (
    AccessKeyMode,
    ExistingVaultIdentity,
    ExistingVaultIdentityArgs,
    FederatedVaultIdentity,
    FederatedVaultIdentityArgs,
    IamRoleVaultIdentity,
    IamRoleVaultIdentityArgs,
    IamUserVaultIdentity,
    IamUserVaultIdentityArgs,
    VaultCredentials,
)
from .vault_role import TokenType

__all__ = [
    "AccessKeyMode",
    "ArgumentError",
    "AwsCredentialType",
    "AwsEndpoints",
    "AwsSecretsEngine",
    "AwsSecretsEngineArgs",
    "AwsSecretsRole",
    "Ec2InstanceLogin",
    "Ec2InstanceLoginArgs",
    "EcsTaskLogin",
    "EcsTaskLoginArgs",
    "EksCluster",
    "EksClusterArgs",
    "EksClusterRef",
    "EngineExistingOptions",
    "EngineFederation",
    "EngineUserOptions",
    "ExistingAwsSecretsEngine",
    "ExistingAwsSecretsEngineArgs",
    "ExistingEksCluster",
    "ExistingEksClusterArgs",
    "ExistingVaultAwsAuth",
    "ExistingVaultAwsAuthArgs",
    "ExistingVaultIdentity",
    "ExistingVaultIdentityArgs",
    "FederatedVaultIdentity",
    "FederatedVaultIdentityArgs",
    "HcpVault",
    "IamRoleVaultIdentity",
    "IamRoleVaultIdentityArgs",
    "IamUserVaultIdentity",
    "IamUserVaultIdentityArgs",
    "IdentityAlias",
    "IdentityMetadata",
    "LoginInCluster",
    "LoginInClusterArgs",
    "LoginRef",
    "NodeGroup",
    "PluginIssuer",
    "PodIdentityMethod",
    "PrincipalLogin",
    "PrincipalLoginArgs",
    "ServiceAccountLogin",
    "ServiceAccountLoginArgs",
    "ServiceAccountMode",
    "StsRole",
    "TokenType",
    "TrustedAccount",
    "TrustedAccountArgs",
    "VaultAuthMount",
    "VaultAuthMountArgs",
    "VaultAwsAuth",
    "VaultAwsAuthArgs",
    "VaultConnection",
    "VaultCredentials",
    "VaultMount",
    "VaultPermissions",
    "VaultPluginIssuer",
    "VaultPluginIssuerArgs",
    "consumers",
    "from_camel",
    "logins",
    "merge_permissions",
    "permissions_of_principals",
    "short_stack_traces",
]
