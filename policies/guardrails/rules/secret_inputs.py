"""What is secret is marked so, and is then encrypted in the stack's state and masked on the screen."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings

SECRETS = {
    "vault:aws/authBackendClient:AuthBackendClient": ("secretKey", "secretKeyWo"),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": ("externalId",),
    "vault:aws/secretBackend:SecretBackend": ("secretKey", "secretKeyWo"),
    "vault:generic/endpoint:Endpoint": ("dataJson",),
    "vault:generic/secret:Secret": ("dataJson",),
    "vault:kv/secret:Secret": ("dataJson",),
    "vault:kv/secretV2:SecretV2": ("dataJson", "dataJsonWo"),
    "pulumi:providers:aws": ("secretKey", "token"),
    "pulumi:providers:kubernetes": ("kubeconfig",),
    "pulumi:providers:vault": ("token",),
}
"""By resource type: the inputs that are secret. The SDKs mark some of them by themselves."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    for field in SECRETS[resource.type]:
        if resource.get(field) and not resource.values.is_secret(field):
            yield f"{field}: is not marked secret"  # and is not shown here, either


RULE = Rule(
    name="secret-inputs",
    says="Secret inputs are marked secret",
    why="what is not marked stands readable in the stack's state, in previews and in their comments.",
    mend="wrap the value with pulumi.Output.secret(…), or set it with `pulumi config set --secret`.",
    types=tuple(SECRETS),
    check=check,
)
