"""Whether the token that a login got is what the stack declares: its policies, and how long it can live."""

from typing import Any

from . import vault
from .duration import duration, in_seconds
from .errors import Refused
from .outputs import LoginOutput, VaultOutput

MEND = "the Vault role was changed: `pulumi up --refresh` writes it as the stack declares it"
LONGEST = 2**31 - 1
"""Seconds to ask for beyond any limit: 68 years."""


def wrong_policies(login: LoginOutput, auth: dict[str, Any]) -> str:
    """What the token's policies lack or have too many; empty if they are those of the login.

    Only what the Vault role gave counts: entities and groups of Vault's identity may add their own.
    """
    given = {policy.lower() for policy in auth.get("token_policies") or auth["policies"]}
    declared = {policy.lower() for policy in login.policies}  # Vault keeps all names in lower case
    problems = []
    if missing := sorted(declared - given):
        problems.append(f"the token lacks the policies {', '.join(missing)}")
    if surplus := sorted(given - declared - {"default"}):
        problems.append(f"the token has policies that the login does not: {', '.join(surplus)}")
    return "; ".join(problems)


def too_long(login: LoginOutput, seconds: int) -> str:
    """That a token lives longer than the login allows; empty if it does not."""
    limit = in_seconds(login.max_ttl)
    if limit is None or seconds <= limit:
        return ""
    return f"the token lives for {duration(seconds)}, the login's maxTtl is {limit_of(login)}"


def limit_of(login: LoginOutput) -> str:
    """The login's maxTtl as the stack has it; empty if it has none."""
    return duration(login.max_ttl) if isinstance(login.max_ttl, int) else login.max_ttl or ""


def outlives(at: VaultOutput, login: LoginOutput, auth: dict[str, Any]) -> str:
    """How the token can be made to live longer than the login's maxTtl; empty if it cannot.

    It is renewed for as long as Vault lets it: its first lease does not tell, for a role's token_ttl may be
    shorter than its token_max_ttl. Raises `Refused` if that says nothing, as when EC2 cannot be asked.
    """
    token, first = auth["client_token"], int(auth["lease_duration"])
    if not auth.get("renewable"):
        return too_long(login, first)
    try:
        longest = vault.renew(at, token, LONGEST)
    except Refused as error:
        # The token's policies do not let it renew itself, as Vault's policy default would.
        if error.by == "Vault" and "permission denied" in error.reason and "invalid" not in error.reason:
            return too_long(login, first)
        raise
    if problem := too_long(login, max(first, longest)):
        return problem
    # A periodic token is given its period again at each renewal, however short: it need not end.
    period, explicit_max = vault.period(at, token)
    if period and not explicit_max:
        return f"the token can be renewed for ever, by {duration(period)} each time"
    return too_long(login, explicit_max) if period else ""
