"""What the Vault roles of every kind of login have in common."""

from collections.abc import Sequence

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import durations, names


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


def role_name(name: str) -> str:
    """The name, if it can be that of a Vault role. Raises ValueError that names the field."""
    try:
        names.check_vault_role(name)
    except ValueError as error:
        raise ValueError(f"vault_role: {name!r} {error}") from None
    return name


def _seconds(field: str, duration: str) -> int:
    try:
        return durations.to_seconds(duration)
    except ValueError as error:
        raise ValueError(f"{field}: {duration!r} {error}") from None


def pin_principals(
    name: str,
    vault_role: "vault.aws.AuthBackendRole",
    arns: pulumi.Input[list[str]],
    unique_ids: pulumi.Input[list[str]],
    parent: pulumi.Resource,
) -> None:
    """Declare the unique IDs of the IAM principals that a Vault role is bound to, in the order of their ARNs:
    of principals that the stack does not make.

    Vault looks the IDs up when the ARNs are written, and goes by them from then on: a principal that was
    deleted and made again under the same ARN could not log in, and no input of the Vault role would tell.
    Vault answers with the IDs that it has, and ignores them when they are written: so where they are not
    those of AWS, the ARNs are written again, and Vault looks anew. The Vault role is there all the while, for
    the others that it binds.
    """
    vault.generic.Endpoint(
        f"{name}-principal-ids",
        path=vault_role.id,
        data_json=pulumi.Output.json_dumps(
            {"bound_iam_principal_arn": arns, "bound_iam_principal_id": unique_ids}
        ),
        # The Vault role's other fields, and its end, are its own resource's business.
        ignore_absent_fields=True,
        disable_delete=True,
        opts=pulumi.ResourceOptions(parent=parent),
    )
