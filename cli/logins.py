"""Be one workload of the stack, or several in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .chain import Session, log_in
from .errors import Refused, UsageProblem
from .outputs import Stack
from .workloads import Options, Workload, no_such_login, workload


@dataclass(frozen=True)
class LoggedIn:
    """A login that succeeded: who, as which Vault role, and what it got."""

    who: Workload
    vault_role: str
    session: Session


@dataclass(frozen=True)
class Tried:
    """One login among several, and how it went."""

    name: str
    kind: str
    got: LoggedIn | Refused


def log_in_as(
    name: str, stack: Stack, options: Options, *, vault_role: str | None = None, header: str | None = None
) -> LoggedIn:
    """Be the workload of a login; `Refused` by AWS, Kubernetes or Vault if it cannot be.

    `vault_role` and `header` are asked for and sent instead of those of the stack; an empty header is none.
    """
    who = workload(name, stack, options)
    asked = vault_role or who.login.vault_role
    signed = stack.outputs.vault.server_id_header if header is None else header
    return LoggedIn(who, asked, log_in(stack.outputs.vault, asked, who.credentials(), signed))


def log_in_as_each(
    names: Sequence[str], stack: Stack, options: Options, *, header: str | None = None
) -> Iterator[Tried]:
    """Be the workload of each of these logins, or of all that the stack has; none stops the next."""
    logins = stack.outputs.logins
    if unknown := [name for name in names if name not in logins]:
        raise UsageProblem(no_such_login(unknown[0], stack))
    if not logins:
        raise UsageProblem("this stack has no logins")
    for name in dict.fromkeys(names) or sorted(logins):
        got: LoggedIn | Refused
        try:
            got = log_in_as(name, stack, options, header=header)
        except Refused as error:
            got = error
        except UsageProblem as error:
            got = Refused("login", None, str(error), "not-tried")
        yield Tried(name, logins[name].kind, got)
