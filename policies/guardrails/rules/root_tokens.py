"""Nothing gives a token the policy `root`."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .vault_policies import ENDPOINT, names, written

FIELDS = ("tokenPolicies", "policies", "allowedPolicies", "allowedPoliciesGlobs")
RAW = ("token_policies", "policies", "allowed_policies", "allowed_policies_glob")
"""The same as Vault's API calls them."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for where, value in _given(resource):
        given = names(value)
        if "root" in given:
            yield f"{where}: has root"
        if "glob" in where.lower():
            globs = [glob for glob in given if glob != "root" and fnmatchcase("root", glob)]
            yield from (f"{where}: {glob} matches root" for glob in globs)


def _given(resource: Resource) -> Iterator[tuple[str, Any]]:
    """What gives policies, with its field."""
    if resource.type == ENDPOINT:
        data = written(resource)
        yield from ((f"dataJson.{field}", data.get(field)) for field in RAW)
    else:
        yield from ((field, resource.get(field)) for field in FIELDS)


RULE = Rule(
    name="root-tokens",
    topic=Topic.PERMISSIONS,
    requires="No login, token, user, entity or group gets the policy `root`",
    why="a token with root may do everything, and no other policy can limit it.",
    fix="name the policies that are needed.",
    types=(
        "vault:*:*AuthBackend*",
        "vault:index/token:Token",
        "vault:identity/*",
        "vault:github/*",
        ENDPOINT,
    ),
    check=check,
)
