"""Other accounts: the role in each that Vault assumes to look up who logs in from there."""

from typing import cast

import pulumi

from components import StsRole, TrustedAccount, TrustedAccountArgs
from composition import permissions
from composition.identity import VaultIdentity
from composition.providers import account_provider
from settings import Settings


def sts_roles(config: Settings, identity: VaultIdentity) -> dict[str, StsRole]:
    """By account: its role, which this stack makes unless somebody else does."""
    return {account: _sts_role(config, account, identity) for account in config.accounts}


def _sts_role(config: Settings, account: str, identity: VaultIdentity) -> StsRole:
    declared = config.accounts[account]
    if declared.role_arn:
        return cast(StsRole, declared.given())
    given = declared.given()
    for key in ("deploy_role_arn", "trust_vault_identity", "all_lookups"):
        given.pop(key, None)
    trusted = TrustedAccount(
        f"account-{account}",
        cast(
            TrustedAccountArgs,
            {
                **given,
                "account_id": account,
                "permissions": permissions.in_account(config, account),
                "tagged_sessions": permissions.tagged_sessions(config),
                "trusted_principals": [identity.principal_arn] if declared.trust_vault_identity else [],
            },
        ),
        pulumi.ResourceOptions(providers=[account_provider(config, account)]),
    )
    return trusted.sts_role
