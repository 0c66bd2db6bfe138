"""What a split makes of a stack's configuration: the platform's, and each team's. Pure functions."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.declared import to_camel
from components.pod_role import PodIdentityMethod
from stack.file import Declared, StackFile, parse, readable
from stack.reading import StackFileError
from stack.sections import PROJECT
from stack.split import SplitError
from stack.split.teams import Assignment
from stack.stack_wide import BOUNDARY, NAME

Config = dict[str, Any]

LOGINS, CONSUMERS = f"{PROJECT}:logins", f"{PROJECT}:consumers"


@dataclass(frozen=True)
class Team:
    """What one team gets."""

    name: str
    """Of the team, and of its stack."""

    config: Config
    """The configuration of its stack."""

    components: frozenset[str]
    """The components that it gets, each as `TYPE::NAME`, the end of its URN."""

    logins: list[str]
    consumers: list[str]


@dataclass(frozen=True)
class Plan:
    """The whole split."""

    platform: Config
    """The configuration that stays."""

    added: dict[tuple[str, str], Any]
    """What the platform gets for its teams' logins: the value by section and key."""

    teams: list[Team]
    staying: dict[str, str]
    """Why each login stays that does."""


def read(config: Mapping[str, Any], policies: Mapping[str, str]) -> StackFile:
    """A stack file, parsed. Raises SplitError for what the program would refuse."""
    try:
        return parse({key: readable(value) for key, value in config.items()}, policies)
    except StackFileError as error:
        raise SplitError(error.problems) from None


def make(
    config: Config,
    parsed: StackFile,
    policies: Mapping[str, str],
    assignment: Assignment,
    *,
    stack: str,
    platform: str,
    project: str,
) -> Plan:
    """The plan for a stack's configuration and its parsed.

    `stack` is its name, and `platform` the same in full, as stack references have it; `project` is the
    teams'. Raises SplitError if the platform's configuration would not be a good one.
    """
    gone = {login for logins in assignment.teams.values() for login in logins}
    consumers = {name: it.consumes for name, it in parsed.consumers.items() if it.consumes in gone}
    teams = []
    for team, logins in assignment.teams.items():
        mine = [name for name, login in consumers.items() if login in logins]
        teams.append(
            Team(
                team,
                {
                    "aws:region": parsed.region,
                    f"{project}:platform": platform,
                    **({f"{project}:accountId": parsed.account_id} if parsed.account_id else {}),
                    f"{project}:tags": _tags(stack, parsed),
                    f"{project}:logins": {name: _whole(config, parsed, name) for name in logins},
                    **({f"{project}:consumers": _of(config[CONSUMERS], mine)} if mine else {}),
                },
                frozenset(_components(parsed, logins, mine)),
                logins,
                mine,
            )
        )
    left = copy.deepcopy(config)
    for key, names in ((LOGINS, gone), (CONSUMERS, {*consumers})):
        if names:
            left[key] = {name: it for name, it in left[key].items() if name not in names}
            if not left[key]:
                del left[key]
    added = _added(config, parsed, [parsed.logins[name] for name in sorted(gone)])
    for (section, key), value in added.items():
        above = left
        for part in f"{PROJECT}:{section}".split("."):
            below = above.get(part) or {}  # a key without a value is there, too
            above[part] = below
            above = below
        above[key] = value
    read(left, policies)
    return Plan(left, added, teams, assignment.staying)


def _added(config: Config, parsed: StackFile, gone: Iterable[Declared]) -> dict[tuple[str, str], Any]:
    """What the platform cannot derive any more, as it does not know these logins."""
    gone = list(gone)
    added: dict[tuple[str, str], Any] = {}
    if not gone:
        return added
    if not parsed.identity.options["all_lookups"]:
        added["vaultIdentity", "allLookups"] = True
    written = {policy for login in gone for policy in login.options["policies"]} & {*parsed.policies}
    if not written <= {*parsed.vault["policies"]}:
        added["vault", "policies"] = sorted(written | {*parsed.vault["policies"]})
    pods = [login for login in gone if login.kind.needs_cluster(login.options)]
    own = parsed.account_id or ""
    for cluster in parsed.clusters.values():
        agent = any(
            cluster.key in login.clusters and login.options.get("method") is PodIdentityMethod.POD_IDENTITY
            for login in pods
        )
        if agent and not cluster.existing and not cluster.options["pod_identity_agent"]:
            added[cluster.path.removeprefix(f"{PROJECT}:"), "podIdentityAgent"] = True
    made = parsed.accounts.get(own)
    if pods and made and "role_arn" not in made and not made["all_lookups"]:
        added[f"accounts.{own}", "allLookups"] = True
    return added


def _components(parsed: StackFile, logins: list[str], consumers: list[str]) -> Iterable[str]:
    for name in logins:
        login = parsed.logins[name]
        component = login.options.get("vault_role", name)
        yield f"{PROJECT}:index:{login.kind.__name__}::{component}"
    for name in consumers:
        yield f"{PROJECT}:index:{parsed.consumers[name].kind.__name__}::{name}"


def _whole(config: Config, parsed: StackFile, login: str) -> Config:
    """A login as it is written, with what is written once for the whole stack: a team's stack file has no
    such keys."""
    written: Config = config[LOGINS][login]
    options = parsed.logins[login].options
    once = {to_camel(field): options[field] for field in (NAME, BOUNDARY) if field in options}
    return {**written, **{key: value for key, value in once.items() if key not in written}}


def _tags(stack: str, parsed: StackFile) -> dict[str, str]:
    """The tags that the stack gave its resources: they would change with the stack."""
    return {
        "managed-by": "pulumi",
        "pulumi-project": PROJECT,
        "pulumi-stack": stack,
        **parsed.tags,
    }


def _of(section: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: section[name] for name in names}
