"""A Vault role says who may log in with it."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from .base import Resource, Rule, Settings, Topic
from .networks import is_too_wide
from .values import UNKNOWN, is_false, is_filled, listed

AWS = "vault:aws/authBackendRole:AuthBackendRole"
KUBERNETES = "vault:kubernetes/authBackendRole:AuthBackendRole"
APP_ROLE = "vault:appRole/authBackendRole:AuthBackendRole"
JWT = "vault:jwt/authBackendRole:AuthBackendRole"
LDAP = "vault:ldap/authBackend:AuthBackend"

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
    "vault:alicloud/authBackendRole:AuthBackendRole": ("arn",),
    "vault:azure/authBackendRole:AuthBackendRole": (
        "boundServicePrincipalIds",
        "boundGroupIds",
        "boundScaleSets",
        "boundResourceGroups",
    ),
    "vault:cf/authBackendRole:AuthBackendRole": (
        "boundApplicationIds",
        "boundSpaceIds",
        "boundInstanceIds",
    ),
    "vault:gcp/authBackendRole:AuthBackendRole": (
        "boundServiceAccounts",
        "boundInstanceGroups",
        "boundLabels",
    ),
    "vault:index/ociAuthBackendRole:OciAuthBackendRole": ("ocidLists",),
    "vault:saml/authBackendRole:AuthBackendRole": ("boundSubjects", "boundAttributes"),
    "vault:spiffe/authBackendRole:AuthBackendRole": ("workloadIdPatterns",),
}
"""By auth method: what binds a Vault role to its callers. An account, region or audience alone does not."""


_OF_EVERY_TOKEN = ("aud", "iss", "exp", "iat", "nbf", "email_verified")
"""These claims say nothing of the caller, or what all callers of an issuer have."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.type == APP_ROLE:
        yield from _without_secret(resource)
        return
    if resource.type == LDAP:
        if is_false(resource.get("denyNullBind")):
            yield "denyNullBind: is off, so many directories take an empty password for anyone"
        return
    bounds = BOUNDS[resource.type]
    if not resource.whole and all(resource.get(field) is None for field in bounds):
        return
    if not any(_binds(field, resource.get(field)) for field in bounds):
        yield f"has none of {', '.join(bounds)}"


def _binds(field: str, value: Any) -> bool:
    """Whether a field binds a role."""
    if field == "boundClaims" and isinstance(value, dict):
        value = {claim: text for claim, text in value.items() if claim.strip("/") not in _OF_EVERY_TOKEN}
    return is_filled(value)


def _without_secret(resource: Resource) -> Iterator[str]:
    """An AppRole without a secret ID is open to who knows the role ID, which is none, from its networks."""
    networks = [resource.get(field) for field in ("secretIdBoundCidrs", "tokenBoundCidrs")]
    if is_false(resource.get("bindSecretId")) and not any(map(_is_network, chain(*map(listed, networks)))):
        yield "bindSecretId: is off, and secretIdBoundCidrs and tokenBoundCidrs name no network"


def _is_network(given: Any) -> bool:
    try:
        return given is UNKNOWN or not is_too_wide(str(given))
    except ValueError:
        return False


RULE = Rule(
    name="bound-vault-roles",
    topic=Topic.TRUST,
    requires="A Vault role is bound to its callers; an account, region or audience alone is not enough",
    why="any identity that the auth method accepts could log in with it: the whole account, cluster or "
    "organisation.",
    fix="bind the role to its principals, e.g. boundIamPrincipalArns: [arn:aws:iam::<account>:role/<name>].",
    types=(*BOUNDS, APP_ROLE, LDAP),
    check=check,
)
