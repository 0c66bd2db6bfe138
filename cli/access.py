"""`access`: who can log in as what, and which Vault paths they can reach, as a table, JSON or a page.

The logins come from the stack's outputs; the text of their policies is read from Vault, which enforces it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import IO

from . import access_screen, acl, vault
from .console import camel_case, write_page
from .errors import Refused
from .origin import Origin
from .outputs import LoginOutput, Stack, StackOutputs
from .principals import in_words
from .workloads import KINDS

LINK = "Vault policies"


@dataclass(frozen=True)
class Reach:
    """A path of Vault, what is allowed there, and by which policies."""

    path: str
    capabilities: tuple[str, ...]
    conditions: tuple[str, ...]
    policies: tuple[str, ...]
    as_root: tuple[str, ...] = ()
    """Why this path is as good as root; empty if it is not."""


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
    clusters: tuple[str, ...] = ()
    """Keys of the clusters that its service accounts are in."""
    as_root: bool = False
    """Whether the token can have every other permission, by what is known of its policies."""


@dataclass(frozen=True)
class Report:
    """All logins, with notes about what is missing."""

    origin: Origin | None
    """Not asked for where it is not shown."""

    vault: str
    namespace: str
    mount: str
    logins: tuple[Access, ...]
    notes: tuple[str, ...] = ()


def report(stack: Stack, origin: Origin | None) -> Report:
    """Join the logins with the text of their policies. What could not be read is in `notes`."""
    at = stack.outputs.vault
    names = sorted({name for login in stack.outputs.logins.values() for name in login.policies})
    rules, notes = _rules(stack, names)
    more = acl.root_policies(rules)
    return Report(
        origin,
        at.address,
        at.namespace or "",
        at.mount_path.strip("/"),
        tuple(
            _access(name, login, stack.outputs, rules, more)
            for name, login in sorted(stack.outputs.logins.items())
        ),
        tuple(notes),
    )


def _rules(stack: Stack, names: list[str]) -> tuple[dict[str, list[acl.Rule]], list[str]]:
    if not vault.own_token():
        return {}, ["VAULT_TOKEN is not set: policies were not read, so no paths are shown"]
    rules: dict[str, list[acl.Rule]] = {}
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
            rules[name] = acl.parse(str(found["policy"]))
        except acl.Unreadable as error:
            notes.append(f"policy {name}: its text cannot be parsed ({error})")
    notes.append("every token also has Vault's policy default, unless the mount or the Vault role forbids it")
    return rules, notes


def _access(
    name: str,
    login: LoginOutput,
    outputs: StackOutputs,
    rules: dict[str, list[acl.Rule]],
    more: frozenset[str],
) -> Access:
    of = {policy: rules.get(policy, []) for policy in login.policies}
    reach = [
        Reach(
            rule.path,
            acl.ordered(rule.capabilities),
            tuple(condition.partition(" ")[0] for condition in acl.conditions(rule)),
            tuple(policy for policy in of if any(_same_path(rule, each) for each in of[policy])),
            tuple(acl.as_root(rule, more)),
        )
        for rule in acl.combined(of.values()).values()
    ]
    clusters = tuple(outputs.clusters_of(login)) if login.service_accounts else ()
    identity = login.principals or ([login.iam_role_arn] if login.iam_role_arn else [])
    return Access(
        name,
        login.kind,
        login.method if login.kind == "service-account" else None,
        tuple(_who(login, clusters if len(outputs.clusters) > 1 else ())),
        tuple(identity),
        login.vault_role,
        "" if login.max_ttl is None else str(login.max_ttl),
        tuple(login.policies),
        tuple(sorted(reach, key=lambda r: r.path)),
        clusters,
        "root" in login.policies or any(each.as_root for each in reach),
    )


def _same_path(one: acl.Rule, other: acl.Rule) -> bool:
    return one.path.removeprefix("/") == other.path.removeprefix("/")


def _who(login: LoginOutput, clusters: tuple[str, ...]) -> list[str]:
    if login.service_accounts:
        on = f" on {', '.join(clusters)}" if clusters else ""
        return [f"{account}{on}" for account in login.service_accounts]
    kind = KINDS.get(login.kind)
    prefix = f"{kind.callers} of " if kind and kind.callers else ""
    return [f"{prefix}{in_words(principal)}" for principal in login.principals]


def write_table(report: Report, file: IO[str]) -> None:
    """For people; in colour on a terminal."""
    access_screen.write(report, file)


def write_json(report: Report, file: IO[str]) -> None:
    """The same for scripts."""
    json.dump(camel_case(asdict(report)), file, indent=2, ensure_ascii=False)
    file.write("\n")


def write_html(report: Report, file: IO[str]) -> None:
    """One self-contained page; everything in it is escaped."""
    write_page("access.html", file, report=report)


WRITERS: dict[str, Callable[[Report, IO[str]], None]] = {
    "table": write_table,
    "json": write_json,
    "html": write_html,
}
