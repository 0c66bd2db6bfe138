"""IAM's quotas, with AWS's errors. IAM does not count white space in policies."""

import re
from collections.abc import Collection
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.sts_parameters import HOUR, constraint

TRUST_POLICY = 2048
"""Characters of a trust policy, in an account whose quota AWS has not raised."""
_MANAGED_POLICY = 6144
_ATTACHED = 10
_PATH = 512
_DESCRIPTION = 1000
_TAGS = 50
_INLINE = {"Group": 5120, "Role": 10240, "User": 2048}
_HOLDERS = {"Group": "groups", "Role": "roles", "User": "users"}
_TRUST_DOCUMENTS = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
_NAMES = {"GroupName": 128, "InstanceProfileName": 128, "PolicyName": 128, "RoleName": 64, "UserName": 64}


def check(call: Call, caller: Caller, trust_policy: int = TRUST_POLICY) -> None:
    """Refuses what is longer or more than IAM takes; `trust_policy` is the accounts' quota for those."""
    for parameter, most in _NAMES.items():
        _short(call, parameter, most)
        _like(call, parameter, r"[\w+=,.@-]+")
    _short(call, "Path", _PATH)
    _like(call, "Path", r"(/)|(/[!-~]+/)")
    _short(call, "Description", _DESCRIPTION)
    _session(call)
    _tags(call, caller)
    if call.action in _TRUST_DOCUMENTS:
        _fits(call.text(_TRUST_DOCUMENTS[call.action]), trust_policy, "ACLSizePerRole")
    if call.action in ("CreatePolicy", "CreatePolicyVersion"):
        _fits(call.text("PolicyDocument"), _MANAGED_POLICY, "PolicySize")
    for kind, table in _HOLDERS.items():
        if call.action not in (f"Put{kind}Policy", f"Attach{kind}Policy"):
            continue
        name = call.text(f"{kind}Name")
        holders = getattr(iam_backends[caller.account][caller.partition], table).values()
        holder = next((each for each in holders if each.name == name), None)
        if holder is not None and call.action.startswith("Put"):
            _inline(call, kind, holder)
        elif holder is not None:
            _attached(call.text("PolicyArn"), kind, holder.managed_policies)


def _short(call: Call, parameter: str, most: int) -> None:
    if len(value := call.text(parameter)) > most:
        name = parameter[0].lower() + parameter[1:]
        raise constraint(value, name, f"Member must have length less than or equal to {most}")


def _like(call: Call, parameter: str, pattern: str) -> None:
    value = call.text(parameter)
    if parameter in call.params and not re.fullmatch(pattern, value, re.ASCII):
        name = parameter[0].lower() + parameter[1:]
        raise constraint(value, name, f"Member must satisfy regular expression pattern: {pattern}")


def _session(call: Call) -> None:
    """A role's longest session."""
    text = call.text("MaxSessionDuration")
    if call.action not in ("CreateRole", "UpdateRole") or not text:
        return
    if not text.isdecimal() or int(text) < HOUR:
        rule = f"Member must have value greater than or equal to {HOUR}"
        raise constraint(text, "maxSessionDuration", rule)
    if int(text) > 12 * HOUR:
        rule = f"Member must have value less than or equal to {12 * HOUR}"
        raise constraint(text, "maxSessionDuration", rule)


def _tags(call: Call, caller: Caller) -> None:
    """Tags of one object, those that it has included."""
    given = set(call.tags())
    if any(key.lower().startswith("aws:") for key in given):
        message = "Caller is not authorized to manipulate tags with the reserved prefix aws:."
        raise AwsError("InvalidInput", message, 400)
    backend = iam_backends[caller.account][caller.partition]
    for kind, table in (("Role", backend.roles), ("User", backend.users)):
        if call.action not in (f"Create{kind}", f"Tag{kind}"):
            continue
        name = call.text(f"{kind}Name")
        known = next((each for each in table.values() if each.name == name), None)
        if known is not None:
            had: Any = (known.tags or {}) if kind == "Role" else backend.list_user_tags(name)
            given |= {tag["Key"] for tag in (had.values() if isinstance(had, dict) else had)}
        if len(given) > _TAGS:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for TagsPer{kind}: {_TAGS}", 409)


def _size(document: str) -> int:
    return len(re.sub(r"\s", "", document))


def _fits(document: str, most: int, quota: str) -> None:
    if _size(document) > most:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for {quota}: {most}", 409)


def _inline(call: Call, kind: str, holder: Any) -> None:
    """All inline policies together have a quota."""
    others = {name: text for name, text in holder.policies.items() if name != call.text("PolicyName")}
    documents = [*others.values(), call.text("PolicyDocument")]
    if sum(map(_size, documents)) > _INLINE[kind]:
        message = f"Maximum policy size of {_INLINE[kind]} bytes exceeded for {kind.lower()} {holder.name}"
        raise AwsError("LimitExceeded", message, 409)


def _attached(arn: str, kind: str, held: Collection[str]) -> None:
    if arn not in held and len(held) >= _ATTACHED:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: {_ATTACHED}", 409)
