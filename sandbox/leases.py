"""The credentials that Vault's AWS secrets engine has handed out and that still live.

They have to go before the engine does: to delete their IAM users Vault needs the engine's own AWS identity,
and a stack takes that down first, because it trusts the engine's mount. In production the operator does this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.home import Home


def revoke(home: Home, outputs: Mapping[str, Any]) -> int:
    """Revokes the credentials of a stack's secrets engine; returns of how many roles there were some."""
    import hvac

    path = (outputs.get("secretsEngine") or {}).get("path")
    if not path:
        return 0
    vault = hvac.Client(
        url=home.vault_url, token=home.vault_keys()["root_token"], verify=str(home.ca_certificate)
    )
    found = 0
    for kind in ("creds", "sts"):
        living = vault.list(f"sys/leases/lookup/{path}/{kind}")
        if living:
            found += len(living["data"]["keys"])
            vault.write(f"sys/leases/revoke-prefix/{path}/{kind}", sync=True)
    return found
