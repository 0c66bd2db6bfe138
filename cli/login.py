"""`login`: log in as one workload of the stack, or as several in turn, and show what each got.

It prints without Rich, which takes longer to import than a login takes.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer

from .console import duration, print_json, print_refusal
from .errors import NotHere, Refused, UsageProblem
from .options import CallerOptions
from .outputs import Stack
from .patience import BUSY, PROPAGATION, Patience
from .vault import Session, log_in
from .workloads import Workload, check_names, workload


@dataclass(frozen=True)
class LoggedIn:
    """A login that succeeded."""

    who: Workload
    vault_role: str
    session: Session


@dataclass(frozen=True)
class Attempt:
    """One login among several, and its outcome."""

    name: str
    kind: str
    outcome: LoggedIn | Refused


def log_in_as(
    name: str,
    stack: Stack,
    caller: CallerOptions,
    *,
    vault_role: str | None = None,
    header: str | None = None,
    patience: Patience | None = None,
) -> LoggedIn:
    """Log in as the workload of a login; raises `Refused` if AWS, Kubernetes or Vault refuses it.

    `vault_role` and `header` replace those of the stack; an empty header sends none. With `patience`, a
    refusal of what AWS may not have everywhere yet is tried again.
    """
    who = workload(name, stack, caller)
    role = vault_role or who.login.vault_role
    signed = stack.outputs.vault.server_id_header if header is None else header

    def attempt() -> Session:
        return log_in(stack.outputs.vault, role, who.credentials(), signed)

    if patience is None:
        return LoggedIn(who, role, attempt())
    codes = BUSY | PROPAGATION if who.expected_here else BUSY
    return LoggedIn(who, role, patience.retried(f"{name}, {who.caller}", attempt, codes))


def log_in_as_each(
    names: Sequence[str], stack: Stack, caller: CallerOptions, *, header: str | None = None
) -> Iterator[Attempt]:
    """Log in as each of these workloads, or as all of the stack. A failure does not stop the next, and what
    AWS may not have everywhere yet is tried again."""
    logins, patience = stack.outputs.logins, Patience()
    check_names(names, stack)
    if not logins:
        raise UsageProblem("this stack has no logins")
    for name in dict.fromkeys(names) or sorted(logins):
        outcome: LoggedIn | Refused
        try:
            outcome = log_in_as(name, stack, caller, header=header, patience=patience)
        except Refused as error:
            outcome = error
        except UsageProblem as error:
            outcome = NotHere("login", None, str(error), "not-tried")
        yield Attempt(name, logins[name].kind, outcome)


def print_one(login: LoggedIn, *, as_json: bool, show_token: bool) -> None:
    """Print one login, as two tables or as JSON."""
    if as_json:
        print_json(_document(login, show_token))
    else:
        _print_tables(login, show_token)


def print_each(
    attempts: Iterator[Attempt], *, as_json: bool, show_token: bool, lenient: bool = False
) -> list[str]:
    """Print each login as it comes, or all as one JSON object by name. Returns the names that failed.

    With `lenient`, one that cannot be made from here is not among them.
    """
    documents: dict[str, Any] = {}
    failed, untried, gap = [], [], ""
    for attempt in attempts:
        if lenient and isinstance(attempt.outcome, NotHere):
            untried.append(attempt.name)
            documents[attempt.name] = {"error": asdict(attempt.outcome)}
        elif isinstance(attempt.outcome, Refused):
            failed.append(attempt.name)
            documents[attempt.name] = {"error": asdict(attempt.outcome)}
        else:
            documents[attempt.name] = _document(attempt.outcome, show_token)
        if as_json:
            continue
        # Flushed, because refusals go to standard error.
        print(gap + _styled(f"Login {attempt.name} ({attempt.kind})", bold=True), flush=True)
        gap = "\n"
        if isinstance(attempt.outcome, Refused):
            print_refusal(attempt.outcome)
        else:
            _print_tables(attempt.outcome, show_token)
    if as_json:
        print_json(documents)
        return failed
    for what, names in (("cannot be tried from here", untried), ("failed", failed)):
        if names:
            typer.echo(f"\nthese logins {what}: {', '.join(names)}", err=True)
    return failed


def _print_tables(login: LoggedIn, show_token: bool) -> None:
    """Caller and token, with the names of `aws sts get-caller-identity` and `vault login`."""
    who, auth, caller = login.who, login.session.auth, login.session.caller
    _print_table(
        f"Caller identity of {who.name} ({who.caller})",
        {"Account": caller.account, "UserId": caller.user_id, "Arn": caller.arn},
    )
    print()
    _print_table(
        f"Vault token of {who.name}",
        {
            "token": _shown(auth, show_token),
            "token_accessor": auth["accessor"],
            "token_duration": duration(auth["lease_duration"]),
            "token_renewable": str(auth["renewable"]).lower(),
            "token_policies": _quoted(auth["token_policies"]),
            "identity_policies": _quoted(auth.get("identity_policies")),
            "policies": _quoted(auth["policies"]),
            **{f"token_meta_{key}": value for key, value in sorted((auth.get("metadata") or {}).items())},
        },
    )


def _document(login: LoggedIn, show_token: bool) -> dict[str, Any]:
    """The same for scripts; `auth` is Vault's answer, with Vault's names."""
    who, session = login.who, login.session
    return {
        "login": who.name,
        "kind": who.login.kind,
        "workload": who.caller,
        "vaultRole": login.vault_role,
        "caller": {
            "account": session.caller.account,
            "userId": session.caller.user_id,
            "arn": session.caller.arn,
        },
        "auth": {**session.auth, "client_token": _shown(session.auth, show_token)},
    }


def _shown(auth: dict[str, Any], show_token: bool) -> str:
    """The token, or enough of it to recognise its kind."""
    token = str(auth["client_token"])
    return token if show_token else f"{token[:8]}…"


def _print_table(title: str, rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    print(_styled(title, bold=True))
    for key, value in rows.items():
        print(_styled(key.ljust(width), fg="cyan"), value, sep="    ")


def _styled(text: str, **style: Any) -> str:
    """In colour if the terminal shows colours and the user wants them."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if plain else typer.style(text, **style)


def _quoted(policies: list[str] | None) -> str:
    """A list as Vault's own command prints it."""
    return "[" + " ".join(json.dumps(policy) for policy in policies or []) + "]"
