"""No Vault policy of the stack amounts to root."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .base import Resource, Rule, Settings, Topic
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
            yield f'policy: path "{path}" matches every path'
        if capabilities & {"sudo", "root"}:
            yield f'policy: path "{path}" has the capability {min(capabilities & {"sudo", "root"})}'
        if _reaches_policies(path) and capabilities & WRITES and name not in settings["policyWriters"]:
            yield f'policy: path "{path}" can write policies, which is root in two steps'


def paths(text: str) -> list[tuple[str, set[str]]]:
    """The paths of a policy, in HCL or JSON, with their capabilities. Raises ValueError if it cannot be read.

    `cli/policies.py` reads policies too, but the command and this pack are installed without each other.
    """
    found = _document(text).get("path", [])
    blocks = [(_bare(path), body) for block in listed(found) for path, body in _mapping(block).items()]
    return [(path, _capabilities(body)) for path, each in blocks for body in listed(each)]


def _capabilities(body: Any) -> set[str]:
    fields = {_bare(key): value for key, value in _mapping(body).items()}
    # `policy` is the former name of `capabilities`.
    words = [*listed(fields.get("capabilities")), *listed(fields.get("policy"))]
    return {_bare(str(word)).lower() for word in words}


def _document(text: str) -> Mapping[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return _mapping(json.loads(text))
        except ValueError:
            raise ValueError("policy: is not JSON") from None
    import hcl2  # slow to import, and few resources are policies

    try:
        return {_bare(key): value for key, value in hcl2.loads(f"{text}\n").items()}
    except Exception as error:  # its parser's errors have no common class
        raise ValueError(f"policy: is not HCL ({str(error).splitlines()[0]})") from None


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


def _reaches_policies(path: str) -> bool:
    """Whether a path, which may end in `*` or have `+` for a segment, can match a policy's path."""
    below = re.search(r"(?:^|/)(sys/.*)", path)  # in a namespace, too: ns1/sys/policies/acl/*
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
        if number == len(wanted) - 1:  # the policy's own name, which may be any
            continue
        if segment != wanted[number]:
            return False
    return path.endswith("*") or len(segments) == len(wanted)


RULE = Rule(
    name="acl-policies",
    topic=Topic.PERMISSIONS,
    requires="No Vault policy has `sudo`, matches every path or can write policies; no login or token gets "
    "`root`",
    why="these permissions let a token grant itself any other.",
    fix="name the paths and capabilities that are needed. For software that manages policies, such as the "
    "vault-access-operator, list its Vault policy under `policyWriters` in the stack's configuration of this "
    "rule. There is no exception for sudo or for every path.",
    types=(POLICY, ISSUED, "vault:*:AuthBackendRole"),
    check=check,
    settings={
        "policyWriters": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "Names of the Vault policies that may write policies.",
        }
    },
)
