"""What every kind of workload has to answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..chain import Credentials
from ..outputs import LoginOutput, Stack


@dataclass(frozen=True)
class Options:
    """What the command line adds to the stack's outputs."""

    service_account: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True)
class Impostor:
    """A caller that AWS must not give the workload's credentials to."""

    caller: str
    attempt: Callable[[], Credentials]
    codes: frozenset[str]
    """AWS's error codes that prove the refusal; any other one means that something else went wrong."""


class Workload(ABC):
    """One login's caller: something that gets AWS credentials without a stored one."""

    kind: ClassVar[str]
    """The word in the stack's `logins` output."""

    takes_service_account: ClassVar[bool] = False
    """Whether --service-account chooses among its callers."""

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

    @abstractmethod
    def impostors(self) -> Iterator[Impostor]:
        """Those who look alike and must be refused before they reach Vault."""
