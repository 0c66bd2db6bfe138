"""What `login` prints: two tables, or JSON for scripts.

Without Rich, which takes longer to import than a login takes.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import typer

from .duration import duration
from .errors import Refused
from .logins import LoggedIn, Tried


def one(login: LoggedIn, *, as_json: bool, show_token: bool) -> None:
    """One login: its tables, or its document."""
    if as_json:
        _json(_document(login, show_token))
    else:
        _tables(login, show_token)


def several(logins: Iterable[Tried], *, as_json: bool, show_token: bool) -> list[str]:
    """Each login as it comes, under its name; as JSON one object, by name. The names of those that failed."""
    documents: dict[str, Any] = {}
    failed, before = [], ""
    for tried in logins:
        if isinstance(tried.got, Refused):
            failed.append(tried.name)
        if as_json:
            documents[tried.name] = (
                {"error": asdict(tried.got)}
                if isinstance(tried.got, Refused)
                else _document(tried.got, show_token)
            )
            continue
        # Flushed, because what goes wrong is said on standard error.
        print(before + _styled(f"Login {tried.name} ({tried.kind})", bold=True), flush=True)
        before = "\n"
        if isinstance(tried.got, Refused):
            from .render import refusal

            refusal(tried.got, as_json=False)
        else:
            _tables(tried.got, show_token)
    if as_json:
        _json(documents)
    elif failed:
        typer.echo(f"\nthese logins failed: {', '.join(failed)}", err=True)
    return failed


def masked(token: str) -> str:
    """Enough of a token to recognise its kind, not to use it."""
    return f"{token[:8]}…"


def _tables(login: LoggedIn, show_token: bool) -> None:
    """Caller identity and token table, as `aws sts get-caller-identity` and `vault login` name them."""
    who, auth, caller = login.who, login.session.auth, login.session.caller
    rows = {
        "token": auth["client_token"] if show_token else masked(auth["client_token"]),
        "token_accessor": auth["accessor"],
        "token_duration": duration(auth["lease_duration"]),
        "token_renewable": str(auth["renewable"]).lower(),
        "token_policies": _quoted(auth["token_policies"]),
        "identity_policies": _quoted(auth.get("identity_policies")),
        "policies": _quoted(auth["policies"]),
        **{f"token_meta_{key}": value for key, value in sorted((auth.get("metadata") or {}).items())},
    }
    _pairs(
        f"Caller identity of {who.name} ({who.caller})",
        {"Account": caller.account, "UserId": caller.user_id, "Arn": caller.arn},
    )
    print()
    _pairs(f"Vault token of {who.name}", rows)


def _document(login: LoggedIn, show_token: bool) -> dict[str, Any]:
    """The same for scripts; `auth` is Vault's answer, with its names."""
    caller, token = login.session.caller, login.session.auth["client_token"]
    return {
        "login": login.who.name,
        "kind": login.who.login.kind,
        "workload": login.who.caller,
        "vaultRole": login.vault_role,
        "caller": {"account": caller.account, "userId": caller.user_id, "arn": caller.arn},
        "auth": {**login.session.auth, "client_token": token if show_token else masked(token)},
    }


def _pairs(title: str, rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    print(_styled(title, bold=True))
    for key, value in rows.items():
        print(_styled(key.ljust(width), fg="cyan"), value, sep="    ")


def _styled(text: str, **style: Any) -> str:
    """In colour where a terminal shows it and its user wants it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if plain else typer.style(text, **style)


def _quoted(policies: list[str] | None) -> str:
    """A list as Vault's command prints it."""
    return "[" + " ".join(json.dumps(policy) for policy in policies or []) + "]"


def _json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
