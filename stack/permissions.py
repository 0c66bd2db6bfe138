"""What Vault's identity must be able to look up, in each account, for the logins that are declared."""

from components import VaultPermissions, arns, merge_permissions
from stack.file import Declared, StackFile


def in_own_account(stack: StackFile) -> VaultPermissions:
    """What the logins need of Vault's own identity, where it runs; beside what the identity's options add."""
    partition = arns.partition_of(stack.region)
    assumed = [
        account.get("role_arn") or arns.role_arn(partition, number, account["role_name"])
        for number, account in stack.accounts.items()
    ]
    # Where the own account is one of them, Vault runs somewhere else, and assumes a role here as well.
    elsewhere = {*stack.accounts, *(stack.accounts_of_mount or ())}
    needs = [_needs(login) for login in stack.logins.values() if _account(stack, login) not in elsewhere]
    return merge_permissions([*needs, {"assume_role_arns": assumed}])


def in_account(stack: StackFile, account: str) -> VaultPermissions:
    """What the logins need of the role that Vault assumes in an account."""
    return merge_permissions(
        [_needs(login) for login in stack.logins.values() if _account(stack, login) == account]
    )


def lookups(stack: StackFile) -> VaultPermissions:
    """What Vault looks up in its own account, for logins with `vaultLookups`."""
    identity, account = stack.identity, stack.account_id
    own: VaultPermissions = identity.kind.granted({**identity.options, "permissions": in_own_account(stack)})
    if account is None or account not in stack.accounts:
        return own
    made: VaultPermissions = {"all_lookups": stack.accounts[account]["all_lookups"]}
    return merge_permissions([own, in_account(stack, account), made])


def _account(stack: StackFile, login: Declared) -> str | None:
    account: str | None = login.kind.account(login.options)
    return account or stack.account_id


def _needs(login: Declared) -> VaultPermissions:
    needs: VaultPermissions = login.kind.permissions(login.options)
    return needs
