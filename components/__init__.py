"""Components that let workloads on AWS log in to HashiCorp Vault without a stored credential.

`EksCluster` gives the OIDC issuer; a Vault identity (`IamUserVaultIdentity`) is what Vault is to AWS;
`VaultAwsAuth` is the AWS auth mount; and each login (`ServiceAccountLogin`, `Ec2InstanceLogin`) is one way
for one caller to get a Vault token. Providers are taken from `opts.providers`: aws, vault, kubernetes, eks.
"""

from .cluster import EksCluster, EksClusterArgs, NodeGroup
from .iam import VaultPermissions, merge_permissions
from .logins.ec2_instance import Ec2InstanceLogin, Ec2InstanceLoginArgs
from .logins.service_account import (
    ServiceAccountLogin,
    ServiceAccountLoginArgs,
    ServiceAccountMode,
    ServiceAccountRef,
)
from .vault_auth import StsRole, VaultAwsAuth, VaultAwsAuthArgs, VaultConnection
from .vault_identity import IamUserVaultIdentity, IamUserVaultIdentityArgs, VaultCredentials
from .vault_role import VaultToken

__all__ = [
    "Ec2InstanceLogin",
    "Ec2InstanceLoginArgs",
    "EksCluster",
    "EksClusterArgs",
    "IamUserVaultIdentity",
    "IamUserVaultIdentityArgs",
    "NodeGroup",
    "ServiceAccountLogin",
    "ServiceAccountLoginArgs",
    "ServiceAccountMode",
    "ServiceAccountRef",
    "StsRole",
    "VaultAwsAuth",
    "VaultAwsAuthArgs",
    "VaultConnection",
    "VaultCredentials",
    "VaultPermissions",
    "VaultToken",
    "merge_permissions",
]
