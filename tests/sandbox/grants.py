"""What a managed policy grants, and the same with one action less for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sandbox.kit import Sandbox


def statements(sandbox: Sandbox, policy_arn: str) -> list[dict[str, Any]]:
    """The statements of the policy in force, with actions and resources as lists."""
    iam = sandbox.aws("iam")
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"]
    for statement in found["Statement"]:
        assert statement["Effect"] == "Allow"
        for key in ("Action", "Resource"):
            if isinstance(statement[key], str):
                statement[key] = [statement[key]]
    listed: list[dict[str, Any]] = found["Statement"]
    return listed


def actions(sandbox: Sandbox, policy_arn: str) -> set[str]:
    """All actions that the policy grants."""
    return {action for statement in statements(sandbox, policy_arn) for action in statement["Action"]}


@contextmanager
def without(sandbox: Sandbox, policy_arn: str, action: str) -> Iterator[None]:
    """The policy grants everything else as before."""
    iam = sandbox.aws("iam")
    before = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    rest = [
        {**statement, "Action": [each for each in statement["Action"] if each != action]}
        for statement in statements(sandbox, policy_arn)
    ]
    document = {"Version": "2012-10-17", "Statement": [each for each in rest if each["Action"]]}
    made = iam.create_policy_version(
        PolicyArn=policy_arn, PolicyDocument=json.dumps(document), SetAsDefault=True
    )
    try:
        yield
    finally:
        iam.set_default_policy_version(PolicyArn=policy_arn, VersionId=before)
        iam.delete_policy_version(PolicyArn=policy_arn, VersionId=made["PolicyVersion"]["VersionId"])
