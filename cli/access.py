"""`access`: who can log in as what, and which Vault paths they can reach, as a table, JSON or a page.

The logins come from the stack's outputs; the text of their policies is read from Vault, which enforces it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from rich.table import Table
from rich.text import Text

from . import acl_policies, vault
from .console import camel_case, console
from .errors import Refused
from .outputs import LoginOutput, Stack
from .principals import in_words
from .workloads import KINDS

LINK = "Vault policies"
_STYLES = {"deny": "red", "sudo": "red", "read": "green", "list": "green"}


@dataclass(frozen=True)
class Reach:
    """A path of Vault, what is allowed there, and by which policies."""

    path: str
    capabilities: tuple[str, ...]
    conditions: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """One login: who, as what, for how long, and what its token reaches."""

    login: str
    kind: str
    method: str | None
    who: tuple[str, ...]
    """Service accounts, or in words the IAM roles and users that log in themselves."""
    identity: tuple[str, ...]
    """The AWS principals that the Vault role is bound to."""
    vault_role: str
    max_ttl: str
    policies: tuple[str, ...]
    reach: tuple[Reach, ...]


@dataclass(frozen=True)
class Report:
    """All logins, with notes about what is missing."""

    vault: str
    namespace: str
    mount: str
    logins: tuple[Access, ...]
    notes: tuple[str, ...] = ()


def report(stack: Stack) -> Report:
    """Join the logins with the text of their policies. What could not be read is in `notes`."""
    at = stack.outputs.vault
    names = sorted({name for login in stack.outputs.logins.values() for name in login.policies})
    rules, notes = _rules(stack, names)
    return Report(
        at.address,
        at.namespace or "",
        at.mount_path.strip("/"),
        tuple(_access(name, login, rules) for name, login in sorted(stack.outputs.logins.items())),
        tuple(notes),
    )


def _rules(stack: Stack, names: list[str]) -> tuple[dict[str, list[acl_policies.Rule]], list[str]]:
    if not vault.own_token():
        return {}, ["VAULT_TOKEN is not set: policies were not read, so no paths are shown"]
    rules: dict[str, list[acl_policies.Rule]] = {}
    notes = []
    for name in names:
        if name == "root":
            notes.append("policy root allows everything")
            continue
        try:
            found = vault.read(stack.outputs.vault, f"sys/policies/acl/{name}", LINK)
        except Refused as error:
            if error.by is None:
                raise  # Vault does not answer: the report would be empty
            notes.append(f"policy {name}: VAULT_TOKEN may not read it ({error.reason})")
            continue
        if found is None:
            notes.append(f"policy {name}: Vault has no such policy, so tokens get nothing from it")
            continue
        try:
            rules[name] = acl_policies.parse(str(found["policy"]))
        except acl_policies.Unreadable as error:
            notes.append(f"policy {name}: its text cannot be parsed ({error})")
    notes.append("every token also has Vault's policy default, unless the mount or the Vault role forbids it")
    return rules, notes


def _access(name: str, login: LoginOutput, rules: dict[str, list[acl_policies.Rule]]) -> Access:
    reach: dict[str, Reach] = {}
    for policy in login.policies:
        for rule in rules.get(policy, []):
            before = reach.get(rule.path)
            if before:
                earlier = acl_policies.Rule(rule.path, before.capabilities, before.conditions)
                rule = acl_policies.merge(earlier, rule)
            by = (*(before.policies if before else ()), policy)
            reach[rule.path] = Reach(rule.path, rule.capabilities, rule.conditions, by)
    identity = login.principals or ([login.iam_role_arn] if login.iam_role_arn else [])
    return Access(
        name,
        login.kind,
        login.method if login.kind == "service-account" else None,
        tuple(_who(login)),
        tuple(identity),
        login.vault_role,
        "" if login.max_ttl is None else str(login.max_ttl),
        tuple(login.policies),
        tuple(sorted(reach.values(), key=lambda r: r.path)),
    )


def _who(login: LoginOutput) -> list[str]:
    if login.service_accounts:
        return login.service_accounts
    kind = KINDS.get(login.kind)
    prefix = f"{kind.callers} of " if kind and kind.callers else ""
    return [f"{prefix}{in_words(principal)}" for principal in login.principals]


def write_table(report: Report, file: IO[str]) -> None:
    """A row per login and path; in colour on a terminal."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("login", "who", "Vault role", "path", "capabilities", "policies"):
        rows.add_column(column, overflow="fold")
    for login in report.logins:
        role = f"{login.vault_role} ({login.max_ttl})" if login.max_ttl else login.vault_role
        head = [login.login, "\n".join(login.who), role]
        for reach in login.reach:
            allowed = Text(", ").join(Text(c, style=_STYLES.get(c, "yellow")) for c in reach.capabilities)
            if reach.conditions:
                allowed.append(f" (if: {', '.join(reach.conditions)})")
            rows.add_row(*map(Text, head), Text(reach.path), allowed, Text(", ".join(reach.policies)))
            head = ["", "", ""]
        if not login.reach:
            rows.add_row(*map(Text, head), Text("?"), Text("?"), Text(", ".join(login.policies)))
    out = console(file)
    out.print(rows)
    for note in report.notes:
        out.print(Text(f"note: {note}", style="yellow"))


def write_json(report: Report, file: IO[str]) -> None:
    """The same for scripts."""
    json.dump(camel_case(asdict(report)), file, indent=2, ensure_ascii=False)
    file.write("\n")


def write_html(report: Report, file: IO[str]) -> None:
    """One self-contained page; everything in it is escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    file.write(environment.get_template("access.html").render(report=report))


WRITERS: dict[str, Callable[[Report, IO[str]], None]] = {
    "table": write_table,
    "json": write_json,
    "html": write_html,
}
