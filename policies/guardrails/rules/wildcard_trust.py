"""Who is trusted is named in full: in IAM trust policies and in Vault roles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings
from .documents import Statement, allowing, is_pattern
from .values import UNKNOWN, listed

IAM_ROLE = "aws:iam/role:Role"
BOUNDS = ("boundIamPrincipalArns", "boundServiceAccountNames", "boundServiceAccountNamespaces")

_ACCOUNT = re.compile(r"\d{12}|arn:[\w-]+:iam::\d{12}:root", re.ASCII)
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
        for names in statement.principals.values():
            for name in names:
                if is_pattern(name) or (_ACCOUNT.fullmatch(name) and not statement.conditions):
                    yield where, name
        yield from ((where, pattern) for pattern in _subjects(statement))


def _subjects(statement: Statement) -> Iterator[str]:
    for test in statement.conditions:
        key = test.key.lower()
        if "Like" in test.operator and (key.endswith(":sub") or key in _CALLER_TAGS):
            yield from (value for value in test.values if is_pattern(value))


def _of_vault(resource: Resource) -> Iterator[tuple[str, str]]:
    for field in BOUNDS:
        for name in listed(resource.get(field)):
            if name is not UNKNOWN and is_pattern(str(name)):
                yield field, str(name)


RULE = Rule(
    name="wildcard-trust",
    says="Who is trusted is named in full, without wildcards",
    why="a wildcard lets in roles, users and service accounts that do not exist yet, and so whoever may make "
    "one.",
    mend="name each role, user or service account; of a whole account, add a Condition. A pattern that the "
    "stack needs is declared in its configuration of this rule, under `allowed`, as it is written here.",
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
