"""What the commands print: for people on a terminal, aligned text elsewhere, JSON for scripts."""

import json
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .chain import Session
from .doctor import Link
from .duration import duration
from .errors import Refused
from .verify import Finding
from .workloads import Workload


def console(*, stderr: bool = False) -> Console:
    """Colours and the width of the terminal on a terminal; elsewhere neither, so that no line breaks."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if stream.isatty() else 10_000)


def masked(token: str) -> str:
    """Enough of a token to recognise its kind, not to use it."""
    return f"{token[:8]}…"


def login_table(who: Workload, session: Session, *, show_token: bool) -> None:
    """Caller identity and token table, as `aws sts get-caller-identity` and `vault login` name them."""
    auth, caller = session.auth, session.caller
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


def login_json(who: Workload, vault_role: str, session: Session, *, show_token: bool) -> None:
    """The same for scripts; `auth` is Vault's answer, with its names."""
    token = session.auth["client_token"]
    _json(
        {
            "login": who.name,
            "kind": who.login.kind,
            "workload": who.caller,
            "vaultRole": vault_role,
            "caller": {
                "account": session.caller.account,
                "userId": session.caller.user_id,
                "arn": session.caller.arn,
            },
            "auth": {**session.auth, "client_token": token if show_token else masked(token)},
        }
    )


def findings_table(findings: list[Finding]) -> None:
    """A row per attempt; what is not as expected is explained below."""
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "login", "caller", "expected", "got", "refused by"):
        table.add_column(column, overflow="fold")
    for found in findings:
        style = "green" if found.ok else "red"
        table.add_row(
            Text("✓" if found.ok else "✗", style=style),
            *map(Text, (found.login, found.caller, found.expected)),
            Text(found.got, style=style),
            Text(found.refused_by),
        )
    out.print(table)
    for found in findings:
        if not found.ok:
            out.print()
            _explain(
                out,
                f"{found.login}, {found.caller}",
                f"expected {found.expected}, got {found.got}",
                found.reason,
                found.hint,
            )
    wrong = sum(not found.ok for found in findings)
    out.print()
    out.print(
        Text(f"{wrong} of {len(findings)} not as expected", style="red")
        if wrong
        else Text(f"all {len(findings)} as expected", style="green")
    )


def findings_json(findings: list[Finding]) -> None:
    """The same for scripts."""
    _json(
        {"ok": all(found.ok for found in findings), "results": [_camel(asdict(found)) for found in findings]}
    )


def examination_table(links: list[Link]) -> None:
    """A line per link, with the fix below what is wrong."""
    out = console()
    width = max(len(link.link) for link in links)
    for link in links:
        mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}[link.ok]
        out.print(Text.assemble((f"{mark}  ", style), (link.link.ljust(width), "bold"), f"  {link.detail}"))
        if link.fix:
            out.print(Text.assemble((" " * (width + 5) + "→ ", "cyan"), link.fix))
    wrong, unknown = (sum(link.ok is state for link in links) for state in (False, None))
    out.print()
    if not wrong and not unknown:
        out.print(Text(f"all {len(links)} links are right", style="green"))
        return
    said = [f"{wrong} wrong"] if wrong else []
    said += [f"{unknown} not looked at"] if unknown else []
    out.print(Text(f"{' and '.join(said)} of {len(links)} links", style="red" if wrong else "yellow"))


def examination_json(links: list[Link]) -> None:
    """The same for scripts; `ok` is null for what could not be looked at."""
    _json({"ok": all(link.ok for link in links), "links": [asdict(link) for link in links]})


def refusal(error: Refused, *, as_json: bool) -> None:
    """Which link failed, who refused, in whose words, and the fix."""
    if as_json:
        _json({"error": {**asdict(error)}})
        return
    verdict = f"refused by {error.by}" if error.by else "failed"
    _explain(console(stderr=True), error.link, verdict, error.reason, error.hint)


def _explain(out: Console, what: str, verdict: str, reason: str, hint: str) -> None:
    out.print(Text.assemble(("✗ ", "red"), (what, "bold"), f": {verdict}"))
    if reason:
        out.print(Text(f"  {reason}"))
    if hint:
        out.print(Text.assemble(("  → ", "cyan"), hint))


def _pairs(title: str, rows: dict[str, str]) -> None:
    out = console()
    width = max(map(len, rows))
    out.print(Text(title, style="bold"))
    for key, value in rows.items():
        out.print(Text.assemble((key.ljust(width), "cyan"), "    ", value))


def _quoted(policies: list[str] | None) -> str:
    """A list as Vault's command prints it."""
    return "[" + " ".join(json.dumps(policy) for policy in policies or []) + "]"


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("refused_by", "refusedBy"): value for key, value in fields.items()}


def _json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
