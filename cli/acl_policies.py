"""What a Vault ACL policy allows: paths and capabilities."""

import json
from dataclasses import dataclass
from typing import Any

ALL = ("create", "read", "update", "patch", "delete", "list", "sudo", "subscribe", "recover", "deny")
"""Vault's capabilities, in the order to show them."""

# What Vault makes of `policy`, the predecessor of `capabilities`.
_OLD = {
    "deny": ["deny"],
    "read": ["read", "list"],
    "write": ["create", "read", "update", "delete", "list"],
    "sudo": ["create", "read", "update", "delete", "list", "sudo"],
}
_CONDITIONS = (
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "control_group",
)


@dataclass(frozen=True)
class Rule:
    """One path of a policy. A templated path stays as written."""

    path: str
    capabilities: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    """Names of the policy's other conditions for requests there."""


class Unreadable(ValueError):
    """The text is not a policy that this command can parse."""


def parse(text: str) -> list[Rule]:
    """The rules of a policy in HCL or JSON. Rules for the same path are merged."""
    rules: dict[str, Rule] = {}
    for path, body in _paths(_document(text)):
        rule = _rule(path, body)
        rules[path] = merge(rules[path], rule) if path in rules else rule
    return list(rules.values())


def merge(one: Rule, other: Rule) -> Rule:
    """What two rules for the same path allow together: all that either allows, unless one denies."""
    capabilities = {*one.capabilities, *other.capabilities}
    return Rule(
        one.path,
        ("deny",) if "deny" in capabilities else _ordered(capabilities),
        tuple(dict.fromkeys((*one.conditions, *other.conditions))),
    )


def _document(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise Unreadable(f"not JSON: {error}") from None
    import hcl2

    parse: Any = hcl2.loads
    try:
        return dict(parse(text if text.endswith("\n") else f"{text}\n"))
    except Exception as error:  # its errors have no common base class
        raise Unreadable(str(error).splitlines()[0]) from None


def _paths(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The `path` blocks. In JSON they are one object, or a list of objects."""
    found = document.get("path", document.get('"path"', []))
    blocks = found if isinstance(found, list) else [found]
    if not all(isinstance(block, dict) for block in blocks):
        raise Unreadable("`path` is not a block")
    return [(_unquoted(path), body) for block in blocks for path, body in block.items()]


def _rule(path: str, body: Any) -> Rule:
    if isinstance(body, list):
        body = body[0] if body else {}
    if not isinstance(body, dict):
        raise Unreadable(f"path {path!r} has no block")
    fields = {_unquoted(key): value for key, value in body.items()}
    listed = fields.get("capabilities")
    if listed is None:
        listed = _OLD.get(_unquoted(str(fields.get("policy", ""))), [])
    if not isinstance(listed, list):
        raise Unreadable(f"capabilities of path {path!r} are not a list")
    capabilities = {_unquoted(str(capability)) for capability in listed}
    return Rule(
        path,
        ("deny",) if "deny" in capabilities else _ordered(capabilities),
        tuple(condition for condition in _CONDITIONS if condition in fields),
    )


def _ordered(capabilities: set[str]) -> tuple[str, ...]:
    return tuple(sorted(capabilities, key=lambda c: (ALL.index(c) if c in ALL else len(ALL), c)))


def _unquoted(text: str) -> str:
    """python-hcl2 keeps the quotes of strings."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text
