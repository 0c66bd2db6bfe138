"""Vault policies, in HCL or JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .resources import Resource
from .values import UNKNOWN, listed

DENY = "deny"
"""It wins over all others."""

_CAPABILITIES = {DENY, "create", "read", "update", "patch", "delete", "list", "sudo", "root", "write"} | {
    "recover",
    "subscribe",
}
_WRITE = ("create", "read", "update", "delete", "list")
_FORMER = {"read": ("read", "list"), "write": _WRITE, "sudo": (*_WRITE, "sudo")}
"""What Vault takes the words of `policy` for, the former name of `capabilities`."""

_OTHERS = ("min_wrapping_ttl", "max_wrapping_ttl", "mfa_methods", "control_group", "subscribe_event_types")
_TOP = {"name", "path"}
_FIELDS = {
    "comment",
    "policy",
    "capabilities",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    *_OTHERS,
}
"""All that Vault's own parser takes. What it refuses, or would read in another way, cannot be checked."""


@dataclass(frozen=True)
class Path:
    """One path of a policy, and what it allows there."""

    path: str
    capabilities: frozenset[str]
    allowed: Mapping[str, list[Any]] = field(default_factory=dict)
    """The values that a parameter may have; an empty list is any. With some, `*` stands for all others."""

    denied: Mapping[str, list[Any]] = field(default_factory=dict)
    """The values that a parameter must not have; an empty list is any."""

    required: frozenset[str] = frozenset()
    """The parameters that a request must have."""

    others: Mapping[str, Any] = field(default_factory=dict)
    """Vault's other conditions of a request, as written: wrapping TTLs, MFA methods, control groups."""

    def fixes(self, parameter: str, but: frozenset[str] = frozenset()) -> bool:
        """Whether a request can give the parameter only values that stand here and are not in `but`, or none.

        A `*` in a value is none that stands here: `team-*` is also the text `team-x,admin`.
        """
        if self.denied.get(parameter) == [] or "*" in self.denied:
            return True
        if set(self.allowed) <= {"*"} or (parameter not in self.allowed and "*" in self.allowed):
            return False
        values = self.allowed.get(parameter)
        if values is None:
            return True
        names = {word.strip().lower() for value in values for word in _words(value)}
        return bool(values) and not names & but and not any("*" in name for name in names)


def paths(text: str) -> list[Path]:
    """The paths of a policy. Raises ValueError if it cannot be read."""
    if not isinstance(text, str):
        raise ValueError("policy: is not a text")
    document = _document(text)
    _known(document, _TOP, "the policy")
    blocks = [
        (_bare(path), body)
        for block in listed(document.get("path"))
        for path, body in _mapping(block).items()
    ]
    found: dict[str, Path] = {}
    for each in (_path(path, one) for path, body in blocks for one in listed(body)):
        same = each.path.removeprefix("/")
        found[same] = together(found[same], each) if same in found else each
    return [*found.values()]


def together(one: Path, other: Path) -> Path:
    """Two blocks of one path as Vault takes them: what either allows."""
    capabilities = one.capabilities | other.capabilities
    return Path(
        one.path,
        frozenset({DENY}) if DENY in capabilities else capabilities,
        _both(one.allowed, other.allowed),
        _both(one.denied, other.denied),
        one.required | other.required,
        {**one.others, **other.others},
    )


def _both(one: Mapping[str, list[Any]], other: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """All values of both; an empty list, which is any, stays one."""
    both = {key: [*one[key], *other[key]] if one[key] and other[key] else [] for key in one if key in other}
    return {**one, **other, **both}


def names(value: Any) -> list[str]:
    """Names of policies as Vault keeps them: it splits texts at commas, and ignores case and blanks."""
    return [name for each in listed(value) if isinstance(each, str) for name in _words(each) if name]


ENDPOINT = "vault:generic/endpoint:Endpoint"
TOKEN = "vault:index/token:Token"  # noqa: S105 - a type
GENERIC = (ENDPOINT, "vault:generic/secret:Secret", "vault:kv/secret:Secret")
"""These write to any path."""


def written(resource: Resource) -> Mapping[str, Any]:
    """The data that a generic endpoint writes; none if a preview cannot know it."""
    data = resource.get("dataJson")
    if data is UNKNOWN or data is None:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, TypeError):
        raise ValueError("dataJson: is not JSON") from None
    return found if isinstance(found, dict) else {}


def _words(value: Any) -> list[str]:
    return [word.strip().lower() for each in listed(value) for word in str(each).split(",")]


def _path(path: str, body: Any) -> Path:
    fields = {_bare(key): value for key, value in _mapping(body).items()}
    _known(fields, _FIELDS, f'path "{path}"')
    words = [_bare(str(word)).lower() for word in listed(fields.get("capabilities"))]
    for word in (_bare(str(word)).lower() for word in listed(fields.get("policy"))):
        words += _FORMER.get(word, (word,))
    capabilities = frozenset(words)
    if unknown := capabilities - _CAPABILITIES:
        raise ValueError(
            f'policy: path "{path}" has the capability {min(unknown)}, which Vault does not know'
        )
    return Path(
        path,
        frozenset({DENY}) if DENY in capabilities else capabilities,
        _parameters(fields.get("allowed_parameters")),
        _parameters(fields.get("denied_parameters")),
        frozenset(
            _bare(word).lower() for word in listed(fields.get("required_parameters")) if isinstance(word, str)
        ),
        {key: _plain(fields[key]) for key in _OTHERS if key in fields},
    )


def _parameters(given: Any) -> dict[str, list[Any]]:
    """`allowed_parameters` or `denied_parameters`; written as a block, it is a list of one mapping."""
    return {
        _bare(key).lower(): [_plain(value) for value in listed(values)]
        for block in listed(given)
        for key, values in _mapping(block).items()
        if not key.startswith("__")  # python-hcl2's own marks
    }


def _known(given: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raises ValueError if there is a key that Vault does not know."""
    for key in given:
        if key not in known and not key.startswith("__"):  # python-hcl2's own marks
            raise ValueError(f"policy: {where} has the key {key}, which Vault does not know")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_bare(key): _plain(each) for key, each in value.items() if not key.startswith("__")}
    return _bare(value) if isinstance(value, str) else value


def _document(text: str) -> Mapping[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return _mapping(json.loads(text, object_pairs_hook=_once))
        except json.JSONDecodeError:
            raise ValueError("policy: is not JSON") from None
    import hcl2  # slow to import, and few resources are policies

    try:
        return {_bare(key): value for key, value in hcl2.loads(f"{_as_blocks(text)}\n").items()}
    except Exception as error:  # its parser's errors have no common class
        raise ValueError(f"policy: is not HCL ({str(error).splitlines()[0]})") from None


def _as_blocks(text: str) -> str:
    """Vault's documentation writes `control_group = {` around blocks, which its HCL, version 1, takes."""
    return re.sub(r"(?a)\b(control_group|factor|identity)(\s+\"[^\"\n]*\")?\s*=\s*\{", r"\1\2 {", text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Vault would take a key that is there twice both times; Python, the second alone."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("policy: has an object with the same key twice")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("policy: has a path without a block")
    return value


def _bare(text: str) -> str:
    """A string without its quotes and escapes, which python-hcl2 leaves in place."""
    if len(text) < 2 or not text[0] == text[-1] == '"':
        return text
    try:
        return text[1:-1].encode("ascii", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        raise ValueError(f"policy: {text} has an invalid escape") from None
