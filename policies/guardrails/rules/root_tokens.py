"""Nothing gives a token the policy `root`."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from .base import Resource, Rule, Settings, Topic
from .vault_policies import names

FIELDS = ("tokenPolicies", "policies", "allowedPolicies", "allowedPoliciesGlobs")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for field in FIELDS:
        given = names(resource.get(field))
        if "root" in given:
            yield f"{field}: has root"
        if field == "allowedPoliciesGlobs":
            yield from (
                f"{field}: {glob} matches root"
                for glob in given
                if fnmatchcase("root", glob) and glob != "root"
            )


RULE = Rule(
    name="root-tokens",
    topic=Topic.PERMISSIONS,
    requires="No login, token, user, entity or group gets the policy `root`",
    why="a token with root may do everything, and no other policy can limit it.",
    fix="name the policies that are needed.",
    types=("vault:*:*AuthBackend*", "vault:index/token:Token", "vault:identity/*", "vault:github/*"),
    check=check,
)
