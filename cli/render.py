"""What `verify` and `doctor` print, and every refusal: for people on a terminal, aligned text elsewhere, JSON
for scripts."""

import json
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .doctor import Link
from .errors import Refused
from .verify import Finding


def console(*, stderr: bool = False) -> Console:
    """Colours and the width of the terminal on a terminal; elsewhere neither, so that no line breaks."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if stream.isatty() else 10_000)


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


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("refused_by", "refusedBy"): value for key, value in fields.items()}


def _json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
