"""A stack that says so has no static AWS key."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Resource, Rule, Settings

ACCESS_KEY = "aws:iam/accessKey:AccessKey"
STATIC_ROLE = "vault:aws/secretBackendStaticRole:SecretBackendStaticRole"
FIELDS = ("accessKey", "secretKey", "secretKeyWo")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if not settings["keyless"]:
        return
    if resource.type == ACCESS_KEY:
        yield "is an access key, which does not expire"
    if resource.type == STATIC_ROLE:
        yield "hands out an IAM user's access key, the same one to everybody until Vault rotates it"
    for field in FIELDS:
        if resource.get(field):
            yield f"{field}: is set"


RULE = Rule(
    name="keyless",
    says="A stack that is said to be keyless has no static AWS key",
    why="a static key works for whoever copies it, from anywhere, until somebody notices.",
    mend="give Vault a role or a federation instead of an IAM user (in this project's settings "
    "vaultIdentity.kind: role), or take `keyless` out of the stack's configuration of this rule.",
    types=(
        ACCESS_KEY,
        STATIC_ROLE,
        "vault:aws/authBackendClient:AuthBackendClient",
        "vault:aws/secretBackend:SecretBackend",
        "pulumi:providers:aws",
    ),
    check=check,
    settings={
        "keyless": {
            "type": "boolean",
            "default": False,
            "description": "Whether this stack is to have no static AWS key.",
        }
    },
)
