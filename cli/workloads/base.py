"""What every kind of workload provides."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from .. import refusals
from ..aws import Credentials
from ..options import CallerOptions
from ..outputs import LoginOutput, Stack
from ..vault import Session, log_in


@dataclass(frozen=True)
class Impostor:
    """A caller that must be refused."""

    caller: str
    by: Literal["AWS", "Vault"]
    """Who must refuse it."""
    codes: frozenset[str]
    """The reasons that prove the refusal; any other one means that something else went wrong."""
    attempt: Callable[[], object]
    """Tries to get AWS credentials, or a Vault token."""
    undecided: bool = False
    """Whether only Vault can tell if the stack lets it in: then it is right to let it in, too."""


class NotChecked(Exception):
    """A check that could not be made; the text says which right or token is missing."""


@dataclass(frozen=True)
class Check:
    """One link of the chain, as `doctor` checks it."""

    link: str
    """Its name."""
    run: Callable[[], str]
    """Returns a few words if the link is right; raises `Refused` if it is wrong, or `NotChecked`."""
    needs: tuple[str, ...] = ()
    """The links that this check depends on."""
    proved_by: str = ""
    """The link whose success proves this one, if this check cannot be made."""


class Workload(ABC):
    """The caller of one login: something that gets AWS credentials without a stored one."""

    kind: ClassVar[str]
    """The kind in the stack's output `logins`."""

    callers: ClassVar[str] = ""
    """What has the bound principal, such as `EC2 instances`; empty where that is the caller itself."""

    takes_service_account: ClassVar[bool] = False
    """Whether --service-account chooses among its callers."""

    takes_role: ClassVar[bool] = False
    """Whether --as chooses among its callers."""

    # A Vault role bound to patterns may refuse because Vault cannot look up principals of that kind.
    refused_by_vault = frozenset({refusals.NOT_BOUND, refusals.FOREIGN_ACCOUNT, refusals.LOOKUP_DENIED})
    """Vault's reasons to refuse a caller that the login is not for."""

    def __init__(self, name: str, login: LoginOutput, stack: Stack, chosen: CallerOptions) -> None:
        self.name = name
        self.login = login
        self.stack = stack
        self.vault = stack.outputs.vault
        self.chosen = chosen

    @property
    def expected_here(self) -> bool:
        """Whether its AWS credentials can be had from here if all is right, so that it is worth a wait."""
        return True

    @property
    def place(self) -> str:
        """Where it runs, if the login has several such places: each has a trust of its own."""
        return ""

    @property
    @abstractmethod
    def caller(self) -> str:
        """Who this is, in a few words."""

    @abstractmethod
    def credentials(self) -> Credentials:
        """AWS credentials, obtained as the workload obtains them; raises `Refused`."""

    def log_in(self, credentials: Credentials) -> Session:
        """Log in to this login's Vault role with these credentials; raises `Refused`."""
        return log_in(self.vault, self.login.vault_role, credentials, self.vault.server_id_header)

    def known_arns(self) -> "Sequence[str]":
        """ARNs of this workload's IAM roles, path included, as AWS has them."""
        return ()

    def each(self) -> "Sequence[Workload]":
        """Every caller that the login names, unless the command line chooses one."""
        return (self,)

    def impostors(self) -> Iterator[Impostor]:
        """Callers like this one that AWS or Vault must refuse."""
        return iter(())

    def checks(self) -> Sequence[Check]:
        """The links of the chain before this kind's AWS identity."""
        return ()
