"""What a stack file says once, for every section that says nothing of its own: the permissions boundary, and
how the names of the logins' IAM roles begin."""

from collections.abc import Iterator

from components import arns, logins, names
from components.cross_account import bounds_nothing
from components.declared import fields_of
from components.logins.used_role import is_used
from stack.draft import Draft
from stack.reading import Section, report
from stack.sections import KEYS, PROJECT

NAME, BOUNDARY = "iam_role_name", "permissions_boundary"


def apply(draft: Draft) -> None:
    """Give the sections of a draft what is written for the whole stack; report where it does not fit."""
    for name, login in draft.logins.items():
        if draft.name_prefix and _makes_role(login) and NAME not in login.options:
            _name(draft, name, login, f"{draft.name_prefix}{name}")
    for section, account in _bounded(draft):
        _bound(draft, section, account)


def _makes_role(login: Section) -> bool:
    return NAME in fields_of(logins.KINDS[login.kind].OPTIONS) and not is_used(login.options)


def _name(draft: Draft, login: str, section: Section, name: str) -> None:
    try:
        names.check_iam_name(name)
    except ValueError:
        draft.problems.add(
            section.path,
            f"would have the IAM role {name}, of {len(name)} characters, and AWS takes "
            f"{arns.LONGEST_NAMES['role']}; write a shorter {PROJECT}:iamRoleNamePrefix, or iamRoleName",
        )
    else:
        section.options[NAME] = name


def _bounded(draft: Draft) -> Iterator[tuple[Section, str | None]]:
    """The sections that may make IAM roles or users, each with its account, if that is known."""
    for key, section in (("vaultIdentity", draft.identity), ("secretsEngine", draft.secrets_engine)):
        if section and BOUNDARY in fields_of(KEYS[key].kinds[section.kind]):
            yield section, draft.account_id
    for cluster in draft.clusters.values():
        if cluster.options.get("existing") is not True:
            yield cluster, draft.account_id
    yield from ((login, draft.account_id) for login in draft.logins.values() if _makes_role(login))
    for account, section in draft.accounts.items():
        if "role_arn" not in section.options:
            yield section, account


def _bound(draft: Draft, section: Section, account: str | None) -> None:
    """A policy bounds what is of its own account; those of AWS bound what is of any."""
    own = section.get(BOUNDARY)
    boundary = own or draft.permissions_boundary
    if BOUNDARY in section.wrong or boundary is None:
        return
    refusals = list(bounds_nothing(boundary, account)) if account else []
    if not refusals:
        section.options[BOUNDARY] = boundary
    elif own:
        report(refusals, section.path, draft.problems)
    else:
        its = arns.parse(boundary).account
        draft.problems.add(
            section.at(BOUNDARY),
            f"is missing: {PROJECT}:permissionsBoundary is of the account {its}, and "
            f"bounds nothing in {account}; write a policy of that account",
        )
