"""A Vault role says who may log in with it."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .values import is_filled

AWS = "vault:aws/authBackendRole:AuthBackendRole"
KUBERNETES = "vault:kubernetes/authBackendRole:AuthBackendRole"
JWT = "vault:jwt/authBackendRole:AuthBackendRole"

BOUNDS = {
    AWS: (
        "boundIamPrincipalArns",
        "boundIamRoleArns",
        "boundIamInstanceProfileArns",
        "boundEc2InstanceIds",
        "boundAmiIds",
        "boundVpcIds",
        "boundSubnetIds",
    ),
    KUBERNETES: ("boundServiceAccountNames",),
    JWT: ("boundSubject", "boundClaims"),
}
"""By auth method: what binds a Vault role to its callers. An account, region or audience alone does not."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    bounds = BOUNDS[resource.type]
    if not resource.whole and all(resource.get(field) is None for field in bounds):
        return
    if not any(is_filled(resource.get(field)) for field in bounds):
        yield f"has none of {', '.join(bounds)}"


RULE = Rule(
    name="bound-vault-roles",
    topic=Topic.TRUST,
    requires="A Vault role is bound to its callers; an account, region or audience alone is not enough",
    why="any identity that the auth method accepts could log in with it: the whole account, cluster or "
    "organisation.",
    fix="bind the role to its principals, e.g. boundIamPrincipalArns: [arn:aws:iam::<account>:role/<name>].",
    types=(AWS, KUBERNETES, JWT),
    check=check,
)
