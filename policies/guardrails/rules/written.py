"""What a write to a path of Vault makes: the resource that has a type of its own elsewhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .resources import Resource
from .values import Values
from .vault_policies import ENDPOINT, GENERIC, TOKEN, written

_AWS = "vault:aws/authBackendRole:AuthBackendRole"
_SIGNS = {
    "vault:kubernetes/authBackendRole:AuthBackendRole": ("bound_service_account_",),
    "vault:jwt/authBackendRole:AuthBackendRole": (
        "user_claim",
        "role_type",
        "bound_claims",
        "bound_subject",
        "bound_audiences",
    ),
    _AWS: ("auth_type", "inferred_", "bound_"),
}
"""How the roles of an auth method are told from others: no path says of which kind a mount is."""

_OTHER = "vault:appRole/authBackendRole:AuthBackendRole"
_LOGIN = r"(?:.*/)?auth/(?!token/).+"
_PATHS: tuple[tuple[str, str], ...] = (
    (rf"{_LOGIN}/roles?/([^/]+)/?", ""),
    (rf"{_LOGIN}/users/([^/]+)/?", "vault:index/userpassAuthBackendUser:UserpassAuthBackendUser"),
    (rf"{_LOGIN}/certs/([^/]+)/?", "vault:index/certAuthBackendRole:CertAuthBackendRole"),
    (rf"{_LOGIN}/config/client()/?", "vault:aws/authBackendClient:AuthBackendClient"),
    (rf"{_LOGIN}/config(?:/ldap)?()/?", "vault:ldap/authBackend:AuthBackend"),
    (r"(?:.*/)?auth/token/roles/([^/]+)/?", "vault:tokenauth/authBackendRole:AuthBackendRole"),
    (r"(?:.*/)?auth/token/create(?:-orphan)?()/?", TOKEN),
)
_ENGINE_PATHS: tuple[tuple[str, str], ...] = (
    (r".+/config/root()/?", "vault:aws/secretBackend:SecretBackend"),
    (r".+/roles/([^/]+)/?", "vault:aws/secretBackendRole:SecretBackendRole"),
)
_OF_ENGINE = ("iam_endpoint", "sts_endpoint", "credential_type")
"""With one of these, a secrets engine's path is one of the AWS engine."""

_NAMES = {
    "policies": "tokenPolicies",
    "period": "tokenPeriod",
    "max_ttl": "tokenMaxTtl",
    "endpoint": "ec2Endpoint",
}
"""Older names of Vault's API, and those that differ. The others are written in camelCase."""

_GIVES = {"token_policies", "policies", "allowed_policies", "allowed_policies_glob"}


def made(resource: Resource) -> Iterator[Resource]:
    """The resource of another type that a generic write amounts to, if one does."""
    path = resource.get("path")
    if resource.type not in GENERIC or not isinstance(path, str):
        return
    data = written(resource)
    paths = _PATHS if resource.type == ENDPOINT or re.match(r"/?auth/", path) else ()
    if not data.keys().isdisjoint(_OF_ENGINE):
        paths += _ENGINE_PATHS
    for pattern, kind in paths:
        if found := re.fullmatch(pattern, path):
            # A write that gives policies makes the whole; another changes what it names.
            yield _resource(kind or _kind(data), found[1], data, whole=not data.keys().isdisjoint(_GIVES))
            return


def _kind(data: Mapping[str, Any]) -> str:
    """The type of a login's role, by its parameters."""
    for kind, signs in _SIGNS.items():
        if any(key.startswith(signs) for key in data):
            return kind
    return _OTHER


def _resource(kind: str, name: str, data: Mapping[str, Any], *, whole: bool) -> Resource:
    token = kind == TOKEN
    plain = {(_camel(key) if token else _NAMES.get(key, _camel(key))): value for key, value in data.items()}
    if kind == _AWS:  # the provider's names are plurals
        plain = {
            f"{key}s" if key.startswith("bound") and key[-1] != "s" else key: v for key, v in plain.items()
        }
    return Resource(kind, Values({"role": name, **plain}), whole=whole)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
