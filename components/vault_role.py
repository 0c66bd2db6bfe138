"""What the Vault roles of every kind of login have in common: the token, and the bound principals."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import durations
from .declared import UNIQUE, Default, Refusal, not_empty, rule
from .forms import Duration, PolicyName


class VaultToken(TypedDict):
    """The token that a login gets."""

    policies: Annotated[
        Sequence[pulumi.Input[PolicyName]], not_empty("a token without policies can do nothing"), UNIQUE
    ]
    """Names of the token's Vault policies, at least one."""

    ttl: NotRequired[pulumi.Input[Duration]]
    """Life of the token until it must be renewed: `15m`, `1h30m`, `768h`, `30d`; at most `max_ttl`.
    Default: `max_ttl`."""

    max_ttl: NotRequired[Annotated[pulumi.Input[Duration], Default("1h")]]
    """Longest life of the token, renewals included."""


@rule(VaultToken, "ttl", "max_ttl")
def _ttl(token: VaultToken) -> Iterator[Refusal]:
    ttl, longest = token.get("ttl"), token["max_ttl"]
    if not isinstance(ttl, str) or not isinstance(longest, str):
        return
    if durations.to_seconds(ttl) > durations.to_seconds(longest):
        yield Refusal(
            "ttl",
            f"is longer than {{max_ttl}}, {longest}; write a shorter {{ttl}} or a longer {{max_ttl}}",
            ttl,
        )


def token_inputs(token: VaultToken) -> dict[str, Any]:
    """The inputs of `vault.aws.AuthBackendRole` that say what token a login gets."""
    longest = token["max_ttl"]
    return {
        "token_policies": list(token["policies"]),
        "token_ttl": _seconds(token.get("ttl", longest)),
        "token_max_ttl": _seconds(longest),
    }


def _seconds(duration: pulumi.Input[str]) -> pulumi.Input[int]:
    if isinstance(duration, str):
        return durations.to_seconds(duration)
    return pulumi.Output.all(duration).apply(lambda known: durations.to_seconds(known[0]))


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
    deleted and recreated under the same ARN could not log in, and no input of the Vault role would show it.
    Vault answers with the IDs that it has, and ignores them when they are written: so where they are not
    those of AWS, the ARNs are written again, and Vault looks again. The Vault role stays in place meanwhile,
    for the other principals that it binds.
    """
    vault.generic.Endpoint(
        f"{name}-principal-ids",
        path=vault_role.id,
        data_json=pulumi.Output.json_dumps(
            {"bound_iam_principal_arn": arns, "bound_iam_principal_id": unique_ids}
        ),
        # The Vault role's other fields, and its end, belong to its own resource.
        ignore_absent_fields=True,
        disable_delete=True,
        opts=pulumi.ResourceOptions(parent=parent),
    )
