"""Which login goes to which team: by the namespace of its service accounts, or by a file of patterns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from components.forms import is_wild
from stack.file import Declared, StackFile
from stack.split import SplitError, read_yaml

Patterns = Mapping[str, Sequence[str]]
"""By team: patterns with `*` and `?`, of logins' names, or of service accounts if there is a `/` in it."""

_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass
class Assignment:
    """Where each login goes."""

    teams: dict[str, list[str]] = field(default_factory=dict)
    """Names of the logins of each team."""

    staying: dict[str, str] = field(default_factory=dict)
    """Why each of the other logins stays with the platform."""


def read(file: Path) -> Patterns:
    """The teams that a YAML file names: `TEAM: [PATTERN, …]`. Raises SplitError."""
    given = read_yaml(file)
    if not isinstance(given, dict) or not given:
        raise SplitError([f"{file}: names no team; write TEAM: [PATTERN, …], e.g. payments: [payments/*]"])
    problems = []
    for team, patterns in given.items():
        if not isinstance(team, str) or not _STACK_NAME.fullmatch(team):
            problems.append(f"{file}: {team!r} cannot name a stack; write letters, digits, _, - and .")
        if not isinstance(patterns, list) or not all(isinstance(it, str) and it for it in patterns):
            problems.append(f"{file}: {team}: is not a list of patterns; write e.g. [payments/*, checkout]")
    if problems:
        raise SplitError(problems)
    return {str(team): patterns for team, patterns in given.items()}


def by_namespace(stack: StackFile) -> Assignment:
    """Each login to a team with the name of its service accounts' namespace, where they have one only."""
    found = Assignment()
    for name, login in stack.logins.items():
        namespaces = sorted({account.partition("/")[0] for account in _accounts(login)})
        why = cannot_go(stack, name)
        if not why and not namespaces:
            why = "it has no service account, so no namespace; a file of --teams can name it"
        elif not why and (len(namespaces) > 1 or is_wild(namespaces[0])):
            why = f"its service accounts are of {', '.join(namespaces)}; a file of --teams can name it"
        if why:
            found.staying[name] = why
        else:
            found.teams.setdefault(namespaces[0], []).append(name)
    return found


def by_patterns(stack: StackFile, patterns: Patterns, gone: Mapping[str, Sequence[str]]) -> Assignment:
    """Each login to the team of which a pattern meets it; one of service accounts has to meet all of them.

    `gone` are the logins that teams have already, by team: a pattern that met them need not meet others.
    Raises SplitError for a login of two teams, one that cannot go, and a pattern that meets none.
    """
    found, problems = Assignment(), []
    for name, login in stack.logins.items():
        takers = [
            team
            for team, wanted in patterns.items()
            if any(_meets(it, name, _accounts(login)) for it in wanted)
        ]
        if len(takers) > 1:
            problems.append(f"logins.{name}: goes to {' and to '.join(takers)}; make the patterns narrower")
        elif takers and (why := cannot_go(stack, name)):
            problems.append(f"logins.{name}: cannot go to {takers[0]}: {why}")
        elif takers:
            found.teams.setdefault(takers[0], []).append(name)
        else:
            found.staying[name] = cannot_go(stack, name) or "no team names it"
    known = ", ".join(stack.logins) or "none"
    problems += [
        f"{team}: {pattern!r} meets no login; known: {known}"
        for team, wanted in patterns.items()
        for pattern in wanted
        if not any(_meets(pattern, name, _accounts(login)) for name, login in stack.logins.items())
        and not any("/" in pattern or fnmatchcase(name, pattern) for name in gone.get(team, ()))
    ]
    if problems:
        raise SplitError(problems)
    return found


def cannot_go(stack: StackFile, name: str) -> str:
    """Why a login has to stay with the platform; empty if it can go."""
    login = stack.logins[name]
    if login.kind.KIND == "ec2-instance":
        return "it is of instances, which are the platform's"
    if login.options.get("vault_lookups"):
        return "it has vaultLookups, Vault's own permissions"
    if any(not cluster.alone for cluster in stack.clusters_of(login)):
        return "it is of one of clusters, and a team's program knows that of vault-aws-auth:cluster alone"
    account = login.kind.account(login.options)
    if account in stack.accounts:
        return f"its principals are of the account {account}, into which only the platform can look"
    return ""


def _accounts(login: Declared) -> Sequence[str]:
    accounts: Sequence[str] = login.options.get("service_accounts", ())
    return accounts


def _meets(pattern: str, name: str, accounts: Sequence[str]) -> bool:
    if "/" in pattern:
        return bool(accounts) and all(fnmatchcase(account, pattern) for account in accounts)
    return fnmatchcase(name, pattern)
