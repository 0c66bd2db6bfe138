"""Resources as the engine shows them to a rule, and what the rule says."""

import json
from typing import Any

from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Resource
from policies.guardrails.rules.values import read

MARK = "4dabf18193072939515e22adb298388d"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
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


def secret(value: Any) -> dict[str, Any]:
    return {MARK: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def message(rule: str, kind: str, inputs: dict[str, Any], **settings: Any) -> str:
    return BY_NAME[rule].message(Resource(kind, read(inputs)), settings)


def document(**parts: Any) -> str:
    return json.dumps({"Statement": {"Effect": "Allow", **parts}})
