"""Who is trusted is named in full: in IAM trust policies and in Vault roles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings
from .documents import Statement, allowing, is_pattern
from .values import listed

IAM_ROLE = "aws:iam/role:Role"
BOUNDS = (
    "boundIamPrincipalArns",
    "boundIamRoleArns",
    "boundServiceAccountNames",
    "boundServiceAccountNamespaces",
)
PROFILES = "boundIamInstanceProfileArns"

_ACCOUNT = re.compile(r"\d{12}|arn:[\w-]+:iam::\d{12}:root", re.ASCII)
_CALLER = ("aws:principalarn", "aws:userid")
"""Who of an account it is that calls. `aws:PrincipalOrgID` is no such key: it is the same for all of them."""

_CALLER_TAGS = ("aws:requesttag/kubernetes-namespace", "aws:requesttag/kubernetes-service-account")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    declared = settings["allowed"]
    found = _of_iam(resource) if resource.type == IAM_ROLE else _of_vault(resource)
    for where, pattern in found:
        if pattern not in declared:
            yield f"{where}: trusts {pattern}"


def _of_iam(resource: Resource) -> Iterator[tuple[str, str]]:
    field = "assumeRolePolicy"
    for statement in allowing(resource.get(field), field):
        where = f"{field}, {statement.where}"
        if statement.all_principals_but:
            yield where, "NotPrincipal, that is everybody else"
        names = [name for each in statement.principals.values() for name in each]
        accounts = [name for name in names if _ACCOUNT.fullmatch(name)]
        yield from ((where, name) for name in names if is_pattern(name))
        if not _narrowed(statement):
            yield from ((where, name) for name in accounts)
        yield from ((where, pattern) for pattern in _patterns(statement, open_to_many=accounts != []))


def _narrowed(statement: Statement) -> bool:
    """Whether a condition tells some of an account's principals from the others."""
    return any(
        test.pins and (key in (*_CALLER, "sts:externalid") or key.startswith("aws:principaltag/"))
        for test in statement.conditions
        for key in [test.key.lower()]
    )


def _patterns(statement: Statement, open_to_many: bool) -> Iterator[str]:
    """The patterns for callers; of a principal that is named in full, no pattern makes more."""
    for test in statement.conditions:
        key = test.key.lower()
        if key.endswith((":aud", ":sub")) or key in _CALLER_TAGS or (open_to_many and key in _CALLER):
            yield from test.patterns


def _of_vault(resource: Resource) -> Iterator[tuple[str, str]]:
    # An instance profile is one of the role that the Vault role is bound to as well: any will do then.
    fields = BOUNDS if resource.get("boundIamRoleArns") else (*BOUNDS, PROFILES)
    named = [(field, name) for field in fields for name in listed(resource.get(field))]
    claims = resource.get("boundClaims")
    if resource.get("boundClaimsType") == "glob" and isinstance(claims, dict):
        named += [(f"boundClaims.{claim}", value) for claim, value in claims.items()]
    yield from ((field, name) for field, name in named if isinstance(name, str) and is_pattern(name))


RULE = Rule(
    name="wildcard-trust",
    says="Who is trusted is named in full, without wildcards",
    why="a wildcard lets in roles, users and service accounts that do not exist yet, and so whoever may make "
    "one.",
    mend="name each role, user or service account; of a whole account, add a Condition with sts:ExternalId, "
    "aws:PrincipalArn or aws:PrincipalTag/<key>. A pattern that the stack needs is declared in its "
    "configuration of this rule, under `allowed`, as it is written here.",
    types=(IAM_ROLE, "vault:*:AuthBackendRole"),
    check=check,
    settings={
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "The patterns, written in full, that this stack may trust.",
        }
    },
)
