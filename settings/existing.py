"""What must hold between an identity that Vault has already, and the accounts."""

from collections.abc import Mapping

from components import arns
from settings.accounts import Account
from settings.identities import ExistingIdentity, IdentitySettings
from settings.problems import Problems
from settings.reading import Reading


def check(
    identity: Reading[IdentitySettings] | None,
    account_id: str | None,
    accounts: Mapping[str, Reading[Account] | None],
    problems: Problems,
) -> None:
    """The role can be given a policy only in the stack's own account; one that is not named can be trusted by
    nobody."""
    if identity is None or not isinstance(identity.section, ExistingIdentity) or "role_arn" in identity.wrong:
        return
    role_arn, path = identity.section.role_arn, f"{identity.path}.roleArn"
    if role_arn is None:
        for account in accounts.values():
            if account and not account.wrong and not _trusts_somebody(account.section):
                problems.add(
                    account.path,
                    f"has a role that trusts nobody, as {identity.path} names no role; write hcp or "
                    "trustedPrincipals",
                )
    elif account_id and identity.section.attach_policy is True and arns.parse(role_arn).account != account_id:
        problems.add(
            path,
            f"{problems.quoted(path, role_arn)} is not of the stack's own account {account_id}; write "
            "attachPolicy: false, and have its owner grant it what Vault needs",
        )


def _trusts_somebody(account: Account) -> bool:
    return bool(account.role_arn or account.hcp or account.trusted_principals or account.trusted_services)
