"""The second half of every login: who the AWS credentials are, and the Vault token that they get."""

from dataclasses import dataclass, field
from typing import Any

from . import vault
from .aws import Caller, Credentials, caller_identity
from .outputs import VaultOutput


@dataclass(frozen=True)
class Session:
    """A login that succeeded."""

    caller: Caller
    auth: dict[str, Any] = field(repr=False)
    """Vault's answer: token, accessor, policies, metadata."""


def log_in(at: VaultOutput, role: str, credentials: Credentials, header: str | None) -> Session:
    """Log in to the Vault role with these credentials; `Refused` by AWS or by Vault if it cannot be."""
    caller = caller_identity(at, credentials)
    return Session(caller, vault.login(at, role, vault.sign_login(at, credentials, header)))
