"""A keyless stack has no static AWS key."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic

ACCESS_KEY = "aws:iam/accessKey:AccessKey"
STATIC_ROLE = "vault:aws/secretBackendStaticRole:SecretBackendStaticRole"
FIELDS = ("accessKey", "secretKey", "secretKeyWo")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if not settings["keyless"]:
        return
    if resource.type == ACCESS_KEY:
        yield "is an access key, which does not expire"
    if resource.type == STATIC_ROLE:
        yield "gives all its readers the same access key of an IAM user, until Vault rotates it"
    for field in FIELDS:
        if resource.get(field):
            yield f"{field}: is set"


RULE = Rule(
    name="keyless",
    topic=Topic.VAULT,
    requires="A stack declared `keyless` has no static AWS key, and Vault hands out none (no static role)",
    why="a copied static key works from anywhere until the theft is noticed.",
    fix="give Vault a role or a federation instead of an IAM user (in this project's settings: "
    "vaultIdentity.kind: role), or remove `keyless` from the stack's configuration of this rule.",
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
            "description": "Whether this stack must have no static AWS key.",
        }
    },
)
