"""A Vault policy of this stack does not make its holder root."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .base import Resource, Rule, Settings
from .values import UNKNOWN, listed

POLICY = "vault:index/policy:Policy"
ISSUED = "vault:index/token:Token"
WRITES = {"create", "update", "patch", "sudo", "root", "write"}


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.type != POLICY:
        field = "policies" if resource.type == ISSUED else "tokenPolicies"
        if "root" in listed(resource.get(field)):
            yield f"{field}: has root"
        return
    name, text = resource.get("name"), resource.get("policy")
    if name == "root":
        yield "name: is root"
    if text is UNKNOWN or not text:
        return
    for path, capabilities in paths(text):
        if not path.strip("*+/"):
            yield f'policy: path "{path}" is every path'
        if capabilities & {"sudo", "root"}:
            yield f'policy: path "{path}" has the capability {min(capabilities & {"sudo", "root"})}'
        if _reaches_policies(path) and capabilities & WRITES and name not in settings["policyWriters"]:
            yield f'policy: path "{path}" may write policies, which is root in two steps'


def paths(text: str) -> list[tuple[str, set[str]]]:
    """The paths of a policy, in HCL or JSON, with their capabilities. Raises ValueError for what is none."""
    found = _document(text).get("path", [])
    blocks = [(_bare(path), body) for block in listed(found) for path, body in _mapping(block).items()]
    return [(path, _capabilities(body)) for path, each in blocks for body in listed(each)]


def _capabilities(body: Any) -> set[str]:
    fields = {_bare(key): value for key, value in _mapping(body).items()}
    # `policy` is what capabilities were called before there were several.
    words = [*listed(fields.get("capabilities")), *listed(fields.get("policy"))]
    return {_bare(str(word)).lower() for word in words}


def _document(text: str) -> Mapping[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return _mapping(json.loads(text))
        except ValueError:
            raise ValueError("policy: is not JSON") from None
    import hcl2  # slow to import, and most resources are no policy

    try:
        return {_bare(key): value for key, value in hcl2.loads(f"{text}\n").items()}
    except Exception as error:  # its parser's errors have no common class of their own
        raise ValueError(f"policy: is not HCL ({str(error).splitlines()[0]})") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("policy: has a path without a block")
    return value


def _bare(text: str) -> str:
    """What a string says: python-hcl2 leaves it in its quotes, and escapes as they are written."""
    if len(text) < 2 or not text[0] == text[-1] == '"':
        return text
    try:
        return text[1:-1].encode("ascii", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        raise ValueError(f"policy: {text} has an escape that is none") from None


def _reaches_policies(path: str) -> bool:
    """Whether a path, which may end in `*` or have `+` for a segment, can be that of a policy."""
    below = re.search(r"(?:^|/)(sys/.*)", path)  # of a namespace, too: ns1/sys/policies/acl/*
    path = below[1] if below else path
    return any(_overlaps(path, target) for target in ("sys/policies/acl/x", "sys/policy/x"))


def _overlaps(path: str, target: str) -> bool:
    given, wanted = path.strip("/").rstrip("*"), target.split("/")
    segments = given.split("/")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if number >= len(wanted):
            return False
        if segment == "+" or (last and path.endswith("*") and wanted[number].startswith(segment)):
            continue
        if number == len(wanted) - 1:  # the policy's own name, whichever it is
            continue
        if segment != wanted[number]:
            return False
    return path.endswith("*") or len(segments) == len(wanted)


RULE = Rule(
    name="acl-policies",
    says="A Vault policy has no sudo, not every path, and does not write policies",
    why="whoever may do these can make their token one that may do everything.",
    mend="name the paths and the capabilities that are needed. Software that manages policies, such as the "
    "vault-access-operator, is declared in the stack's configuration of this rule: its Vault policy's name "
    "under `policyWriters`. sudo and every path cannot be declared.",
    types=(POLICY, ISSUED, "vault:*:AuthBackendRole"),
    check=check,
    settings={
        "policyWriters": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "Names of the Vault policies whose holders may write policies.",
        }
    },
)
