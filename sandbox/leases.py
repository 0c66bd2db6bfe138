"""The credentials that Vault's AWS secrets engine has handed out and that still live.

They have to go before the engine does: to delete their IAM users Vault needs the engine's own AWS identity,
and a stack takes that down first, because it trusts the engine's mount. In production the operator does this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox import api
from sandbox.home import Home


def revoke(home: Home, outputs: Mapping[str, Any]) -> int:
    """Revokes the credentials of a stack's secrets engine; returns of how many roles there were some."""
    path = (outputs.get("secretsEngine") or {}).get("path")
    if not path:
        return 0
    vault, found = api.vault(home), 0
    for kind in ("creds", "sts"):
        living = vault.get(f"sys/leases/lookup/{path}/{kind}", list="true")
        if living:
            found += len(living["data"]["keys"])
            vault.request("PUT", f"sys/leases/revoke-prefix/{path}/{kind}", {"sync": True}, seconds=60)
    return found
