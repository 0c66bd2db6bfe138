"""Resources as the engine sends them to a rule, and what the rule says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict

from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Resource
from policies.guardrails.rules.values import read
from sandbox.plugins import wire

UNKNOWN: Any = wire.UNKNOWN
secret = wire.Secret
BY_NAME = {rule.name: rule for rule in RULES}

IAM_ROLE = "aws:iam/role:Role"
AWS_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
KUBERNETES_ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
JWT_ROLE = "vault:jwt/authBackendRole:AuthBackendRole"
CLIENT = "vault:aws/authBackendClient:AuthBackendClient"
CLUSTER = "aws:eks/cluster:Cluster"
POLICY = "vault:index/policy:Policy"
ISSUER = "oidc.example.com"
PROVIDER = f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}"
APP = "arn:aws:iam::111111111111:role/app"


@dataclass(frozen=True)
class Example:
    """A resource that a rule refuses, and the same one as every rule lets it through."""

    kind: str
    refused: dict[str, Any]
    fixed: dict[str, Any]


def sent(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as they are in an engine's message."""
    return dict(MessageToDict(wire.encode(inputs)))


def resource(kind: str, inputs: dict[str, Any], urn: str = "", stack: Sequence[Resource] = ()) -> Resource:
    return Resource(kind, read(sent(inputs)), urn, stack)


def message(rule: str, kind: str, inputs: dict[str, Any], **settings: Any) -> str:
    return BY_NAME[rule].message(resource(kind, inputs), settings)


def document(**parts: Any) -> str:
    return json.dumps({"Statement": {"Effect": "Allow", **parts}})
