"""What the Vault roles of every kind of login have in common."""

from collections.abc import Sequence

import pulumi
from typing_extensions import NotRequired, TypedDict

from . import durations


class VaultToken(TypedDict):
    """The token that a login gets."""

    policies: Sequence[pulumi.Input[str]]
    """Names of the Vault ACL policies, one at least."""

    max_ttl: NotRequired[str]
    """Longest life of the token, renewals included: `15m`, `1h30m`, `768h`, `30d`. Default: `1h`."""

    ttl: NotRequired[str]
    """Life of the token until it must be renewed; not longer than `max_ttl`. Default: `max_ttl`."""


DEFAULT_MAX_TTL = "1h"


class TokenInputs(TypedDict):
    """The inputs of `vault.aws.AuthBackendRole` that say what token a login gets."""

    token_policies: list[pulumi.Input[str]]
    token_ttl: int
    token_max_ttl: int


def token_inputs(token: VaultToken) -> TokenInputs:
    """Validate `token` and turn it into the Vault role's inputs.

    Raises ValueError that names the field.
    """
    if not token["policies"]:
        raise ValueError("token.policies: name at least one; a token without any can do nothing")
    max_ttl = _seconds("token.max_ttl", token.get("max_ttl", DEFAULT_MAX_TTL))
    ttl = _seconds("token.ttl", token.get("ttl", token.get("max_ttl", DEFAULT_MAX_TTL)))
    if ttl > max_ttl:
        raise ValueError(
            f"token.ttl: {token.get('ttl')} is longer than max_ttl, {token.get('max_ttl', DEFAULT_MAX_TTL)}"
        )
    return {"token_policies": list(token["policies"]), "token_ttl": ttl, "token_max_ttl": max_ttl}


def _seconds(field: str, duration: str) -> int:
    try:
        return durations.to_seconds(duration)
    except ValueError as error:
        raise ValueError(f"{field}: {duration!r} {error}") from None


def vault_role_options(parent: pulumi.Resource, principal_id: pulumi.Input[object]) -> pulumi.ResourceOptions:
    """Options of a Vault role that is bound to IAM principals by their unique IDs.

    Vault notes a principal's unique ID when the Vault role is written. A principal that was deleted and
    made again under the same ARN has another one, and could not log in: so the Vault role is replaced when
    `principal_id` changes, or when its principal is replaced in the same update. (An engine older than the
    pinned SDK may not know the first: there, `pulumi up --replace <URN of the Vault role>`.)
    """
    return pulumi.ResourceOptions(
        parent=parent,
        replacement_trigger=principal_id,
        replace_on_changes=["boundIamPrincipalArns"],
        # The new one has the old one's path: deleted afterwards, the old one would take it along.
        delete_before_replace=True,
    )
