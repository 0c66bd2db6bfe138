"""AssumeRole and sessions: trust, identity policies, external IDs, tags, durations, expiry."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.world import (
    PRIMARY,
    SECONDARY,
    STRANGER,
    Emulator,
    allow,
    as_keys,
    document,
    error_of,
    make_role,
    make_user,
    root,
    session_of,
    trust,
)

TAGGING = ["sts:AssumeRole", "sts:TagSession"]


def refused(emulator: Emulator, role: str, keys: dict[str, str], **more: object) -> bool:
    sts = emulator.client("sts", keys)
    code, message = error_of(sts.assume_role, RoleArn=role, RoleSessionName="tester", **more)
    assert "is not authorized to perform: sts:" in message
    assert f"on resource: {role}" in message
    return code == "AccessDenied"


def test_trust_in_the_account_leaves_it_to_identity_policies(emulator: Emulator) -> None:
    role = make_role(emulator, "of-the-account", trust(root(PRIMARY)))
    other = make_role(emulator, "of-the-account-2", trust(root(PRIMARY)))
    keys = make_user(emulator, "may-assume-one", allow("sts:AssumeRole", role))
    session_of(emulator, role, keys)
    assert refused(emulator, other, keys)
    assert refused(emulator, role, make_user(emulator, "may-nothing"))


def test_trust_in_the_caller_itself_is_enough_in_its_account(emulator: Emulator) -> None:
    keys = make_user(emulator, "named")
    role = make_role(emulator, "names-the-user", trust({"AWS": f"arn:aws:iam::{PRIMARY}:user/named"}))
    session_of(emulator, role, keys)


@pytest.mark.parametrize("limit", ["boundary", "session"])
def test_trust_in_the_role_of_a_session_does_not_lift_its_limits(emulator: Emulator, limit: str) -> None:
    iam = emulator.client("iam")
    caller = make_role(emulator, f"limited-by-{limit}", trust(root(PRIMARY)))
    own = f"arn:aws:sts::{PRIMARY}:assumed-role/limited-by-{limit}/tester"
    of_role = make_role(emulator, f"names-the-role-{limit}", trust({"AWS": caller}))
    of_session = make_role(emulator, f"names-the-session-{limit}", trust({"AWS": own}))
    session_of(emulator, of_role, session_of(emulator, caller))
    if limit == "boundary":
        boundary = iam.create_policy(PolicyName="lists-only", PolicyDocument=allow("iam:ListRoles"))
        arn = boundary["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="limited-by-boundary", PermissionsBoundary=arn)
        limited = session_of(emulator, caller)
    else:
        limited = session_of(emulator, caller, Policy=allow("iam:ListRoles"))
    assert refused(emulator, of_role, limited)
    session_of(emulator, of_session, limited)
    if limit == "session":
        session_of(emulator, of_role, session_of(emulator, caller, Policy=allow("sts:AssumeRole")))


def test_a_permission_without_trust_is_not_enough(emulator: Emulator) -> None:
    keys = make_user(emulator, "may-assume-all", allow("sts:AssumeRole"))
    role = make_role(emulator, "trusts-a-service", trust({"Service": "ec2.amazonaws.com"}))
    assert refused(emulator, role, keys)


def test_another_account_needs_both_sides(emulator: Emulator) -> None:
    role = make_role(emulator, "cross", trust(root(PRIMARY)), SECONDARY)
    named = make_user(emulator, "cross-without-permission")
    user = f"arn:aws:iam::{PRIMARY}:user/cross-without-permission"
    names = make_role(emulator, "cross-named", trust({"AWS": user}), SECONDARY)
    assert refused(emulator, names, named)
    keys = session_of(emulator, role, make_user(emulator, "cross-allowed", allow("sts:AssumeRole", role)))
    assert emulator.client("sts", keys).get_caller_identity()["Account"] == SECONDARY
    assert refused(emulator, role, emulator.keys(STRANGER))


def test_an_external_id_must_be_the_right_one(emulator: Emulator) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "s3cret"}}
    role = make_role(emulator, "with-external-id", trust(root(PRIMARY), Condition=condition), SECONDARY)
    session_of(emulator, role, ExternalId="s3cret")
    assert refused(emulator, role, emulator.keys())
    assert refused(emulator, role, emulator.keys(), ExternalId="other")


def test_trust_can_be_narrowed_to_one_principal_of_an_account(emulator: Emulator) -> None:
    wanted = make_role(emulator, "node-of-vault", trust(root(PRIMARY)))
    other = make_role(emulator, "node-of-another", trust(root(PRIMARY)))
    for name in ("node-of-vault", "node-of-another"):
        emulator.client("iam").put_role_policy(
            RoleName=name, PolicyName="assume", PolicyDocument=allow("sts:AssumeRole")
        )
    condition = {"ArnLike": {"aws:PrincipalArn": wanted}}
    role = make_role(emulator, "narrowed", trust(root(PRIMARY), Condition=condition), SECONDARY)
    session_of(emulator, role, session_of(emulator, wanted))
    assert refused(emulator, role, session_of(emulator, other))


def test_session_tags_need_their_own_permission(emulator: Emulator) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    plain = make_role(emulator, "no-tags", trust(root(PRIMARY)))
    assert refused(emulator, plain, emulator.keys(), Tags=tags)
    tagging = trust(
        root(PRIMARY),
        TAGGING,
        Condition={"StringEquals": {"aws:RequestTag/team": "a"}},
    )
    role = make_role(emulator, "takes-tags", tagging)
    keys = session_of(emulator, role, Tags=tags)
    tag_policy = allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})
    emulator.client("iam").put_role_policy(
        RoleName="takes-tags", PolicyName="by-tag", PolicyDocument=tag_policy
    )
    assert emulator.client("iam", keys).list_roles()["Roles"]
    assert refused(emulator, role, emulator.keys(), Tags=[{"Key": "team", "Value": "b"}])


@pytest.mark.parametrize(
    "given",
    [
        {"SourceIdentity": "alice"},
        {"SerialNumber": f"arn:aws:iam::{PRIMARY}:mfa/alice", "TokenCode": "123456"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_the_sandbox_would_ignore_is_refused(emulator: Emulator, given: dict[str, Any]) -> None:
    sts, role = emulator.client("sts"), f"arn:aws:iam::{PRIMARY}:role/any"
    code, message = error_of(sts.assume_role, RoleArn=role, RoleSessionName="tester", **given)
    assert (code, "does not support" in message) == ("ValidationError", True)
    assert all(name in message for name in given)


def test_durations_are_limited(emulator: Emulator) -> None:
    role = make_role(emulator, "short", trust(root(PRIMARY)), MaxSessionDuration=7200)
    emulator.client("iam").put_role_policy(
        RoleName="short", PolicyName="assume", PolicyDocument=allow("sts:AssumeRole")
    )
    keys = session_of(emulator, role, DurationSeconds=7200)
    sts, chained = emulator.client("sts"), emulator.client("sts", keys)
    wanted = {"RoleArn": role, "RoleSessionName": "tester"}
    assert "MaxSessionDuration" in error_of(sts.assume_role, **wanted, DurationSeconds=7201)[1]
    assert "role chaining" in error_of(chained.assume_role, **wanted, DurationSeconds=3601)[1]


def test_a_role_made_anew_is_not_the_one_that_was_trusted(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    trusted = make_role(emulator, "pinned", trust(root(PRIMARY)))
    role = make_role(emulator, "trusts-pinned", trust({"AWS": trusted}))
    keys = session_of(emulator, trusted)
    session_of(emulator, role, keys)
    iam.delete_role(RoleName="pinned")
    assert make_role(emulator, "pinned", trust(root(PRIMARY))) == trusted
    assert refused(emulator, role, keys)
    assert refused(emulator, role, session_of(emulator, trusted))
    iam.update_assume_role_policy(RoleName="trusts-pinned", PolicyDocument=trust({"AWS": trusted}))
    session_of(emulator, role, session_of(emulator, trusted))


def test_a_session_policy_narrows_the_session(emulator: Emulator) -> None:
    role = make_role(emulator, "wide", trust(root(PRIMARY)))
    emulator.client("iam").put_role_policy(RoleName="wide", PolicyName="all", PolicyDocument=allow("*"))
    iam = emulator.client("iam", session_of(emulator, role, Policy=allow("iam:ListRoles")))
    assert iam.list_roles()["Roles"]
    code, message = error_of(iam.list_users)
    assert code == "AccessDenied"
    assert message.endswith("because no session policy allows the iam:ListUsers action")


def test_temporary_keys_of_a_user_may_what_the_user_may(emulator: Emulator) -> None:
    keys = make_user(emulator, "temporary", allow(["iam:ListRoles", "ec2:DescribeVpcs"]))
    temporary = as_keys(emulator.client("sts", keys).get_session_token()["Credentials"])
    identity = emulator.client("sts", temporary).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{PRIMARY}:user/temporary"
    assert emulator.client("ec2", temporary).describe_vpcs()["Vpcs"]
    assert error_of(emulator.client("ec2", temporary).describe_subnets)[0] == "UnauthorizedOperation"
    assert error_of(emulator.client("iam", temporary).list_roles)[0] == "InvalidClientTokenId"  # needs MFA


def test_federated_keys_may_only_what_both_policies_allow(emulator: Emulator) -> None:
    guests = f"arn:aws:sts::{PRIMARY}:federated-user/guest*"
    rules = document(
        {"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": guests},
        {"Effect": "Allow", "Action": ["ec2:DescribeVpcs", "iam:ListRoles"], "Resource": "*"},
    )
    sts = emulator.client("sts", make_user(emulator, "broker", rules))
    answer = sts.get_federation_token(Name="guest", Policy=allow(["ec2:Describe*", "iam:*"]))
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{PRIMARY}:federated-user/guest"
    federated = emulator.client("ec2", as_keys(answer["Credentials"]))
    assert federated.describe_vpcs()["Vpcs"]
    assert error_of(federated.describe_subnets)[0] == "UnauthorizedOperation"
    iam = emulator.client("iam", as_keys(answer["Credentials"]))
    assert error_of(iam.list_roles)[0] == "InvalidClientTokenId"  # such keys are not for IAM at all
    assert error_of(sts.get_federation_token, Name="other") == (
        "AccessDenied",
        f"User: arn:aws:iam::{PRIMARY}:user/broker is not authorized to perform: sts:GetFederationToken on "
        f"resource: arn:aws:sts::{PRIMARY}:federated-user/other because no identity-based policy allows the "
        "sts:GetFederationToken action",
    )


def test_managed_session_policies_narrow_a_session(emulator: Emulator) -> None:
    role = make_role(emulator, "narrowed-by-arn", trust(root(PRIMARY)))
    emulator.client("iam").put_role_policy(
        RoleName="narrowed-by-arn", PolicyName="all", PolicyDocument=allow("*")
    )
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    iam = emulator.client("iam", session_of(emulator, role, PolicyArns=[{"arn": arn}]))
    assert iam.list_roles()["Roles"]
    message = error_of(iam.delete_role, RoleName="narrowed-by-arn")[1]
    assert message.endswith("because no session policy allows the iam:DeleteRole action")
    both = session_of(emulator, role, PolicyArns=[{"arn": arn}], Policy=allow("ec2:DescribeVpcs"))
    assert emulator.client("iam", both).list_roles()["Roles"]
    assert emulator.client("ec2", both).describe_vpcs()["Vpcs"]
    unknown = [{"arn": f"arn:aws:iam::{PRIMARY}:policy/unknown"}]
    wanted = {"RoleArn": role, "RoleSessionName": "tester", "PolicyArns": unknown}
    assert "does not exist" in error_of(emulator.client("sts").assume_role, **wanted)[1]


def test_an_external_id_is_none_for_the_tags_of_the_session(emulator: Emulator) -> None:
    """AWS has sts:ExternalId for sts:AssumeRole only: in one statement with it, sts:TagSession is refused."""
    condition = {"StringEquals": {"sts:ExternalId": "s3cret"}}
    together = make_role(emulator, "tags-together", trust(root(PRIMARY), TAGGING, Condition=condition))
    wanted: dict[str, Any] = {"ExternalId": "s3cret", "Tags": [{"Key": "team", "Value": "a"}]}
    assert refused(emulator, together, emulator.keys(), **wanted)
    document = json.loads(trust(root(PRIMARY), Condition=condition))
    document["Statement"].append({"Effect": "Allow", "Principal": root(PRIMARY), "Action": "sts:TagSession"})
    iam = emulator.client("iam")
    iam.update_assume_role_policy(RoleName="tags-together", PolicyDocument=json.dumps(document))
    session_of(emulator, together, **wanted)
    assert refused(emulator, together, emulator.keys(), **{**wanted, "ExternalId": "another"})


def test_transitive_tags_go_through_a_chain_of_roles(emulator: Emulator) -> None:
    """Every role of the chain must allow sts:TagSession, and so must the one who goes on to the next."""
    first = make_role(emulator, "chain-1", trust(root(PRIMARY), TAGGING))
    condition = {
        "StringEquals": {"aws:RequestTag/team": "a", "aws:PrincipalTag/team": "a"},
        "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["team"]},
    }
    second = make_role(emulator, "chain-2", trust(root(PRIMARY), TAGGING, Condition=condition), SECONDARY)
    third = make_role(emulator, "chain-3", trust(root(SECONDARY)), SECONDARY)
    tags = [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "x"}]
    keys = session_of(emulator, first, Tags=tags, TransitiveTagKeys=["team"])
    policy = {"RoleName": "chain-1", "PolicyName": "next"}
    iam = emulator.client("iam")
    iam.put_role_policy(**policy, PolicyDocument=allow("sts:AssumeRole"))
    wanted = {"RoleArn": second, "RoleSessionName": "tester"}
    message = error_of(emulator.client("sts", keys).assume_role, **wanted)[1]
    assert message.endswith(f"is not authorized to perform: sts:TagSession on resource: {second}")
    iam.put_role_policy(**policy, PolicyDocument=allow(TAGGING))
    chained = session_of(emulator, second, keys)
    rules = allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})
    stage = {"Null": {"aws:PrincipalTag/stage": "false"}}
    elsewhere = emulator.client("iam", emulator.keys(SECONDARY))
    elsewhere.put_role_policy(RoleName="chain-2", PolicyName="a", PolicyDocument=rules)
    elsewhere.put_role_policy(
        RoleName="chain-2", PolicyName="b", PolicyDocument=allow("iam:ListUsers", Condition=stage)
    )
    elsewhere.put_role_policy(RoleName="chain-2", PolicyName="c", PolicyDocument=allow(TAGGING))
    mine = emulator.client("iam", chained)
    assert mine.list_roles()["Roles"]
    assert error_of(mine.list_users)[0] == "AccessDenied"  # `stage` was not handed on
    assert refused(emulator, third, chained)  # its trust has no sts:TagSession
    again = [{"Key": "Team", "Value": "b"}]
    code, message = error_of(emulator.client("sts", keys).assume_role, **wanted, Tags=again)
    assert (code, "conflicts with a transitive tag key" in message) == ("InvalidParameterValue", True)


@pytest.mark.parametrize(
    ("service", "action", "code"),
    [
        ("sts", "get_caller_identity", "ExpiredToken"),
        ("iam", "list_roles", "ExpiredToken"),
        ("ec2", "describe_instances", "RequestExpired"),
        ("eks", "list_clusters", "ExpiredTokenException"),
    ],
)
def test_an_expired_session_is_refused_everywhere(
    expired: tuple[Emulator, dict[str, str]], service: str, action: str, code: str
) -> None:
    emulator, keys = expired
    assert error_of(getattr(emulator.client(service, keys), action))[0] == code


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """An emulator where the time of a session is over: its record is changed while the process is down."""
    emulator = Emulator(tmp_path_factory.mktemp("expired"))
    emulator.start()
    keys = session_of(emulator, make_role(emulator, "expires", trust(root(PRIMARY))))
    emulator.client("sts", keys).get_caller_identity()
    emulator.stop()
    journal = emulator.home / "sessions.jsonl"
    header, line = journal.read_text().splitlines()
    session = json.loads(line)
    past = datetime.fromisoformat(session["issued"]) - timedelta(seconds=1)
    journal.write_text(f"{header}\n{json.dumps({**session, 'expiration': past.isoformat()})}\n")
    emulator.start()
    yield emulator, keys
    emulator.stop()
