"""What a split makes of a stack's configuration: the platform's, and each team's. Pure functions."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from settings import LoginSettings, ServiceAccountLogin, Settings, SettingsError, parse
from settings.consumers import CONSUMER_KINDS
from settings.parser import PROJECT
from stack.split import SplitError
from stack.split.teams import Assignment

Config = dict[str, Any]

LOGINS, CONSUMERS = f"{PROJECT}:logins", f"{PROJECT}:consumers"
LOGIN_COMPONENTS = {"service-account": "ServiceAccountLogin", "principal": "PrincipalLogin"}
"""The components of the logins that a team can have, by kind."""


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


def read(config: Mapping[str, Any], policies: Mapping[str, str]) -> Settings:
    """The settings of a stack file. Raises SplitError for what the program would refuse."""
    try:
        return parse({key: _readable(value) for key, value in config.items()}, policies)
    except SettingsError as error:
        raise SplitError(error.problems) from None


def make(
    config: Config,
    settings: Settings,
    policies: Mapping[str, str],
    assignment: Assignment,
    *,
    stack: str,
    platform: str,
    project: str,
) -> Plan:
    """The plan for a stack's configuration and its settings.

    `stack` is its name, and `platform` the same in full, as stack references have it; `project` is the
    teams'. Raises SplitError if the platform's configuration would not be a good one.
    """
    gone = {login for logins in assignment.teams.values() for login in logins}
    consumers = {name: it.login for name, it in settings.consumers.items() if it.login in gone}
    teams = []
    for team, logins in assignment.teams.items():
        mine = [name for name, login in consumers.items() if login in logins]
        teams.append(
            Team(
                team,
                {
                    "aws:region": settings.region,
                    f"{project}:platform": platform,
                    **({f"{project}:accountId": settings.account_id} if settings.account_id else {}),
                    f"{project}:tags": _tags(stack, settings),
                    f"{project}:logins": {name: config[LOGINS][name] for name in logins},
                    **({f"{project}:consumers": _of(config[CONSUMERS], mine)} if mine else {}),
                },
                frozenset(_components(settings, logins, mine)),
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
    added = _added(config, settings, [settings.logins[name] for name in sorted(gone)])
    for (section, key), value in added.items():
        above = left.setdefault(f"{PROJECT}:{section.partition('.')[0]}", {})
        for part in section.split(".")[1:]:
            above = above.setdefault(part, {})
        above[key] = value
    read(left, policies)
    return Plan(left, added, teams, assignment.staying)


def _added(config: Config, settings: Settings, gone: Iterable[LoginSettings]) -> dict[tuple[str, str], Any]:
    """What the platform cannot derive any more, as it does not know these logins."""
    gone = list(gone)
    added: dict[tuple[str, str], Any] = {}
    if not gone:
        return added
    if not settings.vault_identity.all_lookups:
        added["vaultIdentity", "allLookups"] = True
    written = {policy for login in gone for policy in login.policies} & {*settings.policies}
    if not written <= {*settings.vault.policies}:
        added["vault", "policies"] = sorted(written | {*settings.vault.policies})
    pods = [login for login in gone if isinstance(login, ServiceAccountLogin)]
    cluster, own = settings.cluster, settings.account_id or ""
    agent = any(login.method == "pod-identity" for login in pods)
    if agent and cluster and not cluster.existing and not cluster.pod_identity_agent:
        added["cluster", "podIdentityAgent"] = True
    made = settings.accounts.get(own)
    if pods and made and not made.role_arn and not made.all_lookups:
        added[f"accounts.{own}", "allLookups"] = True
    return added


def _components(settings: Settings, logins: list[str], consumers: list[str]) -> Iterable[str]:
    for name in logins:
        login = settings.logins[name]
        yield f"{PROJECT}:index:{LOGIN_COMPONENTS[login.kind]}::{login.vault_role or name}"
    for name in consumers:
        component = CONSUMER_KINDS[settings.consumers[name].kind].component
        yield f"{PROJECT}:index:{component.__name__}::{name}"


def _tags(stack: str, settings: Settings) -> dict[str, str]:
    """The tags that the stack gave its resources: they would change with the stack."""
    return {
        "managed-by": "pulumi",
        "pulumi-project": PROJECT,
        "pulumi-stack": stack,
        **settings.tags,
    }


def _of(section: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: section[name] for name in names}


def _readable(value: Any) -> Any:
    """With a word in place of each encrypted value, which is nobody's business here."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return "encrypted"
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value
