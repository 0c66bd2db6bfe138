"""Is the token that a login got what the stack declares: its policies, and how long it can live?"""

import re
from typing import Any

from . import vault
from .console import duration
from .errors import Refused
from .outputs import LoginOutput, VaultOutput

FIX = "the Vault role was changed: `pulumi up --refresh` restores what the stack declares"
LONGEST = 2**31 - 1
"""Seconds to ask for when renewing, beyond any limit: 68 years."""

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


def in_seconds(written: str | int | None) -> int | None:
    """The seconds of a duration such as 15m, 30d or 3600. None if it is missing or not a duration."""
    found = _DURATION.fullmatch(str(written)) if written else None
    if not found:
        return None
    return sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True))


def wrong_policies(login: LoginOutput, auth: dict[str, Any]) -> str:
    """The policies that the token lacks or has too many. Empty if they are the login's.

    Only policies from the Vault role count: entities and groups of Vault's identity may add their own.
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
    """Says so if a token that lives for `seconds` exceeds the login's limit. Empty if it does not."""
    limit = in_seconds(login.max_ttl)
    if limit is None or seconds <= limit:
        return ""
    return f"the token lives for {duration(seconds)}, the login's maxTtl is {limit_of(login)}"


def limit_of(login: LoginOutput) -> str:
    """The login's maxTtl as the stack has it. Empty if it has none."""
    return duration(login.max_ttl) if isinstance(login.max_ttl, int) else login.max_ttl or ""


def outlives(at: VaultOutput, login: LoginOutput, auth: dict[str, Any]) -> str:
    """How the token can be renewed beyond the login's maxTtl. Empty if it cannot.

    Renews the token for as long as Vault allows: the first lease does not show the limit, because a role's
    token_ttl may be shorter than its token_max_ttl. Raises `Refused` if the renewal fails for another reason,
    for example because Vault cannot ask EC2.
    """
    token, first = auth["client_token"], int(auth["lease_duration"])
    # One with few uses is not used up for that.
    if not auth.get("renewable") or auth.get("num_uses"):
        return too_long(login, first)
    try:
        longest = vault.renew(at, token, LONGEST)
    except Refused as error:
        # The token's policies do not allow renew-self, which Vault's policy `default` would.
        if error.by == "Vault" and "permission denied" in error.reason and "invalid" not in error.reason:
            return too_long(login, first)
        raise
    if problem := too_long(login, max(first, longest)):
        return problem
    # Each renewal gives a periodic token its period again, however short, so it may never end.
    period, explicit_max = vault.period(at, token)
    if period and not explicit_max:
        return f"the token can be renewed for ever, by {duration(period)} each time"
    return too_long(login, explicit_max) if period else ""
