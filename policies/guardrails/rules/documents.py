"""IAM policy documents: trust and permission policies."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .base import Resource
from .values import UNKNOWN, listed

PINNING = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")
"""Also with `ForAnyValue:`. Not with IfExists or ForAllValues, which hold if the key is missing."""

_WITH_WILDCARDS = ("StringLike", "ArnLike", "ArnEquals")
"""In other operators, `*` is a plain character."""

_ELEMENTS = {"Sid", "Effect", "Condition"} | {
    f"{negated}{what}" for negated in ("", "Not") for what in ("Principal", "Action", "Resource")
}

PERMISSIONS = (
    "aws:iam/policy:Policy",
    "aws:iam/*Policy:*Policy",
    "aws:iam/*olicyAttachment:*olicyAttachment",
    "aws:iam/*AttachmentsExclusive:*AttachmentsExclusive",
    "aws:iam/role:Role",
    "aws:iam/user:User",
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
    "aws:ssoadmin/managedPolicyAttachment*:ManagedPolicyAttachment*",
    "vault:aws/secretBackendRole:SecretBackendRole",
)
"""The types that give permissions."""


@dataclass(frozen=True)
class Condition:
    """One test of a condition block; all tests must hold."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def pins(self) -> bool:
        """Whether it holds for named values of the key only. A variable's value is the caller's own."""
        narrow = bool(self.values) and not any(is_anything(value) or "${" in value for value in self.values)
        return narrow and self.operator.removeprefix("ForAnyValue:") in PINNING

    @property
    def patterns(self) -> list[str]:
        """Its values that IAM reads as patterns."""
        operator = self.operator.rpartition(":")[2].removesuffix("IfExists")
        return [value for value in self.values if operator in _WITH_WILDCARDS and is_pattern(value)]


@dataclass(frozen=True)
class Statement:
    """One statement that allows something. Denials are ignored: they only take away."""

    number: int
    """Its place in the document, from 1."""

    principals: Mapping[str, list[str]]
    """By kind: AWS, Federated, Service. `"Principal": "*"` has kind AWS."""

    all_principals_but: bool
    """Whether it has NotPrincipal."""

    actions: list[str]
    all_actions_but: bool
    """Whether it has NotAction."""

    resources: list[str]
    all_resources_but: bool
    """Whether it has NotResource."""

    conditions: list[Condition]

    @property
    def where(self) -> str:
        return f"statement {self.number}"

    def may(self, action: str) -> bool:
        """Whether it allows the action."""
        matched = any(matches(pattern, action) for pattern in self.actions)
        return matched != self.all_actions_but

    def pins(self, *keys: str) -> bool:
        """Whether it demands a named value of one of these condition keys."""
        wanted = {key.lower() for key in keys}
        return any(test.key.lower() in wanted and test.pins for test in self.conditions)


def allowing(document: Any, where: str) -> list[Statement]:
    """The statements of a policy document that allow something; none if it is absent or unknown.

    Raises ValueError if it is not a policy document.
    """
    if document is None or document is UNKNOWN:
        return []
    if isinstance(document, str):
        try:
            document = json.loads(document, object_pairs_hook=_once)
        except json.JSONDecodeError:
            raise ValueError(f"{where}: is not JSON") from None
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if not statements or not all(_is_statement(each) for each in listed(statements)):
        raise ValueError(f"{where}: is not a policy document")
    return [
        _statement(number, each)
        for number, each in enumerate(listed(document.get("Statement")), 1)
        if each.get("Effect") != "Deny"
    ]


def is_pattern(text: str) -> bool:
    """Whether it has one of IAM's wildcards."""
    return "*" in text or "?" in text


def is_account(principal: str) -> bool:
    """Whether a principal is a whole account: its number, or its root."""
    found = re.fullmatch(r"(?ai)\s*(?:\d{12}|arn:[\w-]+:(?:iam|sts)::\d{12}:root)\s*", principal)
    return found is not None


def expanded(arn: str) -> str:
    """An ARN with `*` for each policy variable whose value a caller can choose, as a tag of a session."""
    return re.sub(r"\$\{([^},]+)[^}]*\}", lambda found: "x" if found[1].lower() in _FIXED else "*", arn)


_FIXED = {"*", "?", "$", "aws:username", "aws:userid", "aws:principalaccount"}
"""The policy variables that stand for one text: a wildcard as such, and what says who the caller is."""


def is_anything(text: str) -> bool:
    """Whether it consists of wildcards only."""
    return not text.strip("*? \t\n")


def permission_documents(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The permission policies of a resource of one of the types PERMISSIONS, with their fields."""
    for field in ("policy", "policyDocument", "inlinePolicy"):
        yield field, resource.get(field)
    for number, each in enumerate(listed(resource.get("inlinePolicies"))):
        if isinstance(each, dict):
            yield f"inlinePolicies[{number}]", each.get("policy")


def attached(resource: Resource) -> Iterator[tuple[str, str]]:
    """The ARNs of the policies that such a resource attaches, with their fields."""
    for field in ("policyArn", "policyArns", "managedPolicyArn", "managedPolicyArns"):
        yield from ((field, arn) for arn in listed(resource.get(field)) if isinstance(arn, str))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("has an object with the same key twice")
    return found


def _is_statement(given: Any) -> bool:
    if not isinstance(given, dict) or not set(given) <= _ELEMENTS:
        return False
    texts = [given.get(f"{negated}{what}") for negated in ("", "Not") for what in ("Action", "Resource")]
    if any(not isinstance(each, str) and each is not UNKNOWN for text in texts for each in listed(text)):
        return False
    condition = given.get("Condition") or {}
    return isinstance(condition, dict) and all(isinstance(tests, dict) for tests in condition.values())


def _statement(number: int, given: dict[str, Any]) -> Statement:
    principal = given.get("Principal", given.get("NotPrincipal"))
    conditions = [
        Condition(operator, key, tuple(str(value) for value in listed(values)))
        for operator, tests in (given.get("Condition") or {}).items()
        for key, values in tests.items()
    ]
    return Statement(
        number,
        principals={kind: _texts(names) for kind, names in principal.items()}
        if isinstance(principal, dict)
        else {"AWS": _texts(principal)},
        all_principals_but="NotPrincipal" in given,
        actions=_texts(given.get("Action", given.get("NotAction"))),
        all_actions_but="NotAction" in given,
        resources=_texts(given.get("Resource", given.get("NotResource"))),
        all_resources_but="NotResource" in given,
        conditions=conditions,
    )


def _texts(value: Any) -> list[str]:
    return [str(item) for item in listed(value) if item is not UNKNOWN]


def matches(pattern: str, action: str) -> bool:
    """Whether an action is one of those that a pattern stands for."""
    return _compiled(pattern).fullmatch(action) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(words), re.IGNORECASE)
