"""What a Vault role binds, and what of it no login can be. Pure functions."""

from collections.abc import Sequence

from .estate import Estate


class Inexpressible(Exception):
    """Why no login of this project is like this Vault role."""


def of_one_account(bound: Sequence[str], estate: Estate) -> None:
    """Raises Inexpressible for ARNs of several accounts, or of one that Vault cannot look into."""
    accounts = sorted({arn.split(":")[4] for arn in bound if arn.count(":") >= 5})
    if len(accounts) > 1:
        raise Inexpressible(
            f"binds principals of the accounts {', '.join(accounts)}, and a login is of one account; make a "
            "Vault role for each account, and move the callers of the others to theirs"
        )
    mount = estate.vault.mount
    if not {*accounts} <= {estate.account_id, *mount.sts}:
        raise Inexpressible(
            f"binds principals of the account {accounts[0]}, into which the mount cannot look: write "
            f"auth/{mount.path}/config/sts/{accounts[0]}, and run adopt again"
        )


def matches(arn: str, pattern: str) -> bool:
    """As Vault compares: a `*` is a wildcard at the end only."""
    if pattern.endswith("*"):
        return arn.startswith(pattern[:-1])
    return arn == pattern
