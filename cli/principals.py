"""Principals as Vault compares them: by their own ARN, path included.

The ARN of a role's session lacks the role's path, so Vault asks IAM for the role before it compares a
pattern. So does this module, and where IAM does not say, the answer is None: only Vault can tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .aws import Caller, Credentials, own_credentials, session
from .errors import Refused
from .outputs import VaultOutput

_SSO_NAME, _SSO_PATH = "AWSReservedSSO_", "aws-reserved/sso.amazonaws.com/"
"""Of the roles that IAM Identity Center makes; a region may follow in the path."""


@dataclass(frozen=True)
class Principal:
    """An IAM role or user."""

    arn: str
    """Its own ARN, as far as it is known: without the path where `whole` is False."""
    whole: bool = True

    def admitted_by(self, bounds: Iterable[str]) -> bool | None:
        """Whether a Vault role with these bounds admits it. None: that depends on its path, which is unknown.

        A `*` is a wildcard only at the end. Of one bound in full Vault has the ID, which it got by the name.
        """
        verdicts = {self._matches(bound) for bound in bounds}
        return True if True in verdicts else None if None in verdicts else False

    def _matches(self, bound: str) -> bool | None:
        if not bound.endswith("*"):
            return same(self.arn, bound)
        pattern = bound[:-1]
        if self.whole:
            return self.arn.startswith(pattern)
        # With its path, anything may stand between these words and the name; for SSO, it begins in one way.
        stem = f"{self.arn.partition('/')[0]}/"
        if self.arn.startswith(f"{stem}{_SSO_NAME}"):
            stem += _SSO_PATH
        return None if pattern.startswith(stem) or stem.startswith(pattern) else False


def principal_of(caller_arn: str) -> str:
    """The principal behind a caller: the IAM role of a session, without its path, or the user itself."""
    _, partition, _, _, account, resource = caller_arn.split(":", 5)
    kind, _, name = resource.partition("/")
    if kind == "assumed-role":
        kind, name = "role", name.split("/")[0]
    return f"arn:{partition}:iam::{account}:{kind}/{name}" if name else caller_arn


def same(one: str, other: str) -> bool:
    """Whether two ARNs are of one principal. Names are unique in an account, whatever path and case."""
    return named(one) == named(other)


def resolved(
    vault: VaultOutput, caller: Caller, credentials: Credentials | None = None, known: Iterable[str] = ()
) -> Principal:
    """The principal behind a caller, with its path if that can be found out.

    `known` are ARNs that AWS has confirmed, such as that of the role that was assumed. Else IAM is asked,
    with the caller's `credentials` and with the user's own.
    """
    arn = principal_of(caller.arn)
    if ":assumed-role/" not in caller.arn:
        return Principal(arn)
    for candidate in known:
        if same(candidate, arn):
            return Principal(candidate)
    found = _looked_up(vault, arn, credentials)
    return Principal(found, True) if found else Principal(arn, False)


def in_words(principal: str) -> str:
    """For people: `role eks1-node of 111111111111`."""
    *_, account, resource = principal.split(":", 5)
    kind, _, name = resource.partition("/")
    return f"{kind} {name} of {account}"


def is_exact_role(principal: str) -> bool:
    """Whether the principal is a single IAM role, which can be assumed by its ARN."""
    parts = principal.split(":", 5)
    return len(parts) == 6 and parts[5].startswith("role/") and not principal.endswith("*")


def named(arn: str) -> tuple[str, str]:
    """What is the same in all spellings of a principal's ARN."""
    head, _, resource = arn.rpartition(":")
    kind, _, name = resource.partition("/")  # of an account's root, there is no name
    return f"{head}:{kind}", name.rpartition("/")[2].lower()


def _looked_up(vault: VaultOutput, role: str, credentials: Credentials | None) -> str | None:
    """The role's ARN as IAM has it. None if it says it neither to the caller nor to the user."""
    from botocore.exceptions import BotoCoreError, ClientError

    for asking in (credentials, None):
        try:
            keys = asking or own_credentials()
            answer = _iam(vault, keys).get_role(RoleName=role.rpartition("/")[2])
        except (BotoCoreError, ClientError, Refused):
            continue
        found = str(answer["Role"]["Arn"])
        if same(found, role):  # IAM looks only into the account of the caller
            return found
    return None


def _iam(vault: VaultOutput, keys: Credentials) -> Any:
    from botocore.config import Config

    return session().create_client(
        "iam",
        region_name=vault.sts_region,  # for the partition: IAM has one endpoint in each
        config=Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 1}),
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token,
    )
