"""Other accounts: the role in each that Vault assumes to look up who logs in from there."""

from collections.abc import Mapping
from typing import cast

import pulumi
import pulumi_aws as aws

from components import StsRole, TrustedAccount, TrustedAccountArgs
from composition import permissions
from composition.identity import VaultIdentity, trusted
from composition.providers import account_provider
from settings import Settings


def account_providers(config: Settings) -> dict[str, aws.Provider]:
    """By account: AWS there, if this stack makes the role; for that role and for the account's logins."""
    return {
        account: account_provider(config, account)
        for account, declared in config.accounts.items()
        if not declared.role_arn
    }


def sts_roles(
    config: Settings, identity: VaultIdentity, providers: Mapping[str, aws.Provider]
) -> dict[str, StsRole]:
    """By account: its role, which this stack makes unless somebody else does."""
    return {
        account: _made_here(config, account, identity, providers[account])
        if account in providers
        else cast(StsRole, declared.given())
        for account, declared in config.accounts.items()
    }


def _made_here(config: Settings, account: str, identity: VaultIdentity, provider: aws.Provider) -> StsRole:
    declared = config.accounts[account]
    given = declared.given()
    for key in ("deploy_role_arn", "trust_vault_identity", "all_lookups"):
        given.pop(key, None)
    made = TrustedAccount(
        f"account-{account}",
        cast(
            TrustedAccountArgs,
            {
                **given,
                "account_id": account,
                "permissions": permissions.in_account(config, account),
                "tagged_sessions": permissions.tagged_sessions(config),
                "trusted_principals": [
                    *(trusted(config, identity) if declared.trust_vault_identity else []),
                    *declared.trusted_principals,
                ],
            },
        ),
        pulumi.ResourceOptions(providers=[provider]),
    )
    return made.sts_role
