"""What Vault must be able to do for the stack, asked before anything is declared.

The provider drops what an older or a Community Vault does not know without a word: the stack would come up,
and nobody could log in.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from stack.file import StackFile


class EditionError(Exception):
    """Vault cannot do what the stack's configuration asks for; one line for each thing."""


class Vault(NamedTuple):
    """What Vault says of itself."""

    version: tuple[int, int]
    enterprise: bool
    words: str


def check(stack: StackFile) -> None:
    """Raises EditionError if Vault cannot do what is asked for. Asks Vault only if that depends on it."""
    needs = list(_needs(stack))
    if not needs:
        return
    vault = ask(stack.vault["address"])
    missing = [need for need in needs if not need.met_by(vault)]
    if missing:
        lines = "\n".join(f"  {number}. {need}" for number, need in enumerate(missing, 1))
        raise EditionError(
            f"{stack.vault['address']} is {vault.words}, which cannot do what the stack's configuration asks "
            f"for; nothing was changed:\n{lines}"
        )


class _Need(NamedTuple):
    key: str
    version: tuple[int, int]
    enterprise: bool
    mend: str

    def met_by(self, vault: Vault) -> bool:
        return vault.version >= self.version and (vault.enterprise or not self.enterprise)

    def __str__(self) -> str:
        edition = "Vault Enterprise" if self.enterprise else "Vault"
        major, minor = self.version
        return f"{self.key}: needs {edition} {major}.{minor} or newer; {self.mend}"


def _needs(stack: StackFile) -> Iterator[_Need]:
    if stack.vault["namespace"]:
        # A Community Vault ignores the header and writes to what it has: the one namespace, the root.
        yield _Need("vault-aws-auth:vault.namespace", (1, 0), True, "leave it out")
    if stack.identity.kind.KIND == "federation":
        yield _Need(
            "vault-aws-auth:vaultIdentity",
            (1, 17),
            True,
            "write kind: role (no stored credential either), or kind: user",
        )
    if stack.secrets_engine and stack.secrets_engine.kind == "federation":
        yield _Need("vault-aws-auth:secretsEngine", (1, 16), True, "write kind: user")
    for number, account in stack.accounts.items():
        if "external_id" in account or "role_arn" not in account:
            yield _Need(
                f"vault-aws-auth:accounts.{number}",
                (1, 17),
                False,
                "it has an external ID, which is new there",
            )


def trusts_any_certificate() -> bool:
    """Whether VAULT_SKIP_VERIFY is set, as Vault's own tools read it."""
    return os.environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true")


def ask(address: str) -> Vault:
    """Vault's version and edition. Raises EditionError if it does not say."""
    import hvac  # takes a while, and most stacks need not ask
    import requests

    # None: hvac then goes by VAULT_CACERT and VAULT_CAPATH, as Vault's own tools do.
    verify = False if trusts_any_certificate() else None
    try:
        client = hvac.Client(url=address, verify=verify, timeout=20)
        health = client.sys.read_health_status(method="GET")
        health = (
            health if isinstance(health, dict) else health.json()
        )  # a standby answers with another status
        version = re.match(r"(?a)(\d+)\.(\d+)", str(health["version"]))
    except (requests.RequestException, hvac.exceptions.VaultError, ValueError, KeyError, TypeError) as error:
        raise EditionError(
            f"Vault was asked for its version, and {address} gave no answer: {_innermost(error)}. "
            "Check vault-aws-auth:vault.address, and VAULT_CACERT if its certificate is of a private CA"
        ) from None
    if version is None:
        raise EditionError(f"{address} says that it is of version {health['version']!r}, which is none")
    enterprise = bool(health.get("enterprise", "+ent" in health["version"]))
    edition = "Enterprise" if enterprise else "Community"
    return Vault((int(version[1]), int(version[2])), enterprise, f"Vault {edition} {health['version']}")


def _innermost(error: BaseException) -> BaseException:
    """What went wrong in the first place, without the layers that passed it on."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
