"""A role for web identities trusts named subjects, with tokens for a named audience."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .documents import allowing


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    where = "assumeRolePolicy"
    for statement in allowing(resource.get(where), where):
        if not statement.may("sts:AssumeRoleWithWebIdentity"):
            continue
        for provider in statement.principals.get("Federated", []):
            if re.match(r"arn:[^:]+:iam::[^:]*:saml-provider/", provider):
                continue
            issuer = provider.partition(":oidc-provider/")[2] or provider
            missing = [claim for claim in ("aud", "sub") if not statement.pins(f"{issuer}:{claim}")]
            if missing:
                keys = " and ".join(f"{issuer}:{claim}" for claim in missing)
                yield f"{where}, {statement.where}: trusts {provider} without pinning {keys}"


RULE = Rule(
    name="web-identity-trust",
    topic=Topic.TRUST,
    requires="A trust policy for web identities pins both `aud` and `sub`",
    why="without `sub`, every service account of the issuer may assume the role; without `aud`, a token "
    "issued for another purpose is accepted.",
    fix='put both into the Condition: {"StringEquals": {"<issuer>:aud": "sts.amazonaws.com", '
    '"<issuer>:sub": "system:serviceaccount:<namespace>:<name>"}}; StringLike works too, IfExists does not.',
    types=("aws:iam/role:Role",),
    check=check,
)
