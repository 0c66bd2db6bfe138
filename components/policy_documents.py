"""The grammar of IAM's identity policies, as IAM checks it. Pure functions; no resources."""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import arns
from .suggestions import suggestion

VERSION = "2012-10-17"
_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_ACTION = r"(?a)\*|(?:\*|[a-zA-Z0-9-]+):[\w*?-]+"
_COMPARISONS = {
    "String": ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"),
    "Numeric": ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"),
    "Date": ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"),
    "Arn": ("Equals", "NotEquals", "Like", "NotLike"),
    "Binary": ("Equals",),
    "Bool": ("",),
    "IpAddress": ("",),
    "NotIpAddress": ("",),
    "Null": ("",),
}
_OPERATORS = tuple(kind + comparison for kind, all_of in _COMPARISONS.items() for comparison in all_of)


def parse(document: Any) -> Mapping[str, Any]:
    """An identity policy, given as JSON or as a mapping.

    Raises ValueError, with the place in the policy, what is wrong there and what to write instead, for the
    first thing that IAM would refuse, and for a key that is written twice.
    """
    if isinstance(document, str):
        document = _from_json(document)
    if not isinstance(document, Mapping):
        raise ValueError("is not an IAM policy; write it as JSON or as a mapping")
    for problem in _problems(document):
        raise ValueError(f"is not an IAM policy: {problem}")
    return document


def check_statements(statements: Any) -> None:
    """Raise ValueError, as `parse` does, unless these can be an identity policy's statements, or are none."""
    if statements:
        parse({"Version": VERSION, "Statement": statements})


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("is not an IAM policy: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Of a key that is there twice, readers take one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key in found if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"has {twice} twice in one object; write it once, with a list of values")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"has {text}, which is not JSON; write a number")


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(document, _KEYS, "")
    if document.get("Version") != VERSION:
        yield f'Version: write "{VERSION}", in quotes; IAM makes no managed policy of another'
    if not isinstance(document.get("Id", ""), str):
        yield "Id: is not text"
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, (list, tuple)) or not statements:
        yield "Statement: write at least one, e.g. [{Effect: Allow, Action: s3:GetObject, Resource: …}]"
        return
    for index, statement in enumerate(statements):
        place = f"Statement[{index}]"
        if not isinstance(statement, Mapping):
            yield f"{place}: is not a mapping; write Effect, Action and Resource"
            continue
        yield from _of_statement(statement, place)
    sids = [it["Sid"] for it in statements if it.get("Sid")]
    if twice := next((sid for index, sid in enumerate(sids) if sid in sids[:index]), None):
        yield f"Statement: Sid {twice!r} is there twice; IAM wants each once"


def _unknown(given: Mapping[str, Any], known: Sequence[str], place: str) -> Iterator[str]:
    for key in given:
        if key in ("Principal", "NotPrincipal"):
            yield f"{place}{key}: only the policy of a resource has one; remove it"
        elif key not in known:
            yield f"{place}{key}: is not a known key{suggestion(str(key), known)}"


def _of_statement(statement: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _unknown(statement, _STATEMENT_KEYS, f"{place}.")
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield f"{place}.Sid: write letters and digits only"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"{place}.Effect: write Allow or Deny"
    for one, other, check in (
        ("Action", "NotAction", _wrong_action),
        ("Resource", "NotResource", _wrong_resource),
    ):
        given = [key for key in (one, other) if key in statement]
        if len(given) != 1:
            has = f"both {one} and {other}" if given else f"neither {one} nor {other}"
            yield f"{place}: has {has}; write one"
            continue
        values = _listed(statement[given[0]])
        if not values or not all(isinstance(value, str) for value in values):
            yield f"{place}.{given[0]}: write text, or a list of texts with at least one"
            continue
        for value in values:
            if wrong := check(value):
                yield f"{place}.{given[0]}: {value!r} {wrong}"
    if "Condition" in statement:
        yield from _of_condition(statement["Condition"], f"{place}.Condition")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _wrong_action(action: str) -> str:
    if re.fullmatch(_ACTION, action):
        return ""
    return "is not an action; write SERVICE:ACTION, e.g. s3:Get*, with no wildcard in SERVICE, or *"


def _wrong_resource(resource: str) -> str:
    if resource == "*":
        return ""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not resource.isprintable():
        return "is not an ARN; write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, or *"
    if parts[1] not in (*arns.DNS_SUFFIXES, "*"):
        return f"has an unknown partition; write one of {', '.join(arns.DNS_SUFFIXES)}"
    if not re.fullmatch(r"[a-zA-Z0-9-]+", parts[2]):
        return "does not name its service in full; IAM takes no wildcard there"
    if wrong := _unfinished(resource):
        return wrong
    if parts[2] == "iam" and parts[3]:
        return "has a region; IAM's resources have none, write arn:aws:iam::ACCOUNT:RESOURCE"
    return ""


def _of_condition(condition: Any, place: str) -> Iterator[str]:
    shape = "{StringEquals: {KEY: VALUE}}"
    if not isinstance(condition, Mapping):
        yield f"{place}: is not a mapping; write e.g. {shape}"
        return
    for operator, tests in condition.items():
        if not _is_operator(str(operator)):
            yield f"{place}.{operator}: is not an operator{suggestion(str(operator), _OPERATORS)}"
        elif not isinstance(tests, Mapping) or not tests:
            yield f"{place}.{operator}: is not a mapping of keys; write e.g. {shape}"
        else:
            for key, value in tests.items():
                if not re.fullmatch(r"[A-Za-z0-9-]+:\S+", str(key)):
                    yield f"{place}.{operator}.{key}: is not a condition key; write e.g. aws:PrincipalArn"
                values = _listed(value)
                if not values or not all(isinstance(it, (str, int, float)) for it in values):
                    yield f"{place}.{operator}.{key}: write a value, or a list with at least one"
                    continue
                for each in values:
                    if wrong := _wrong_value(str(operator), each):
                        yield f"{place}.{operator}.{key}: {each!r} {wrong}"


_DATE = r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?|\d+"


def _wrong_value(operator: str, value: Any) -> str:
    """What is wrong with a value that the operator compares; nothing if it has a policy variable."""
    kind = operator.rpartition(":")[2].removesuffix("IfExists")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "${" in text:
        return _unfinished(text)
    if kind in ("Bool", "Null"):
        return "" if text.lower() in ("true", "false") else "is neither true nor false"
    if kind.startswith("Numeric"):
        return "" if re.fullmatch(r"(?a)-?\d+(\.\d+)?", text) else "is not a number"
    if kind.startswith("Date"):
        return "" if re.fullmatch(_DATE, text, re.ASCII) else "is not a date; write 2030-01-31T00:00:00Z"
    if kind.endswith("IpAddress"):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            return "is not an address or a range of addresses; write e.g. 203.0.113.0/24"
    return ""


def _unfinished(text: str) -> str:
    """What is wrong with a text whose policy variables have no end."""
    return "" if "${" not in re.sub(r"\$\{[^{}]*\}", "", text) else "has a policy variable without its end, }"


def _is_operator(text: str) -> bool:
    plain = text.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    if plain != "NullIfExists":
        plain = plain.removesuffix("IfExists")
    return plain in _OPERATORS and text.count(":") <= 1
