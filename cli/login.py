"""`login`: log in as one workload of the stack, or as several in turn, and show what each got.

It prints without Rich, which takes longer to import than a login takes.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .console import duration, print_json, print_refusal
from .errors import NotHere, Refused, UsageProblem
from .login_screen import LoginTable
from .options import CallerOptions
from .outputs import Stack
from .patience import BUSY, PROPAGATION, Patience
from .screen import Screen
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
    for name, cluster in _each(names, stack, caller):
        chosen = replace(caller, cluster=cluster or caller.cluster)
        outcome: LoggedIn | Refused
        try:
            outcome = log_in_as(name, stack, chosen, header=header, patience=patience)
        except Refused as error:
            outcome = error
        except UsageProblem as error:
            outcome = NotHere("login", None, str(error), "not-tried")
        yield Attempt(f"{name} on {cluster}" if cluster else name, logins[name].kind, outcome)


def _each(names: Sequence[str], stack: Stack, caller: CallerOptions) -> Iterator[tuple[str, str]]:
    """The logins, and each cluster of theirs where the stack has several."""
    outputs = stack.outputs
    for name in dict.fromkeys(names) or sorted(outputs.logins):
        login = outputs.logins[name]
        several = login.service_accounts and len(outputs.clusters) > 1 and not caller.cluster
        yield from ((name, key) for key in (outputs.clusters_of(login) if several else ("",)))


def print_one(login: LoggedIn, *, as_json: bool, show_token: bool) -> None:
    """Print one login, as two tables or as JSON."""
    if as_json:
        print_json(_document(login, show_token))
    else:
        _print_tables(login, show_token)


def print_each(
    attempts: Iterator[Attempt],
    names: Sequence[str],
    *,
    as_json: bool,
    show_token: bool,
    lenient: bool = False,
) -> list[str]:
    """Print a row for each login as it comes, or all as one JSON object by name. Returns those that failed.

    `names` are the names of all. With `lenient`, one that cannot be made from here is not among the failed.
    """
    documents: dict[str, Any] = {}
    failed: list[str] = []
    untried: list[str] = []
    table = None if as_json else LoginTable(Screen(), names)
    for attempt in attempts:
        if isinstance(attempt.outcome, Refused):
            is_untried = lenient and isinstance(attempt.outcome, NotHere)
            (untried if is_untried else failed).append(attempt.name)
            documents[attempt.name] = {"error": asdict(attempt.outcome)}
            if table:
                table.failed(attempt.name, attempt.outcome, untried=is_untried)
                print_refusal(attempt.outcome)
            continue
        documents[attempt.name] = _document(attempt.outcome, show_token)
        if table:
            auth = attempt.outcome.session.auth
            token = f"{_shown(auth, False)} {duration(auth['lease_duration'])}"
            table.row(attempt.name, attempt.outcome.who.caller, token, ", ".join(auth["policies"]))
            if show_token:
                table.out.put(f"  {_shown(auth, True)}")
    if as_json:
        print_json(documents)
        return failed
    for what, which in (("cannot be tried from here", untried), ("failed", failed)):
        if which:
            Screen(sys.stderr).put()
            Screen(sys.stderr).put(f"these logins {what}: {', '.join(which)}", hang=2)
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
    out, width = Screen(), max(map(len, rows))
    out.put((title, "bold"), hang=2)
    for key, value in rows.items():
        out.put((key.ljust(width), "cyan"), f"    {value}", hang=width + 4)


def _quoted(policies: list[str] | None) -> str:
    """A list as Vault's own command prints it."""
    return "[" + " ".join(json.dumps(policy) for policy in policies or []) + "]"
