"""What a write to a path of Vault makes: the resource that has a type of its own elsewhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .resources import Resource
from .values import UNKNOWN, Values
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
_PARTS = rf"{_LOGIN}/role/([^/]+)/[a-z-]+/?"
"""Single parameters of an AppRole: `auth/approle/role/app/period`."""

_PATHS: tuple[tuple[str, str], ...] = (
    (rf"{_LOGIN}/roles?/([^/]+)/?", ""),
    (rf"{_LOGIN}/users/([^/]+)/?", "vault:index/userpassAuthBackendUser:UserpassAuthBackendUser"),
    (rf"{_LOGIN}/certs/([^/]+)/?", "vault:index/certAuthBackendRole:CertAuthBackendRole"),
    (rf"{_LOGIN}/config/client()/?", "vault:aws/authBackendClient:AuthBackendClient"),
    (rf"{_LOGIN}/config(?:/ldap)?()/?", "vault:ldap/authBackend:AuthBackend"),
    (r"(?:.*/)?auth/token/roles/([^/]+)/?", "vault:tokenauth/authBackendRole:AuthBackendRole"),
    (r"(?:.*/)?auth/token/create(?:-orphan)?()/?", TOKEN),
    (_PARTS, _OTHER),
)
_ENGINE_PATHS: tuple[tuple[str, str], ...] = (
    (r".+/config/root()/?", "vault:aws/secretBackend:SecretBackend"),
    (r".+/roles/([^/]+)/?", "vault:aws/secretBackendRole:SecretBackendRole"),
)
_OF_ENGINE = {"iam_endpoint", "sts_endpoint", "credential_type"}
"""With one of these, a secrets engine's path is one of the AWS engine."""

_OF_KUBERNETES = {"kubernetes_role_name", "generated_role_rules"}
_KUBERNETES_PATHS = ((r".+/roles/([^/]+)/?", "vault:kubernetes/secretBackendRole:SecretBackendRole"),)

_OF_ITS_ROLES = {"role_arns", "policy_arns", "iam_groups", "arn"}
"""With one of these, too, unless a secret is written, which may have any keys."""

_LISTS = {
    *(f"bound_iam_{what}_arn" for what in ("principal", "role", "instance_profile")),
    *(f"bound_service_account_{what}" for what in ("names", "namespaces")),
    *_OF_ITS_ROLES,
}
"""The parameters that Vault also takes as a text with commas."""

_NAMES = {
    "policies": "tokenPolicies",
    "period": "tokenPeriod",
    "max_ttl": "tokenMaxTtl",
    "endpoint": "ec2Endpoint",
    "arn": "policyArn",
    "policy": "policyDocument",
}
"""Older names of Vault's API, and those that differ. The others are written in camelCase."""

_GIVES = {"token_policies", "policies", "allowed_policies", "allowed_policies_glob"}


def made(resource: Resource) -> Iterator[Resource]:
    """The resource of another type that a generic write amounts to, if one does."""
    path = resource.get("path")
    if resource.type not in GENERIC or not isinstance(path, str):
        return
    if resource.get("dataJson") is UNKNOWN:
        return
    try:
        data = written(resource)
    except ValueError:
        return  # the rule root-tokens, which looks into every write, says so
    anything = resource.type == ENDPOINT
    paths = _PATHS if anything or re.match(r"/?auth/", path) else ()
    if _is_of_engine(data, anything=anything):
        paths += _ENGINE_PATHS
    elif anything and not data.keys().isdisjoint(_OF_KUBERNETES):
        paths += _KUBERNETES_PATHS
    for pattern, kind in paths:
        if found := re.fullmatch(pattern, path):
            # A write that gives policies makes the whole; another changes what it names.
            whole = pattern != _PARTS and not data.keys().isdisjoint(_GIVES)
            yield _resource(kind or _kind(data), found[1], data, whole=whole)
            return


def _is_of_engine(data: Mapping[str, Any], *, anything: bool) -> bool:
    """Whether it is for the AWS secrets engine; not `anything`: for that, or a secret."""
    if not data.keys().isdisjoint(_OF_ENGINE):
        return True
    return anything and (not data.keys().isdisjoint(_OF_ITS_ROLES) or "Statement" in str(data.get("policy")))


def _kind(data: Mapping[str, Any]) -> str:
    """The type of a login's role, by its parameters."""
    for kind, signs in _SIGNS.items():
        if any(key.startswith(signs) for key in data):
            return kind
    return _OTHER


def _resource(kind: str, name: str, data: Mapping[str, Any], *, whole: bool) -> Resource:
    names = {} if kind == TOKEN else _NAMES
    plain = {
        names.get(key, _camel(key)): _split(value) if key in _LISTS else value for key, value in data.items()
    }
    if kind == _AWS:  # the provider's names are plurals
        plain = {
            f"{key}s" if key.startswith("bound") and key[-1] != "s" else key: v for key, v in plain.items()
        }
    return Resource(kind, Values({"role": name, **plain}), whole=whole)


def _split(value: Any) -> Any:
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
