"""The access report as a table, as JSON, and as a page."""

import json as json_module
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .access import Access, Report
from .render import console

_STYLES = {"deny": "red", "sudo": "red", "read": "green", "list": "green"}


def table(report: Report, *, terminal: bool) -> str:
    """A row per login and path, for reading; with colours on a terminal only."""
    text = StringIO()
    like = console()
    out = Console(
        file=text,
        highlight=False,
        soft_wrap=True,
        width=like.width if terminal else 10_000,
        force_terminal=terminal and like.is_terminal,
        no_color=like.no_color,
    )
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("login", "who", "Vault role", "path", "capabilities", "policies"):
        rows.add_column(column, overflow="fold")
    for login in report.logins:
        head = [login.login, "\n".join(login.who), _role(login)]
        for reach in login.reach:
            allowed = Text(", ").join(Text(c, style=_STYLES.get(c, "yellow")) for c in reach.capabilities)
            if reach.conditions:
                allowed.append(f" (if: {', '.join(reach.conditions)})")
            rows.add_row(*map(Text, head), Text(reach.path), allowed, Text(", ".join(reach.policies)))
            head = ["", "", ""]
        if not login.reach:
            rows.add_row(*map(Text, head), Text("?"), Text("?"), Text(", ".join(login.policies)))
    out.print(rows)
    for note in report.notes:
        out.print(Text(f"note: {note}", style="yellow"))
    return text.getvalue()


def json(report: Report, *, terminal: bool = False) -> str:
    """The same for scripts."""
    document = _camel(asdict(report))
    return json_module.dumps(document, indent=2, ensure_ascii=False) + "\n"


def html(report: Report, *, terminal: bool = False) -> str:
    """One page that needs nothing else; everything in it is escaped."""
    from jinja2 import Environment, FileSystemLoader

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("access.html").render(report=report)


def _role(login: Access) -> str:
    return f"{login.vault_role} ({login.max_ttl})" if login.max_ttl else login.vault_role


def _camel(value: Any) -> Any:
    """Keys as everywhere in this command's JSON."""
    if isinstance(value, dict):
        return {_camel_name(key): _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list | tuple) else value


def _camel_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
