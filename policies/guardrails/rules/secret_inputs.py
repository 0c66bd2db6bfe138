"""What is secret is marked so, and is then encrypted in the stack's state and masked on the screen."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings
from .values import UNKNOWN

KUBECONFIG = "kubeconfig"
CREDENTIALS = ("token", "password", "client-key-data", "auth-provider")
"""What makes a kubeconfig secret; one that asks a command, such as `aws eks get-token`, holds none."""

SECRETS = {
    "aws:ssm/parameter:Parameter": ("value", "valueWo"),
    "kubernetes:core/v1:Secret": ("data", "stringData"),
    "vault:aws/authBackendClient:AuthBackendClient": ("secretKey", "secretKeyWo"),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": ("externalId",),
    "vault:aws/secretBackend:SecretBackend": ("secretKey", "secretKeyWo"),
    "vault:generic/endpoint:Endpoint": ("dataJson",),
    "vault:generic/secret:Secret": ("dataJson",),
    "vault:jwt/authBackend:AuthBackend": ("oidcClientSecret", "oidcClientSecretWo"),
    "vault:kv/secret:Secret": ("dataJson",),
    "vault:kv/secretV2:SecretV2": ("dataJson", "dataJsonWo"),
    "pulumi:providers:aws": ("secretKey", "token"),
    "pulumi:providers:kubernetes": (KUBECONFIG,),
    "pulumi:providers:vault": ("token",),
}
"""By resource type: the inputs that are secret. The SDKs mark some of them by themselves."""

PLAIN = ("String", "StringList")
"""A parameter of SSM of these types is no SecureString, and so none that AWS keeps secret."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.get("type") in PLAIN:
        return
    for field in SECRETS[resource.type]:
        value = resource.get(field)
        if not value or _is_marked(resource, field):
            continue
        if field != KUBECONFIG or (value is not UNKNOWN and any(word in value for word in _words())):
            yield f"{field}: is not marked secret"  # and is not shown here, either


def _is_marked(resource: Resource, field: str) -> bool:
    """Whether the field is marked, or each of its entries is."""
    value = resource.get(field)
    keys = [f"{field}.{key}" for key in value] if isinstance(value, dict) else [field]
    return all(resource.values.is_secret(key) for key in keys)


def _words() -> Iterator[str]:
    """The credentials' keys as they stand in a kubeconfig, which is YAML or JSON."""
    for key in CREDENTIALS:
        yield from (f'"{key}":', f" {key}:")


RULE = Rule(
    name="secret-inputs",
    says="Secret inputs are marked secret",
    why="what is not marked stands readable in the stack's state, in previews and in their comments.",
    mend="wrap the value with pulumi.Output.secret(…), or set it with `pulumi config set --secret`.",
    types=tuple(SECRETS),
    check=check,
)
