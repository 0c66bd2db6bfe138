"""Signatures and identity policies: nobody gets what their policies do not give."""

from __future__ import annotations

import http.client
from datetime import datetime, timedelta, timezone

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.emulator.world import (
    PRIMARY,
    SECONDARY,
    Emulator,
    allow,
    document,
    error_of,
    make_role,
    make_user,
    root,
    session_of,
    trust,
)

SERVER_ID = {"X-Vault-AWS-IAM-Server-ID": "vault.example.com"}
CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


def send(emulator: Emulator, request: AWSRequest, path: str = "/") -> tuple[int, str]:
    """Sends a signed request to the emulator, whatever host it was signed for."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.request("POST", path, request.body or b"", dict(request.headers.items()))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def signed(emulator: Emulator, url: str, region: str = "us-east-1", **headers: str) -> AWSRequest:
    keys = emulator.keys()
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    request = AWSRequest("POST", url, form, CALLER_IDENTITY)
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4Auth(credentials, "sts", region).add_auth(request)
    request.headers["Host"] = url.split("/")[2]
    return request


def test_a_request_signed_for_the_real_endpoint_is_taken(emulator: Emulator) -> None:
    """Vault forwards its clients' requests as they signed them, with more headers than SDKs send."""
    request = signed(emulator, "https://sts.amazonaws.com/", **SERVER_ID)
    status, body = send(emulator, request)
    assert status == 200
    assert f"arn:aws:iam::{PRIMARY}:user/sandbox-admin" in body


def test_a_changed_signed_header_is_refused(emulator: Emulator) -> None:
    request = signed(emulator, "https://sts.amazonaws.com/", **SERVER_ID)
    request.headers.replace_header("X-Vault-AWS-IAM-Server-ID", "other.example.com")
    assert send(emulator, request)[0] == 403


def test_a_changed_body_is_refused(emulator: Emulator) -> None:
    request = signed(emulator, "https://sts.amazonaws.com/")
    request.data = CALLER_IDENTITY + "&Extra=1"
    assert "SignatureDoesNotMatch" in send(emulator, request)[1]


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_signature_of_another_time_is_refused(
    emulator: Emulator, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))
    code, message = error_of(emulator.client("sts").get_caller_identity)
    assert code == "SignatureDoesNotMatch"
    assert message.startswith("Signature expired" if minutes < 0 else "Signature not yet current")


def test_a_presigned_request_is_taken_once_it_is_whole(emulator: Emulator) -> None:
    keys = emulator.keys()
    request = AWSRequest("GET", f"{emulator.url}/?{CALLER_IDENTITY}")
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4QueryAuth(credentials, "sts", "us-east-1", expires=60).add_auth(request)
    path = str(request.url).removeprefix(emulator.url)
    assert emulator.get(path)[0] == 200
    assert emulator.get(path.replace("2011-06-15", "2011-06-16"))[0] == 403


@pytest.mark.parametrize("service", ["sts", "iam", "ec2", "eks"])
def test_a_wrong_secret_is_refused(emulator: Emulator, service: str) -> None:
    keys = {**emulator.keys(), "aws_secret_access_key": "wrong"}
    client = emulator.client(service, keys)
    calls = {
        "sts": "get_caller_identity",
        "iam": "list_roles",
        "ec2": "describe_vpcs",
        "eks": "list_clusters",
    }
    codes = {"ec2": "AuthFailure", "eks": "InvalidSignatureException"}
    assert error_of(getattr(client, calls.get(service, "list_clusters")))[0] == codes.get(
        service, "SignatureDoesNotMatch"
    )


def test_an_unknown_or_inactive_key_is_refused(emulator: Emulator) -> None:
    unknown = {**emulator.keys(), "aws_access_key_id": "AKIAAAAAAAAAAAAAAAAA"}
    assert error_of(emulator.client("sts", unknown).get_caller_identity)[0] == "InvalidClientTokenId"
    keys = make_user(emulator, "inactive")
    emulator.client("iam").update_access_key(
        UserName="inactive", AccessKeyId=keys["aws_access_key_id"], Status="Inactive"
    )
    assert error_of(emulator.client("sts", keys).get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_session_with_another_token_is_refused(emulator: Emulator) -> None:
    role = make_role(emulator, "token-matters", trust(root(PRIMARY)))
    keys, other = session_of(emulator, role), session_of(emulator, role)
    mixed = {**keys, "aws_session_token": other["aws_session_token"]}
    assert error_of(emulator.client("iam", mixed).list_roles)[0] == "InvalidClientTokenId"


def test_an_unsigned_request_is_refused(emulator: Emulator) -> None:
    body = b"Action=ListUsers&Version=2010-05-08"
    status, text = emulator.get("/", "POST", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    assert (status, "MissingAuthenticationToken" in text) == (403, True)


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/"])
def test_the_back_doors_of_moto_are_shut(emulator: Emulator, path: str) -> None:
    assert emulator.get(path, "POST")[0] in (400, 403, 404)


def test_nobody_chooses_an_account_by_header(emulator: Emulator) -> None:
    iam = emulator.new_client("iam", emulator.keys())
    iam.meta.events.register(
        "before-sign.iam.*", lambda request, **_: request.headers.add_header("x-moto-account-id", SECONDARY)
    )
    assert f"::{PRIMARY}:" in iam.get_user()["User"]["Arn"]


def test_a_service_that_the_sandbox_lacks_says_so(emulator: Emulator) -> None:
    assert "The sandbox has no 'kms'" in error_of(emulator.client("kms").list_keys)[1]


@pytest.mark.parametrize(
    ("service", "call", "arguments", "code", "message"),
    [
        (
            "iam",
            "get_role",
            {"RoleName": "looked-up"},
            "AccessDenied",
            "{nothing} is not authorized to perform: iam:GetRole on resource: "
            "role looked-up because no identity-based policy allows the iam:GetRole action",
        ),
        (
            "iam",
            "get_instance_profile",
            {"InstanceProfileName": "p"},
            "AccessDenied",
            "{nothing} is not authorized to perform: iam:GetInstanceProfile on "
            "resource: instance profile p because no identity-based policy allows the iam:GetInstanceProfile "
            "action",
        ),
        (
            "ec2",
            "describe_instances",
            {},
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. {nothing} is not "
            "authorized to perform: ec2:DescribeInstances because no identity-based policy allows the "
            "ec2:DescribeInstances action",
        ),
        (
            "eks",
            "describe_cluster",
            {"name": "c"},
            "AccessDeniedException",
            "{nothing} is not authorized to perform: eks:DescribeCluster on "
            "resource: arn:aws:eks:us-east-1:111111111111:cluster/c because no identity-based policy "
            "allows the eks:DescribeCluster action",
        ),
    ],
)
def test_refusals_read_as_those_of_aws(
    emulator: Emulator,
    nothing: dict[str, str],
    service: str,
    call: str,
    arguments: dict[str, str],
    code: str,
    message: str,
) -> None:
    assert error_of(getattr(emulator.client(service, nothing), call), **arguments) == (
        code,
        message.replace("{nothing}", f"User: arn:aws:iam::{PRIMARY}:user/nothing"),
    )


@pytest.fixture(scope="module")
def nothing(emulator: Emulator) -> dict[str, str]:
    make_role(emulator, "looked-up", trust(root(PRIMARY)))
    return make_user(emulator, "nothing")


def test_a_policy_allows_only_its_resources(emulator: Emulator, nothing: dict[str, str]) -> None:
    del nothing
    keys = make_user(emulator, "one-role", allow("iam:GetRole", f"arn:aws:iam::{PRIMARY}:role/looked-*"))
    iam = emulator.client("iam", keys)
    assert iam.get_role(RoleName="looked-up")["Role"]["RoleName"] == "looked-up"
    assert error_of(iam.get_role, RoleName="other")[0] == "AccessDenied"


def test_an_explicit_deny_is_named_as_the_reason(emulator: Emulator, nothing: dict[str, str]) -> None:
    del nothing
    rules = document(
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:GetRole", "Resource": "*"},
    )
    iam = emulator.client("iam", make_user(emulator, "denied-user", rules))
    assert iam.list_roles()["Roles"]
    message = error_of(iam.get_role, RoleName="looked-up")[1]
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_policies_of_groups_and_managed_policies_count(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    keys = make_user(emulator, "grouped")
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="grouped")
    iam.put_group_policy(GroupName="readers", PolicyName="roles", PolicyDocument=allow("iam:ListRoles"))
    policy = iam.create_policy(PolicyName="list-users", PolicyDocument=allow("iam:ListUsers"))["Policy"][
        "Arn"
    ]
    iam.attach_user_policy(UserName="grouped", PolicyArn=policy)
    mine = emulator.client("iam", keys)
    assert mine.list_roles()["Roles"]
    assert mine.list_users()["Users"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=allow("iam:GetUser"), SetAsDefault=True)
    assert error_of(mine.list_users)[0] == "AccessDenied"


def test_a_user_manages_its_own_keys_only(emulator: Emulator) -> None:
    own = allow(
        ["iam:CreateAccessKey", "iam:ListAccessKeys"], f"arn:aws:iam::{PRIMARY}:user/${{aws:username}}"
    )
    iam = emulator.client("iam", make_user(emulator, "rotates", own))
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1
    iam.create_access_key(UserName="rotates")
    assert error_of(iam.create_access_key, UserName="sandbox-admin")[0] == "AccessDenied"


def test_a_permissions_boundary_limits_a_role(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=allow("iam:List*"))["Policy"]["Arn"]
    role = make_role(emulator, "bounded", trust(root(PRIMARY)), PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="bounded", PolicyName="all", PolicyDocument=allow("*"))
    mine = emulator.client("iam", session_of(emulator, role))
    assert mine.list_roles()["Roles"]
    assert "no permissions boundary allows" in error_of(mine.get_role, RoleName="bounded")[1]


@pytest.mark.parametrize(
    "condition",
    [{"StringMatches": {"a": "b"}}, {"StringEquals": "a"}, {"ForSome:StringEquals": {"a": "b"}}],
)
def test_a_policy_with_an_unknown_condition_is_not_taken(
    emulator: Emulator, condition: dict[str, object]
) -> None:
    iam = emulator.client("iam")
    rules = allow("*", Condition=condition)
    assert error_of(iam.create_policy, PolicyName="bad", PolicyDocument=rules)[0] == "MalformedPolicyDocument"


def test_trust_in_a_principal_that_does_not_exist_is_not_taken(emulator: Emulator) -> None:
    nobody = trust({"AWS": f"arn:aws:iam::{PRIMARY}:role/nobody"})
    iam = emulator.client("iam")
    code, message = error_of(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=nobody)
    assert (code, "Invalid principal in policy" in message) == ("MalformedPolicyDocument", True)


@pytest.mark.parametrize(
    ("action", "parameter", "more"),
    [
        ("create_group", "GroupName", {}),
        ("create_instance_profile", "InstanceProfileName", {}),
        ("create_policy", "PolicyName", {"PolicyDocument": allow("iam:ListRoles")}),
        ("create_role", "RoleName", {"AssumeRolePolicyDocument": trust(root(PRIMARY))}),
        ("create_user", "UserName", {}),
    ],
)
def test_names_are_unique_without_regard_to_case(
    emulator: Emulator, action: str, parameter: str, more: dict[str, str]
) -> None:
    create = getattr(emulator.client("iam"), action)
    create(**{parameter: "unique-Name"}, **more)
    for name in ("unique-Name", "Unique-name"):
        code, message = error_of(create, **{parameter: name, "Path": "/other/"}, **more)
        assert (code, f"{name} already exists" in message) == ("EntityAlreadyExists", True)
    getattr(emulator.client("iam", emulator.keys(SECONDARY)), action)(**{parameter: "unique-Name"}, **more)


def test_accounts_do_not_see_each_other(emulator: Emulator, nothing: dict[str, str]) -> None:
    del nothing
    other = emulator.client("iam", emulator.keys(SECONDARY))
    assert error_of(other.get_role, RoleName="looked-up")[0] == "NoSuchEntity"


def test_a_sender_cannot_write_lines_of_the_log(emulator: Emulator) -> None:
    body = b"Action=x%0Aforged%20line&Version=2010-05-08"
    emulator.get("/", "POST", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    assert "\nforged" not in emulator.log()


def test_nothing_secret_is_logged(emulator: Emulator) -> None:
    keys = session_of(emulator, make_role(emulator, "logged", trust(root(PRIMARY))))
    emulator.client("iam", keys)
    log = emulator.log()
    secrets = [
        keys["aws_secret_access_key"],
        keys["aws_session_token"],
        emulator.keys()["aws_secret_access_key"],
    ]
    assert "sts:AssumeRole 111111111111 arn:aws:iam::111111111111:user/sandbox-admin 200" in log
    assert not any(secret in log for secret in [*secrets, "Signature=", "X-Amz-Signature", "?"])
