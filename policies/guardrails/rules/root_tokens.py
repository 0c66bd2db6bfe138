"""Nothing gives a token the policy `root`."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .values import is_filled, listed
from .vault_policies import ENDPOINT, GENERIC, TOKEN, names, written
from .written import made

FIELDS = ("tokenPolicies", "policies", "allowedPolicies", "allowedPoliciesGlobs", "unregisteredUserPolicies")
RAW = ("token_policies", "policies", "allowed_policies", "allowed_policies_glob")
"""The same as Vault's API calls them."""

_VAULTS_OWN = r"/?(?:auth|identity|sys)/"
"""Where a resource for secrets writes something else."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for each in (resource, *made(resource)):
        asked = [each.get(field) for field in ("policies", "roleName")]
        if each.type == TOKEN and not any(map(is_filled, asked)):
            yield "policies: is not set, so the token may do all that the provider's own may"
    for where, value in _given(resource):
        given = names(value)
        if "root" in given:
            yield f"{where}: has root"
        if "glob" in where.lower():
            globs = [glob for glob in given if glob != "root" and fnmatchcase("root", glob)]
            yield from (f"{where}: {glob} matches root" for glob in globs)


def _given(resource: Resource) -> Iterator[tuple[str, Any]]:
    """What gives policies, with its field."""
    if resource.type in GENERIC:
        path = resource.get("path")
        path = path if isinstance(path, str) else ""
        if resource.type == ENDPOINT or re.match(_VAULTS_OWN, path):
            data = written(resource)
            of_github = ("value",) if re.search(r"/map/(?:teams|users)/", path) else ()
            yield from ((f"dataJson.{field}", data.get(field)) for field in (*RAW, *of_github))
    else:
        for field in ("users", "groups"):  # of Okta
            for number, each in enumerate(listed(resource.get(field))):
                if isinstance(each, dict):
                    yield f"{field}[{number}].policies", each.get("policies")
        yield from ((field, resource.get(field)) for field in FIELDS)


RULE = Rule(
    name="root-tokens",
    topic=Topic.PERMISSIONS,
    requires="No login, token, user, entity or group gets the policy `root`",
    why="a token with root may do everything, and no other policy can limit it.",
    fix="name the policies that are needed.",
    types=(
        "vault:*:*AuthBackend*",
        TOKEN,
        "vault:identity/*",
        "vault:github/*",
        *GENERIC,
    ),
    check=check,
)
