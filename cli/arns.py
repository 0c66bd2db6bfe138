"""ARNs: from a caller's session to its IAM principal, and whether a Vault role is bound to that."""

from collections.abc import Iterable


def principal_of(caller_arn: str) -> str:
    """The principal that a Vault role is bound to: the IAM role of a session, or the user itself.

    The role's path is missing, because a session's ARN does not contain it.
    """
    _, partition, _, _, account, resource = caller_arn.split(":", 5)
    kind, _, name = resource.partition("/")
    if kind == "assumed-role":
        kind, name = "role", name.split("/")[0]
    return f"arn:{partition}:iam::{account}:{kind}/{name}" if name else caller_arn


def in_words(principal: str) -> str:
    """For people: `role eks1-node of 111111111111`."""
    *_, account, resource = principal.split(":", 5)
    kind, _, name = resource.partition("/")
    return f"{kind} {name} of {account}"


def is_bound(principal: str, bounds: Iterable[str]) -> bool:
    """Whether a Vault role with these bounds admits the principal; `*` is a wildcard only at the end."""
    return any(
        principal.startswith(bound[:-1])
        if bound.endswith("*")
        else _without_path(principal) == _without_path(bound)
        for bound in bounds
    )


def is_exact_role(principal: str) -> bool:
    """Whether the principal is a single IAM role, which can be assumed by its ARN."""
    parts = principal.split(":", 5)
    return len(parts) == 6 and parts[5].startswith("role/") and not principal.endswith("*")


def _without_path(arn: str) -> str:
    head, _, resource = arn.rpartition(":")
    kind, *_, name = resource.split("/")
    return f"{head}:{kind}/{name}"
