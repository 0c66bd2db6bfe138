"""The emulated IAM and STS refuse what is longer or more than AWS takes, with AWS's errors."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.emulator.world import PRIMARY, Emulator, allow, error_of, make_role, root, session_of, trust


def filled(document: str, size: int) -> str:
    """The document with exactly so many characters, and white space that does not count."""
    parsed: Any = json.loads(document)
    parsed["Statement"][0]["Sid"] = ""
    short = len(json.dumps(parsed, separators=(",", ":")))
    parsed["Statement"][0]["Sid"] = "a" * (size - short)
    return json.dumps(parsed, indent=8)


TRUST = trust(root(PRIMARY))
READ = allow("iam:GetRole")


def test_a_trust_policy_has_up_to_2048_characters(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    iam.create_role(RoleName="longest-trust", AssumeRolePolicyDocument=filled(TRUST, 2048))
    wanted = ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    longer = filled(TRUST, 2049)
    assert error_of(iam.create_role, RoleName="too-long", AssumeRolePolicyDocument=longer) == wanted
    update = iam.update_assume_role_policy
    assert error_of(update, RoleName="longest-trust", PolicyDocument=longer) == wanted


def test_a_managed_policy_has_up_to_6144_characters(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    arn = iam.create_policy(PolicyName="longest", PolicyDocument=filled(READ, 6144))["Policy"]["Arn"]
    wanted = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    longer = filled(READ, 6145)
    assert error_of(iam.create_policy, PolicyName="longer", PolicyDocument=longer) == wanted
    assert error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=longer) == wanted


def test_inline_policies_are_counted_together(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    iam.create_user(UserName="inline")
    make_role(emulator, "inline", TRUST)
    for half in ("one", "two"):
        iam.put_user_policy(UserName="inline", PolicyName=half, PolicyDocument=filled(READ, 1024))
        iam.put_role_policy(RoleName="inline", PolicyName=half, PolicyDocument=filled(READ, 5120))
    iam.put_user_policy(UserName="inline", PolicyName="one", PolicyDocument=filled(READ, 1024))
    one_more: dict[str, str] = {"PolicyName": "three", "PolicyDocument": READ}
    assert error_of(iam.put_user_policy, UserName="inline", **one_more) == (
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user inline",
    )
    assert error_of(iam.put_role_policy, RoleName="inline", **one_more) == (
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role inline",
    )


def test_ten_policies_are_attached_to_a_role(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    make_role(emulator, "attached", TRUST)
    arns = [
        iam.create_policy(PolicyName=f"attached-{number}", PolicyDocument=READ)["Policy"]["Arn"]
        for number in range(11)
    ]
    for arn in [*arns[:10], arns[0]]:  # one that is attached is no further one
        iam.attach_role_policy(RoleName="attached", PolicyArn=arn)
    assert error_of(iam.attach_role_policy, RoleName="attached", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )


@pytest.mark.parametrize(
    ("operation", "given", "name", "most"),
    [
        ("create_role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": TRUST}, "roleName", 64),
        ("create_user", {"UserName": "u" * 65}, "userName", 64),
        ("create_policy", {"PolicyName": "p" * 129, "PolicyDocument": READ}, "policyName", 128),
        ("create_user", {"UserName": "u", "Path": f"/{'p' * 511}/"}, "path", 512),
    ],
)
def test_names_and_paths_have_a_longest_form(
    emulator: Emulator, operation: str, given: dict[str, str], name: str, most: int
) -> None:
    anything: Any = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    keys: Any = emulator.keys()
    iam = boto3.client("iam", endpoint_url=emulator.url, region_name="us-east-1", config=anything, **keys)
    code, message = error_of(getattr(iam, operation), **given)
    assert code == "ValidationError"
    assert f"at '{name}'" in message
    assert message.endswith(f"Member must have length less than or equal to {most}")


def test_a_session_policy_has_up_to_2048_characters(emulator: Emulator) -> None:
    role = make_role(emulator, "narrowed-at-length", TRUST)
    compact = json.dumps(json.loads(filled(READ, 2048)), separators=(",", ":"))
    session_of(emulator, role, Policy=compact)
    # STS counts white space, too.
    wanted = {"RoleArn": role, "RoleSessionName": "tester", "Policy": f"{compact} "}
    code, message = error_of(emulator.client("sts").assume_role, **wanted)
    assert (code, "at 'policy'" in message) == ("ValidationError", True)
