"""What IAM and STS take at most. Pure functions; no resources.

IAM does not count white space in policies.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .declared import Refusal

TRUST_POLICY = 2048
"""Characters of a role's trust policy, unless AWS has raised it for the account."""

TRUST_POLICY_RAISED = 4096
"""What AWS raises it to at most."""

MANAGED_POLICY = 6144
"""Characters of a managed policy. AWS does not raise it."""

INLINE_POLICIES_OF_USER = 2048
"""Characters of all inline policies of a user together. AWS does not raise it."""

INLINE_POLICIES_OF_ROLE = 10240
"""Characters of all inline policies of a role together. AWS does not raise it."""

SESSION_POLICY = 2048
"""Characters of the policy that narrows a session."""

ATTACHED_POLICIES = 10
"""Managed policies of a role or user, unless AWS has raised it; and of a session."""

SHORTEST_SESSION = 15 * 60
"""Seconds that credentials of STS last at least."""

LONGEST_ROLE_SESSION = 12 * 60 * 60
"""Seconds that a session of a role lasts at most, if the role's own maximum is raised to it."""

LONGEST_CHAINED_SESSION = 60 * 60
"""Seconds that a session of a role lasts at most which a session of another role asks for."""

LONGEST_FEDERATION_TOKEN = 36 * 60 * 60
"""Seconds that a federation token of a user lasts at most."""


def size(document: Any) -> int:
    """The characters of a policy that IAM counts; the policy is JSON text, or what stands for it."""
    text = document if isinstance(document, str) else json.dumps(document)
    return len(re.sub(r"\s", "", text))


def policy_refusals(
    place: "str | tuple[str | int, ...]", document: Any, most: int, kind: str, mend: str
) -> Iterator[Refusal]:
    """What is wrong with a policy at `place` that is known; `kind` is as in `an inline policy`."""
    if isinstance(document, (str, Mapping)) and (measured := size(document)) > most:
        yield Refusal(
            place,
            f"has {measured:,} characters without white space, and AWS takes {most:,} as {kind}; {mend}",
        )


def too_many(
    place: "str | tuple[str | int, ...]",
    items: Sequence[Any],
    document: Callable[[Sequence[Any]], Any],
    most: int,
) -> Iterator[Refusal]:
    """What is wrong with a list of service accounts, if the trust policy for them is too long.

    `document` is the trust policy for some of them, which grows with their number.
    """
    measured = size(document(items))
    if measured > most:
        yield Refusal(
            place,
            f"are {len(items)}, which make a trust policy of {measured:,} characters, and AWS takes "
            f"{most:,}: the first {_that_fit(items, document, most)} fit; declare the others as further "
            f"logins{_raised(measured)}",
        )


def too_many_clusters(
    place: "str | tuple[str | int, ...]",
    clusters: Sequence[Any],
    document: Callable[[Sequence[Any]], Any],
    most: int,
    instead: str = "",
) -> Iterator[Refusal]:
    """The same of a list of clusters, of which one fits; `instead` is what else can be written."""
    measured = size(document(clusters))
    if measured > most:
        yield Refusal(
            place,
            f"are {len(clusters)}, which make a trust policy of {measured:,} characters, and AWS takes "
            f"{most:,}: the first {_that_fit(clusters, document, most)} fit; declare a further login of the "
            f"same service accounts for the others{instead}{_raised(measured)}",
        )


def _that_fit(items: Sequence[Any], document: Callable[[Sequence[Any]], Any], most: int) -> int:
    return bisect_right(range(1, len(items)), most, key=lambda count: size(document(items[:count])))


def _raised(measured: int) -> str:
    """The end of a message about a trust policy that fits where AWS has raised the quota."""
    if measured > TRUST_POLICY_RAISED:
        return ""
    return (
        f", or, where AWS has raised the account's quota, write {{trust_policy_limit}}: {TRUST_POLICY_RAISED}"
    )
