"""What the Vault roles of every kind of login have in common: the token, and the bound principals."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from . import durations
from .declared import UNIQUE, Default, Refusal, between, not_empty, rule
from .forms import Cidr, Duration, PolicyName


class TokenType(Enum):
    """A kind of token of Vault."""

    SERVICE = "service"
    """Can be renewed and revoked, and Vault keeps it."""

    BATCH = "batch"
    """Can be neither renewed nor revoked, and Vault keeps nothing of it: for very many logins."""


class VaultToken(TypedDict):
    """The token that a login gets."""

    policies: Annotated[
        Sequence[pulumi.Input[PolicyName]], not_empty("a token without policies can do nothing"), UNIQUE
    ]
    """Names of the token's Vault policies, at least one."""

    ttl: NotRequired[pulumi.Input[Duration]]
    """Life of the token until it must be renewed: `15m`, `1h30m`, `768h`, `30d`; at most `max_ttl`.
    Default: `max_ttl`, or a shorter `explicit_max_ttl`."""

    max_ttl: NotRequired[Annotated[pulumi.Input[Duration], Default("1h")]]
    """Longest life of the token, renewals included."""

    period: NotRequired[pulumi.Input[Duration]]
    """Makes the token a periodic one: each renewal gives it this long again, until `max_ttl`, however
    Vault's own longest TTL is set. Default: none."""

    explicit_max_ttl: NotRequired[pulumi.Input[Duration]]
    """Life after which the token ends even if `max_ttl` is raised meanwhile; at most `max_ttl`.
    Default: with a `period`, `max_ttl`; else none."""

    token_type: NotRequired[TokenType]
    """Kind of the token. Default: that of the mount, `service` unless it was tuned."""

    token_bound_cidrs: NotRequired[Annotated[Sequence[Cidr], Default(()), UNIQUE]]
    """Address ranges from which the callers may log in, and use the token. Default: any."""

    token_num_uses: NotRequired[Annotated[int, between(1, 2**31 - 1)]]
    """How many requests the token is good for; renewing it is one. Default: any number."""

    token_no_default_policy: NotRequired[Annotated[bool, Default(False)]]
    """Leave Vault's policy `default` out, without which the token can neither renew nor revoke itself, nor
    look itself up."""


@rule(VaultToken, "ttl", "max_ttl", "period", "explicit_max_ttl")
def _lives(token: VaultToken) -> Iterator[Refusal]:
    yield from _longer(token, "explicit_max_ttl", "max_ttl")
    for field in ("ttl", "period"):
        yield from _longer(token, field, "explicit_max_ttl" if "explicit_max_ttl" in token else "max_ttl")
    if "period" in token and "ttl" in token:
        yield Refusal("ttl", "is not used beside {period}, which is the token's life instead; remove one")


def _longer(token: Mapping[str, Any], field: str, limit: str) -> Iterator[Refusal]:
    life, longest = token.get(field), token.get(limit)
    if not isinstance(life, str) or not isinstance(longest, str):
        return
    if durations.to_seconds(life) > durations.to_seconds(longest):
        yield Refusal(
            field,
            f"is longer than {{{limit}}}, {longest}; write a shorter {{{field}}} or a longer {{{limit}}}",
            life,
        )


@rule(VaultToken, "token_type", "period", "explicit_max_ttl", "token_num_uses")
def _batch(token: VaultToken) -> Iterator[Refusal]:
    if token.get("token_type") is TokenType.BATCH:
        for field in ("period", "explicit_max_ttl", "token_num_uses"):
            if field in token:
                yield Refusal(
                    field,
                    "is not for batch tokens, which Vault does not keep; remove it, or write {token_type}: "
                    "service",
                )


def longest_life(token: VaultToken) -> pulumi.Input[str]:
    """How long a token can live at most, renewals included."""
    return token.get("explicit_max_ttl", token["max_ttl"])


def token_inputs(token: VaultToken) -> dict[str, Any]:
    """The inputs of `vault.aws.AuthBackendRole` that say what token a login gets."""
    longest, period = longest_life(token), token.get("period")
    inputs: dict[str, Any] = {
        "token_policies": list(token["policies"]),
        "token_ttl": _seconds(token.get("ttl", longest if period is None else period)),
        "token_max_ttl": _seconds(token["max_ttl"]),
    }
    if period is not None:
        inputs["token_period"] = _seconds(period)
    if period is not None or "explicit_max_ttl" in token:
        # Vault's max TTL does not end a periodic token.
        inputs["token_explicit_max_ttl"] = _seconds(longest)
    if "token_type" in token:
        inputs["token_type"] = token["token_type"].value
    if token["token_bound_cidrs"]:
        inputs["token_bound_cidrs"] = list(token["token_bound_cidrs"])
    if "token_num_uses" in token:
        inputs["token_num_uses"] = int(token["token_num_uses"])
    if token["token_no_default_policy"]:
        inputs["token_no_default_policy"] = True
    return inputs


def _seconds(duration: pulumi.Input[str]) -> pulumi.Input[int]:
    if isinstance(duration, str):
        return durations.to_seconds(duration)
    return pulumi.Output.all(duration).apply(lambda known: durations.to_seconds(known[0]))
