"""The token of a login, as that of a Vault role is: what follows the mount is written out. Pure functions."""

from collections.abc import Mapping
from typing import Any

from ..console import duration
from .estate import Mount
from .plan import Remark, changes
from .read_vault import policies_of

_LIVES = ("max_ttl", "explicit_max_ttl", "period", "ttl")
_FOLLOWED = ", as the mount has it today; it was 0, which follows the mount"
_VAULTS_MAX = 768 * 3600
"""Longest life of a token where nothing is tuned, in seconds."""


def token(role: Mapping[str, Any], mount: Mount, about: str) -> tuple[dict[str, Any], list[Remark]]:
    """The options of the token, and what of it changes."""
    said: list[Remark] = []
    options: dict[str, Any] = {"policies": policies_of(role)}
    seconds = {field: int(role.get(f"token_{field}") or 0) for field in _LIVES}
    longest, explicit = seconds["max_ttl"] or mount.max_ttl or _VAULTS_MAX, seconds["explicit_max_ttl"]
    if not seconds["max_ttl"]:
        said.append(changes(about, f"token_max_ttl is {duration(longest)}{_FOLLOWED}"))
    if explicit > longest:
        longest = explicit
        said.append(changes(about, f"token_max_ttl is {duration(longest)}, as token_explicit_max_ttl"))
    options["maxTtl"] = duration(longest)
    if explicit:
        options["explicitMaxTtl"] = duration(explicit)
    if seconds["period"]:
        life = seconds["period"]
        options["period"] = duration(life)
        if not explicit:
            text = (
                f"token_explicit_max_ttl is {duration(longest)}: a periodic token ends then, and its client"
            )
            said.append(changes(about, f"{text} logs in again; it could be renewed for ever"))
    else:
        most = min(longest, explicit or longest)
        life = min(seconds["ttl"] or mount.default_ttl or _VAULTS_MAX, most)
        if life < most:
            options["ttl"] = duration(life)
    if life != seconds["ttl"]:
        was = f", as Vault gives it today; it was {duration(seconds['ttl'])}" if seconds["ttl"] else _FOLLOWED
        said.append(changes(about, f"token_ttl is {duration(life)}{was}"))
    if role.get("token_type") in ("service", "batch"):
        options["tokenType"] = str(role["token_type"])
    if role.get("token_bound_cidrs"):
        options["tokenBoundCidrs"] = [str(it) for it in role["token_bound_cidrs"]]
    if role.get("token_num_uses"):
        options["tokenNumUses"] = int(role["token_num_uses"])
    if role.get("token_no_default_policy"):
        options["tokenNoDefaultPolicy"] = True
    return options, said
