"""A policy document from its statements, as the official provider writes it."""

import json
import zlib
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.entry import function
from sandbox.plugins.resource import Inputs, State

_STATEMENT = {
    "sid": "Sid",
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def _policy_document(_: Aws, inputs: Inputs) -> State:
    policy: dict[str, Any] = {"Version": inputs.get("version", "2012-10-17")}
    if "policyId" in inputs:
        policy["Id"] = inputs["policyId"]
    policy["Statement"] = [_statement(statement) for statement in inputs.get("statements", [])]
    text = json.dumps(policy, indent=2)
    return {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(policy, separators=(",", ":")),
    }


def _statement(given: State) -> dict[str, Any]:
    conditions: dict[str, dict[str, Any]] = {}
    for condition in given.get("conditions", []):
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _single(condition["values"])
    parts = {
        "Effect": given.get("effect", "Allow"),
        **{api: _single(given[key]) for key, api in _STATEMENT.items() if given.get(key)},
        "Principal": _principals(given.get("principals", [])),
        "NotPrincipal": _principals(given.get("notPrincipals", [])),
        "Condition": conditions,
    }
    return {key: value for key, value in parts.items() if value}


def _principals(principals: list[State]) -> Any:
    if any(p["type"] == "*" for p in principals):
        return "*"
    together: dict[str, list[str]] = {}
    for principal in principals:
        together.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {type_: _single(identifiers) for type_, identifiers in together.items()}


def _single(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


POLICY_DOCUMENT = function(
    "iam/getPolicyDocument:getPolicyDocument",
    inputs="policyId statements version",
    unsupported="overrideJson overridePolicyDocuments sourceJson sourcePolicyDocuments",
    invoke=_policy_document,
)
