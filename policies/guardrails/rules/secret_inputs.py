"""Secret inputs are marked, so that the engine encrypts them in the state and masks them on the screen."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN

KUBECONFIG = "kubeconfig"
CREDENTIALS = ("token", "password", "client-key-data", "auth-provider")
"""These make a kubeconfig secret. One that runs a command, such as `aws eks get-token`, has none."""

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
"""By resource type: the secret inputs. The SDKs mark only some of them."""

PLAIN = ("String", "StringList")
"""SSM parameters of these types are not SecureString, so AWS does not keep them secret either."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.get("type") in PLAIN:
        return
    for field in SECRETS[resource.type]:
        value = resource.get(field)
        if not value or _is_marked(resource, field):
            continue
        if field != KUBECONFIG or (value is not UNKNOWN and any(word in str(value) for word in _words())):
            yield f"{field}: is not marked secret"  # the value is not shown here, either


def _is_marked(resource: Resource, field: str) -> bool:
    """Whether the field, or each of its entries, is marked."""
    value = resource.get(field)
    keys = [f"{field}.{key}" for key in value] if isinstance(value, dict) else [field]
    return all(resource.values.is_secret(key) for key in keys)


def _words() -> Iterator[str]:
    """The credentials' keys in a kubeconfig, which is YAML or JSON."""
    for key in CREDENTIALS:
        yield from (f'"{key}":', f" {key}:")


RULE = Rule(
    name="secret-inputs",
    topic=Topic.SECRETS,
    requires="Secret inputs are marked secret",
    why="unmarked values are readable in the stack's state, in previews and in their comments.",
    fix="wrap the value with pulumi.Output.secret(…), or set it with `pulumi config set --secret`.",
    types=tuple(SECRETS),
    check=check,
)
