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


def test_aws_raises_that_quota_for_those_who_ask(emulator: Emulator) -> None:
    iam, raised = emulator.client("iam"), emulator.home / "trust-policy-quota"
    raised.write_text("4096")
    try:
        iam.create_role(RoleName="raised-trust", AssumeRolePolicyDocument=filled(TRUST, 4096))
        longer = filled(TRUST, 4097)
        refusal = error_of(iam.create_role, RoleName="too-long", AssumeRolePolicyDocument=longer)
        assert refusal == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 4096")
    finally:
        raised.unlink()


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


def unchecked(emulator: Emulator, service: str) -> Any:
    """A client that sends what the SDK itself would refuse."""
    anything = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    connect: Any = boto3.client
    return connect(
        service, endpoint_url=emulator.url, region_name="us-east-1", config=anything, **emulator.keys()
    )


MANY_TAGS = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]


def test_an_object_has_up_to_50_tags(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=TRUST, Tags=MANY_TAGS[:50])
    iam.tag_role(RoleName="tagged", Tags=[{"Key": "k0", "Value": "another"}])
    iam.create_user(UserName="tagged", Tags=MANY_TAGS[:50])
    iam.tag_user(UserName="tagged", Tags=[{"Key": "k0", "Value": "another"}])
    for call, quota in (
        (lambda **tags: iam.tag_role(RoleName="tagged", **tags), "TagsPerRole"),
        (lambda **tags: iam.tag_user(UserName="tagged", **tags), "TagsPerUser"),
    ):
        assert error_of(call, Tags=MANY_TAGS[50:]) == (
            "LimitExceeded",
            f"Cannot exceed quota for {quota}: 50",
        )
    assert error_of(iam.create_user, UserName="too-many-tags", Tags=MANY_TAGS)[0] == "LimitExceeded"
    reserved = [{"Key": "aws:team", "Value": "v"}]
    assert error_of(iam.create_user, UserName="reserved-tag", Tags=reserved)[0] == "InvalidInput"


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"MaxSessionDuration": 3599}, "Member must have value greater than or equal to 3600"),
        ({"MaxSessionDuration": 43201}, "Member must have value less than or equal to 43200"),
        ({"Description": "d" * 1001}, "Member must have length less than or equal to 1000"),
        ({"RoleName": "a b"}, "Member must satisfy regular expression pattern"),
        ({"RoleName": "a/b"}, "Member must satisfy regular expression pattern"),
        ({"RoleName": "r\u00f6le"}, "Member must satisfy regular expression pattern"),
        ({"Path": "team"}, "Member must satisfy regular expression pattern"),
        ({"Path": "/team"}, "Member must satisfy regular expression pattern"),
    ],
)
def test_what_iam_does_not_take_is_refused(emulator: Emulator, wrong: dict[str, Any], rule: str) -> None:
    iam = unchecked(emulator, "iam")
    right = {"RoleName": "refused", "AssumeRolePolicyDocument": TRUST}
    code, message = error_of(iam.create_role, **{**right, **wrong})
    assert code == "ValidationError"
    assert rule in message


def test_an_issuer_has_https(emulator: Emulator) -> None:
    create = emulator.client("iam").create_open_id_connect_provider
    assert error_of(create, Url="http://issuer.example.com", ClientIDList=["x"])[0] == "ValidationError"


@pytest.mark.parametrize("wrong", ["e", "e e", "e" * 1225, "\u00e9\u00e9"])
def test_an_external_id_has_2_to_1224_of_a_few_characters(emulator: Emulator, wrong: str) -> None:
    role = f"arn:aws:iam::{PRIMARY}:role/whatever"
    sts = unchecked(emulator, "sts")
    code, message = error_of(sts.assume_role, RoleArn=role, RoleSessionName="tester", ExternalId=wrong)
    assert (code, "at 'externalId'" in message) == ("ValidationError", True)


def test_a_policy_that_is_attached_is_not_deleted(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    arn = iam.create_policy(PolicyName="attached", PolicyDocument=READ)["Policy"]["Arn"]
    make_role(emulator, "holder", TRUST)
    iam.attach_role_policy(RoleName="holder", PolicyArn=arn)
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName="holder", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
