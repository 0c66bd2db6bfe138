"""IAM's quotas, with AWS's errors. IAM does not count white space in policies."""

import re
from collections.abc import Collection
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.sts_parameters import constraint

_TRUST_POLICY = 2048
_MANAGED_POLICY = 6144
_ATTACHED = 10
_PATH = 512
_INLINE = {"Group": 5120, "Role": 10240, "User": 2048}
_HOLDERS = {"Group": "groups", "Role": "roles", "User": "users"}
_TRUST_DOCUMENTS = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
_NAMES = {"GroupName": 128, "InstanceProfileName": 128, "PolicyName": 128, "RoleName": 64, "UserName": 64}


def check(call: Call, caller: Caller) -> None:
    """Refuses what is longer or more than IAM takes."""
    for parameter, most in _NAMES.items():
        _short(call, parameter, most)
    _short(call, "Path", _PATH)
    if call.action in _TRUST_DOCUMENTS:
        _fits(call.text(_TRUST_DOCUMENTS[call.action]), _TRUST_POLICY, "ACLSizePerRole")
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
