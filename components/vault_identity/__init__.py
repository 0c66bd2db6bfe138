"""The AWS identity that Vault runs as: what it uses to look up who is logging in.

Each kind of identity is a component with the outputs `principal_arn` and `policy_arn` and the property
`credentials`, so `VaultAwsAuth` and every login stay the same whichever one a stack uses. By default the
kinds give their IAM objects different names: a stack can change the kind while Vault works, because the new
identity is made before the client config names it, and the old one is deleted last. `KINDS` is read by
whatever needs to know them all.
"""

from .base import VaultIdentity
from .credentials import VaultCredentials
from .existing import ExistingVaultIdentity, ExistingVaultIdentityArgs
from .federated import FederatedVaultIdentity, FederatedVaultIdentityArgs
from .role import IamRoleVaultIdentity, IamRoleVaultIdentityArgs
from .user import AccessKeyMode, IamUserVaultIdentity, IamUserVaultIdentityArgs

KINDS: dict[str, type[VaultIdentity]] = {
    kind.KIND: kind
    for kind in (IamUserVaultIdentity, IamRoleVaultIdentity, FederatedVaultIdentity, ExistingVaultIdentity)
}
"""The kinds of identities by the word for each in stack files."""

__all__ = [
    "KINDS",
    "AccessKeyMode",
    "ExistingVaultIdentity",
    "ExistingVaultIdentityArgs",
    "FederatedVaultIdentity",
    "FederatedVaultIdentityArgs",
    "IamRoleVaultIdentity",
    "IamRoleVaultIdentityArgs",
    "IamUserVaultIdentity",
    "IamUserVaultIdentityArgs",
    "VaultCredentials",
    "VaultIdentity",
]
