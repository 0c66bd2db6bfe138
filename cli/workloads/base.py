"""What every kind of workload has to answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .. import refusals
from ..aws import Credentials
from ..outputs import LoginOutput, Stack


@dataclass(frozen=True)
class Options:
    """What the command line adds to the stack's outputs."""

    service_account: str | None = None
    kubeconfig: str | None = None
    role: str | None = None
    """IAM role to be (`--as`)."""


@dataclass(frozen=True)
class Impostor:
    """A caller that AWS must not give the workload's credentials to."""

    caller: str
    attempt: Callable[[], Credentials]
    codes: frozenset[str]
    """AWS's error codes that prove the refusal; any other one means that something else went wrong."""


@dataclass(frozen=True)
class Stranger:
    """A caller with AWS credentials of its own, to whom Vault must not give a token."""

    caller: str
    credentials: Callable[[], Credentials]
    # Of a Vault role bound to patterns: Vault may look up no principals of a kind that no login is bound to.
    codes: frozenset[str] = frozenset({refusals.NOT_BOUND, refusals.FOREIGN_ACCOUNT, refusals.LOOKUP_DENIED})
    """The reasons of Vault's that prove the refusal."""


class NotChecked(Exception):
    """A check that could not be made, for want of a right or a token; its text says what is missing."""


@dataclass(frozen=True)
class Check:
    """One link of the chain, as `doctor` looks at it."""

    link: str
    """Its name."""
    run: Callable[[], str]
    """Says in a few words what is right; raises `Refused` for what is wrong, `NotChecked` where it cannot."""
    needs: tuple[str, ...] = ()
    """The links without which there is nothing to look at."""
    proved_by: str = ""
    """The link whose success proves this one, where it could not be checked by itself."""


class Workload(ABC):
    """One login's caller: something that gets AWS credentials without a stored one."""

    kind: ClassVar[str]
    """The word in the stack's `logins` output."""

    takes_service_account: ClassVar[bool] = False
    """Whether --service-account chooses among its callers."""

    takes_role: ClassVar[bool] = False
    """Whether --as chooses among its callers."""

    def __init__(self, name: str, login: LoginOutput, stack: Stack, options: Options) -> None:
        self.name = name
        self.login = login
        self.stack = stack
        self.options = options

    @property
    @abstractmethod
    def caller(self) -> str:
        """Who this is, in a few words."""

    @abstractmethod
    def credentials(self) -> Credentials:
        """The AWS credentials, got as the workload itself gets them; `Refused` if it cannot."""

    def each(self) -> "Sequence[Workload]":
        """Every caller that the login names, if the command line does not choose one."""
        return (self,)

    def impostors(self) -> Iterator[Impostor]:
        """Those who look alike and must be refused before they reach Vault."""
        return iter(())

    def strangers(self) -> Iterator[Stranger]:
        """Those whom AWS knows under another name, and Vault must refuse."""
        return iter(())

    def checks(self) -> Sequence[Check]:
        """The links of the chain that come before this kind's AWS identity."""
        return ()
