"""What the Vault roles of every kind of login have in common: the token, and the bound principals."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pulumi
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
