"""Needs in AWS, and the IAM policies that grant exactly them. Pure functions."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from components import quotas

Condition = tuple[str, str, tuple[str, ...]]
"""An operator, a key and its values."""


class Need(NamedTuple):
    """One action on one resource."""

    action: str
    """As in policies, `iam:GetRole`."""

    resource: str
    """An ARN, or `*` for an action that takes none."""

    reading: bool = False
    """Whether a preview and a refresh need it, which change nothing."""

    conditions: frozenset[Condition] = frozenset()
    """What the request must be like."""


def policies(needs: Iterable[Need]) -> list[dict[str, Any]]:
    """The IAM policies, each no longer than AWS takes a managed policy: several if one is not enough."""
    documents: list[list[dict[str, Any]]] = [[]]
    for statement in _fitting(_statements(needs)):
        if quotas.size(_document([*documents[-1], statement])) > quotas.MANAGED_POLICY:
            documents.append([])
        documents[-1].append(statement)
    return [_document(statements) for statements in documents if statements]


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(needs: Iterable[Need]) -> Iterator[dict[str, Any]]:
    """One for all resources that are asked for the same actions under the same conditions."""
    actions: dict[tuple[frozenset[Condition], str], set[str]] = {}
    for need in needs:
        actions.setdefault((need.conditions, need.resource), set()).add(need.action)
    together: dict[tuple[frozenset[Condition], tuple[str, ...]], list[str]] = {}
    for (conditions, resource), asked in actions.items():
        together.setdefault((conditions, tuple(sorted(asked))), []).append(resource)
    # By their service, and what has no resource first, so that a policy reads from the wide to the narrow.
    for (conditions, wanted), resources in sorted(
        together.items(), key=lambda it: (it[0][1][0].split(":")[0], it[1] != ["*"], it[0][1])
    ):
        yield {
            "Effect": "Allow",
            "Action": list(wanted),
            "Resource": sorted(resources),
            **({"Condition": _conditions(conditions)} if conditions else {}),
        }


def _conditions(conditions: Iterable[Condition]) -> dict[str, dict[str, Any]]:
    written: dict[str, dict[str, Any]] = {}
    for operator, key, values in sorted(conditions):
        written.setdefault(operator, {})[key] = values[0] if len(values) == 1 else list(values)
    return written


def _fitting(statements: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The statements, those that are too long alone in parts."""
    for statement in statements:
        resources = statement["Resource"]
        if quotas.size(_document([statement])) <= quotas.MANAGED_POLICY or len(resources) == 1:
            yield statement
        else:
            half = len(resources) // 2
            yield from _fitting(
                {**statement, "Resource": part} for part in (resources[:half], resources[half:])
            )
