"""A Vault role says who may log in with it."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings

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
"""By auth method: what narrows a Vault role to a caller. An account, region or audience alone does not."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    bounds = BOUNDS[resource.type]
    if not any(resource.get(field) for field in bounds):
        yield f"has none of {', '.join(bounds)}"


RULE = Rule(
    name="bound-vault-roles",
    says="A Vault role is bound to its callers",
    why="whoever has any identity that the auth method accepts could log in with it: anybody in the account, "
    "the cluster or the organisation.",
    mend="bind the role to its principals, e.g. boundIamPrincipalArns: [arn:aws:iam::<account>:role/<name>].",
    types=(AWS, KUBERNETES, JWT),
    check=check,
)
