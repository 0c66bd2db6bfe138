"""Who an ARN stands for: the caller as AWS names it, and the principals that a Vault role is bound to."""

from collections.abc import Iterable


def principal_of(caller_arn: str) -> str:
    """The IAM role of a session, the user itself: what a Vault role is bound to.

    A session's ARN does not tell the role's path, so that of a role with a path comes without it.
    """
    _, partition, _, _, account, resource = caller_arn.split(":", 5)
    kind, _, name = resource.partition("/")
    if kind == "assumed-role":
        kind, name = "role", name.split("/")[0]
    return f"arn:{partition}:iam::{account}:{kind}/{name}" if name else caller_arn


def in_words(principal: str) -> str:
    """For reading: `role eks1-node of 111111111111`."""
    kind, _, name = principal.split(":", 5)[5].partition("/")
    return f"{kind} {name} of {account_of(principal)}"


def account_of(arn: str) -> str:
    """The account ID in an ARN."""
    return arn.split(":")[4]


def is_bound(principal: str, bounds: Iterable[str]) -> bool:
    """Whether a Vault role with these bound principals admits this one; `*` only counts at a bound's end."""
    return any(
        principal.startswith(bound[:-1])
        if bound.endswith("*")
        else _without_path(principal) == _without_path(bound)
        for bound in bounds
    )


def is_exact_role(principal: str) -> bool:
    """Whether the principal is one IAM role, which can be assumed by its ARN."""
    parts = principal.split(":", 5)
    return len(parts) == 6 and parts[5].startswith("role/") and not principal.endswith("*")


def _without_path(arn: str) -> str:
    head, _, resource = arn.rpartition(":")
    kind, *_, name = resource.split("/")
    return f"{head}:{kind}/{name}"
