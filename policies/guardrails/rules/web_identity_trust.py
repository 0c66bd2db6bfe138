"""A role for web identities trusts named subjects, with tokens for a named audience."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings
from .documents import Statement, allowing

OPERATORS = ("StringEquals", "StringEqualsIgnoreCase", "StringLike")
"""With `ForAnyValue:`, too. Not with IfExists or ForAllValues, which hold where the claim is missing."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    where = "assumeRolePolicy"
    for statement in allowing(resource.get(where), where):
        if not statement.may("sts:AssumeRoleWithWebIdentity"):
            continue
        for provider in statement.principals.get("Federated", []):
            if ":saml-provider/" in provider:
                continue
            issuer = provider.partition(":oidc-provider/")[2] or provider
            missing = [claim for claim in ("aud", "sub") if not _pinned(statement, f"{issuer}:{claim}")]
            if missing:
                keys = " and ".join(f"{issuer}:{claim}" for claim in missing)
                yield f"{where}, {statement.where}: trusts {provider} without pinning {keys}"


def _pinned(statement: Statement, key: str) -> bool:
    return any(
        test.key.lower() == key.lower()
        and test.operator.removeprefix("ForAnyValue:") in OPERATORS
        and test.values
        and all(value.strip("*?") for value in test.values)
        for test in statement.conditions
    )


RULE = Rule(
    name="web-identity-trust",
    says="A trust policy for web identities pins both `aud` and `sub`",
    why="without `sub` every service account of the issuer may assume the role; without `aud` so may whoever "
    "gets hold of a token that was meant for something else.",
    mend='write both into the Condition: {"StringEquals": {"<issuer>:aud": "sts.amazonaws.com", '
    '"<issuer>:sub": "system:serviceaccount:<namespace>:<name>"}}; StringLike is as good, IfExists is not.',
    types=("aws:iam/role:Role",),
    check=check,
)
