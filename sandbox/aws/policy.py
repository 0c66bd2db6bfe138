"""AWS policy documents: parsed strictly, evaluated as AWS documents it. Pure functions, no state.

`parse` turns a document into a `Policy` or says what is malformed; `evaluate` gives the effect that a set of
policies has on one request. The caller combines effects (identity policies, trust policy, boundary, session
policy) because which combination suffices depends on the operation.
"""

import functools
import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import IntEnum
from typing import Any, NamedTuple

from sandbox.aws import condition_keys

ContextValue = str | list[str]  # one value, or the values of a multivalued key such as aws:TagKeys


class MalformedPolicy(ValueError):
    """The document is not a policy that AWS would accept."""


class Effect(IntEnum):
    """The effect of policies on a request. The greatest of several wins, so that Deny beats Allow."""

    NONE = 0
    ACCOUNT = 1  # allowed to the caller's whole account, so its identity policies decide
    ROLE = (
        2  # allowed to the role of the caller's session: within its permissions boundary and session policy
    )
    ALLOW = 3
    DENY = 4


@dataclass(frozen=True)
class Principal:
    """The caller of a request, with every name that policies can have for it."""

    account: str = ""
    arns: tuple[str, ...] = ()  # a user's ARN; or a session's own ARN and that of its role
    unique_ids: tuple[str, ...] = ()
    role: tuple[str, ...] = ()  # the names among these of its role
    service: str = ""
    federated: str = ""


@dataclass(frozen=True)
class Request:
    """A request to decide on. Context keys are case-insensitive."""

    action: str
    resource: str = "*"
    principal: Principal = field(default_factory=Principal)
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    # ARN -> unique ID: a trust policy that names a user or role means the one with that ARN when the policy
    # was written. Other ARNs are compared as they are.
    pinned: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def keys(self) -> dict[str, ContextValue]:
        """The condition keys that its action has."""
        given = self.context.items()
        return {key.lower(): value for key, value in given if condition_keys.has(self.action, key)}


@dataclass(frozen=True)
class Condition:
    operator: str
    quantifier: str  # "", "ForAnyValue" or "ForAllValues"
    if_exists: bool
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    effect: Effect
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...] | None  # None in a trust policy, which concerns its own role
    not_resource: bool
    principals: (
        tuple[tuple[str, str], ...] | None
    )  # (type, name); ("*", "*") is everyone. None: identity policy
    not_principal: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Policy:
    statements: tuple[Statement, ...]
    variables: bool  # the default version, of 2008, has no policy variables


# ---------------------------------------------------------------------------------------------- evaluation


def evaluate(policies: Iterable[Policy], request: Request) -> Effect:
    """The strongest effect of the policies on the request."""
    return max(
        (_statement_effect(s, request, p.variables) for p in policies for s in p.statements),
        default=Effect.NONE,
    )


def _statement_effect(statement: Statement, request: Request, variables: bool) -> Effect:
    if not _matches_action(statement, request.action) or not _matches_resource(statement, request, variables):
        return Effect.NONE
    if not all(_holds(condition, request, variables) for condition in statement.conditions):
        return Effect.NONE
    if statement.principals is None:
        return statement.effect
    named = max(
        (_principal_effect(kind, name, request) for kind, name in statement.principals), default=Effect.NONE
    )
    if statement.not_principal:
        named = Effect.NONE if named else Effect.ALLOW
    if named is Effect.NONE:
        return Effect.NONE
    return Effect.DENY if statement.effect is Effect.DENY else named


def _matches_action(statement: Statement, action: str) -> bool:
    named = any(_compiled(_regex(a.lower())).fullmatch(action.lower()) for a in statement.actions)
    return named != statement.not_action


def _matches_resource(statement: Statement, request: Request, variables: bool) -> bool:
    if statement.resources is None:
        return True
    patterns = (_expand(r, request, variables) for r in statement.resources)
    named = any(p is not None and _like(request.resource, p) for p in patterns)
    return named != statement.not_resource


def _principal_effect(kind: str, name: str, request: Request) -> Effect:
    """ALLOW when the entry names the caller itself (or everyone), ROLE its role, ACCOUNT its account."""
    who = request.principal
    if kind == "*":
        return Effect.ALLOW
    if kind == "Service":
        return Effect.ALLOW if who.service and name in ("*", who.service) else Effect.NONE
    if kind == "Federated":
        return Effect.ALLOW if who.federated and name in ("*", who.federated) else Effect.NONE
    if not who.account:
        return Effect.NONE
    if name == "*":
        return Effect.ALLOW
    if name == who.account or re.fullmatch(rf"arn:[\w-]+:iam::{who.account}:root", name):
        return Effect.ACCOUNT
    if name in who.unique_ids or (name in who.arns and request.pinned.get(name, "") in ("", *who.unique_ids)):
        return Effect.ROLE if name in who.role else Effect.ALLOW
    return Effect.NONE


def _holds(condition: Condition, request: Request, variables: bool) -> bool:
    given = request.keys.get(condition.key.lower())
    if condition.operator == "Null":
        return any((given is None) == (value.lower() == "true") for value in condition.values)
    if given is None or given == []:
        if condition.quantifier:
            return condition.if_exists or condition.quantifier == "ForAllValues"
        return condition.if_exists or condition.operator in _NEGATED

    test, negated = _OPERATORS[condition.operator], condition.operator in _NEGATED
    wanted = [p for v in condition.values if (p := _expand(v, request, variables)) is not None]

    def matches(value: str) -> bool:
        return any(test(value, pattern) for pattern in wanted) != negated

    values = given if isinstance(given, list) else [given]
    # For several values, "equals" needs one match, "not equals" all.
    if condition.quantifier == "ForAllValues" or (not condition.quantifier and negated):
        return all(matches(v) for v in values)
    return any(matches(v) for v in values)


# ----------------------------------------------------------------------------- wildcards and policy variables


class Pattern(NamedTuple):
    """A policy's text with its variables filled in, plain and as a regular expression."""

    text: str
    regex: str  # `*` and `?` of the document are wildcards; those in a variable's value are not


_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")


def _expand(text: str, request: Request, variables: bool) -> Pattern | None:
    """`text` with its `${variables}` filled in; None if one has no value, so that nothing matches."""
    if not variables or "${" not in text:
        return Pattern(text, _regex(text))
    plain = regex = ""
    end = 0
    for match in _VARIABLE.finditer(text):
        name, default = match.groups()
        value = name if name in ("*", "?", "$") else request.keys.get(name.lower(), default)
        if not isinstance(value, str):  # absent, or multivalued, which AWS does not allow in variables
            return None
        between = text[end : match.start()]
        plain, regex = plain + between + value, regex + _regex(between) + re.escape(value)
        end = match.end()
    return Pattern(plain + text[end:], regex + _regex(text[end:]))


def _regex(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


@functools.lru_cache(maxsize=4096)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL)


def _like(value: str, pattern: Pattern) -> bool:
    return _compiled(pattern.regex).fullmatch(value) is not None


# ------------------------------------------------------------------------------------- condition operators


def _arn_like(value: str, pattern: Pattern) -> bool:
    """Compares the six parts of an ARN one by one, so that a wildcard does not reach into the next part."""
    parts, wanted = value.split(":", 5), pattern.regex.split(":", 5)
    return len(parts) == len(wanted) and all(
        _compiled(w).fullmatch(p) for p, w in zip(parts, wanted, strict=True)
    )


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _network(text: str) -> Any:
    return ipaddress.ip_network(text, strict=False)


Test = Callable[[str, Pattern], bool]


def _compare(convert: Callable[[str], Any], test: Callable[[Any, Any], bool]) -> Test:
    def compare(value: str, pattern: Pattern) -> bool:
        try:
            return test(convert(value), convert(pattern.text))
        except ValueError:  # request values of another form do not match
            return False

    return compare


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.eq,  # negated below
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_OPERATORS: dict[str, Test] = {
    "StringEquals": lambda value, p: value == p.text,
    "StringNotEquals": lambda value, p: value == p.text,
    "StringEqualsIgnoreCase": lambda value, p: value.lower() == p.text.lower(),
    "StringNotEqualsIgnoreCase": lambda value, p: value.lower() == p.text.lower(),
    "StringLike": _like,
    "StringNotLike": _like,
    "ArnEquals": _arn_like,
    "ArnNotEquals": _arn_like,
    "ArnLike": _arn_like,
    "ArnNotLike": _arn_like,
    "Bool": lambda value, p: value.lower() == p.text.lower(),
    "BinaryEquals": lambda value, p: value == p.text,
    "IpAddress": _compare(_network, lambda value, wanted: value.subnet_of(wanted)),
    "NotIpAddress": _compare(_network, lambda value, wanted: value.subnet_of(wanted)),
    **{f"Numeric{name}": _compare(float, test) for name, test in _ORDER.items()},
    **{f"Date{name}": _compare(_moment, test) for name, test in _ORDER.items()},
}
_NEGATED = frozenset(name for name in _OPERATORS if "Not" in name)  # the test says what must not hold


# ------------------------------------------------------------------------------------------------- parsing

_CHOICES = {"Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"}
_STATEMENT_FIELDS = {"Sid", "Effect", "Condition", *_CHOICES}
_CONDITION = re.compile(r"(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?")
_AWS_PRINCIPAL = re.compile(r"\*|\d{12}|A[A-Z0-9]{15,}|arn:[\w-]+:(iam|sts)::\d{12}:[^*?]+")


@functools.lru_cache(maxsize=1024)
def parse(document: str, trust: bool = False) -> Policy:
    """The policy in a JSON document; `trust` for a role's trust policy.

    Raises MalformedPolicy with the reason.
    """
    try:
        raw = json.loads(document)
    except ValueError:
        raise MalformedPolicy("This policy contains invalid Json") from None
    if (
        not isinstance(raw, dict)
        or not raw.keys() <= {"Version", "Id", "Statement"}
        or "Statement" not in raw
    ):
        raise MalformedPolicy("Syntax errors in policy.")
    version = raw.get("Version", "2008-10-17")
    if version not in ("2008-10-17", "2012-10-17"):
        raise MalformedPolicy("The policy must contain a valid version string")
    statements = raw["Statement"] if isinstance(raw["Statement"], list) else [raw["Statement"]]
    return Policy(tuple(_parse_statement(s, trust) for s in statements), variables=version == "2012-10-17")


def _parse_statement(raw: Any, trust: bool) -> Statement:
    if not isinstance(raw, dict) or not raw.keys() <= _STATEMENT_FIELDS:
        raise MalformedPolicy("Syntax errors in policy.")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {raw.get('Effect')}")
    actions, not_action = _one_of(raw, "Action", "NotAction")
    if trust:
        if "Resource" in raw or "NotResource" in raw:
            raise MalformedPolicy("Has prohibited field Resource")
        resources, not_resource = None, False
        entries, not_principal = _one_of(raw, "Principal", "NotPrincipal", _principals)
        principals = tuple(entries)
    else:
        if "Principal" in raw or "NotPrincipal" in raw:
            raise MalformedPolicy("Policy document should not specify a principal.")
        resources, not_resource = _one_of(raw, "Resource", "NotResource")
        principals, not_principal = None, False
    return Statement(
        effect=Effect.ALLOW if raw["Effect"] == "Allow" else Effect.DENY,
        actions=actions,
        not_action=not_action,
        resources=resources,
        not_resource=not_resource,
        principals=principals,
        not_principal=not_principal,
        conditions=tuple(_conditions(raw.get("Condition", {}))),
    )


def _one_of(
    raw: dict[str, Any], name: str, negation: str, read: Callable[[Any], tuple[Any, ...]] | None = None
) -> tuple[tuple[Any, ...], bool]:
    """The values of exactly one of two fields, and whether it is the negation."""
    if (name in raw) == (negation in raw):
        raise MalformedPolicy(f"Policy statement must contain {name.lower()}s.")
    field_name = name if name in raw else negation
    return (read or _texts)(raw[field_name]), field_name == negation


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in values):
        raise MalformedPolicy("Syntax errors in policy.")
    return tuple(values)


def _principals(raw: Any) -> tuple[tuple[str, str], ...]:
    if raw == "*":
        return (("*", "*"),)
    if not isinstance(raw, dict) or not raw or not raw.keys() <= {"AWS", "Service", "Federated"}:
        raise MalformedPolicy("Invalid principal in policy")
    entries = tuple((kind, name) for kind, names in raw.items() for name in _texts(names))
    for kind, name in entries:
        if kind == "AWS" and not _AWS_PRINCIPAL.fullmatch(name):
            raise MalformedPolicy(f'Invalid principal in policy: "AWS":"{name}"')
    return entries


def _conditions(raw: Any) -> Iterator[Condition]:
    if not isinstance(raw, dict):
        raise MalformedPolicy("Syntax errors in policy.")
    for name, keys in raw.items():
        match = _CONDITION.fullmatch(name)
        if not match or match[2] not in (*_OPERATORS, "Null") or not isinstance(keys, dict):
            raise MalformedPolicy(f"Invalid Condition type : {name}.")
        for key, values in keys.items():
            given = values if isinstance(values, list) else [values]
            texts = tuple(json.dumps(v) if isinstance(v, bool | int | float) else v for v in given)
            yield Condition(match[2], match[1] or "", bool(match[3]), key, _texts(list(texts)))
