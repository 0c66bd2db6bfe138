"""With `--eventual-consistency`, what was just changed in IAM is not everywhere yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.emulator.world import (
    ISSUER,
    PRIMARY,
    SECONDARY,
    Emulator,
    allow,
    make_role,
    make_user,
    root,
    trust,
)

SECONDS = 2.0


def behind(home: Path, seed: int = 0) -> Emulator:
    running = Emulator(home)
    running.start("--eventual-consistency", str(SECONDS), "--seed", str(seed))
    return running


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = behind(tmp_path_factory.mktemp("aws"))
    yield running
    running.stop()


def outcome(ask: Callable[[], Any]) -> str:
    """The code of the refusal, or nothing."""
    try:
        ask()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def outcomes(ask: Callable[[], Any]) -> set[str]:
    """Every outcome while replicas may be behind. Then there is the last one alone."""
    until, seen = time.monotonic() + SECONDS + 0.5, set()
    while time.monotonic() < until:
        seen.add(outcome(ask))
        time.sleep(0.02)
    assert len({outcome(ask) for _ in range(20)}) == 1
    return seen


def test_a_new_role_is_there_and_not_there(cloud: Emulator) -> None:
    make_role(cloud, "new", trust(root(PRIMARY)))
    get = partial(cloud.client("iam").get_role, RoleName="new")
    assert outcomes(get) == {"", "NoSuchEntity"}
    assert outcome(get) == ""


def test_a_new_role_is_no_principal_yet_and_cannot_be_assumed_yet(cloud: Emulator) -> None:
    role = make_role(cloud, "fresh", trust({"AWS": f"arn:aws:iam::{PRIMARY}:user/sandbox-admin"}))
    names = iter(range(10_000))

    def trusting() -> None:
        make_role(cloud, f"trusting-{next(names)}", trust({"AWS": role}))

    assert outcomes(trusting) == {"", "MalformedPolicyDocument"}
    sts = cloud.client("sts")
    second = make_role(cloud, "second", trust({"AWS": f"arn:aws:iam::{PRIMARY}:user/sandbox-admin"}))
    assert outcomes(lambda: sts.assume_role(RoleArn=second, RoleSessionName="x1")) == {"", "AccessDenied"}


def test_a_new_key_is_no_key_yet_and_a_deleted_one_still_is(cloud: Emulator) -> None:
    keys = make_user(cloud, "worker")
    who = cloud.client("sts", keys).get_caller_identity
    assert outcomes(who) == {"", "InvalidClientTokenId"}
    cloud.client("iam").delete_access_key(UserName="worker", AccessKeyId=keys["aws_access_key_id"])
    assert outcomes(who) == {"", "InvalidClientTokenId"}
    assert outcome(who) == "InvalidClientTokenId"


def test_a_policy_that_was_just_attached_does_not_count_yet(cloud: Emulator) -> None:
    keys = make_user(cloud, "reader")
    time.sleep(SECONDS)
    reads = partial(cloud.client("iam", keys).get_user, UserName="reader")
    assert outcome(reads) == "AccessDenied"
    cloud.client("iam").put_user_policy(
        UserName="reader", PolicyName="own", PolicyDocument=allow("iam:GetUser")
    )
    assert outcomes(reads) == {"", "AccessDenied"}
    assert outcome(reads) == ""


def test_a_new_trust_policy_does_not_count_yet_in_whatever_account(cloud: Emulator) -> None:
    iam = cloud.client("iam", cloud.keys(SECONDARY))
    role = make_role(cloud, "there", trust(root(SECONDARY)), SECONDARY)
    time.sleep(SECONDS)
    assume = partial(cloud.client("sts").assume_role, RoleArn=role, RoleSessionName="x1")
    assert outcome(assume) == "AccessDenied"
    iam.update_assume_role_policy(RoleName="there", PolicyDocument=trust(root(PRIMARY)))
    assert outcomes(assume) == {"", "AccessDenied"}


def test_a_new_issuer_is_not_known_yet(cloud: Emulator) -> None:
    iam = cloud.client("iam")
    provider = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
    federated = trust({"Federated": provider["OpenIDConnectProviderArn"]}, "sts:AssumeRoleWithWebIdentity")
    role = make_role(cloud, "web", federated)
    ask = {"RoleArn": role, "RoleSessionName": "x1", "WebIdentityToken": cloud.issuer.token()}
    sts = cloud.client("sts")
    seen = outcomes(lambda: sts.assume_role_with_web_identity(**ask))
    assert seen == {"", "InvalidIdentityToken", "AccessDenied"}


def test_a_role_in_a_new_cluster_does_not_exist_yet(cloud: Emulator) -> None:
    names = iter(range(10_000))
    subnets = [each["SubnetId"] for each in cloud.client("ec2").describe_subnets()["Subnets"][:2]]
    eks = cloud.client("eks")

    def create(role: str) -> None:
        vpc = {"subnetIds": subnets}
        eks.create_cluster(name=f"c{next(names)}", roleArn=role, resourcesVpcConfig=vpc)

    with cloud.without_api_server():
        role = make_role(cloud, "cluster", trust({"Service": "eks.amazonaws.com"}))
        assert outcomes(lambda: create(role)) == {"", "InvalidParameterException"}


def test_what_changes_something_does_so_at_once(cloud: Emulator) -> None:
    """Of what is written, nothing is lost, and nothing is written to a replica."""
    iam = cloud.client("iam")
    for number in range(20):
        make_role(cloud, f"many-{number}", trust(root(PRIMARY)))
        iam.attach_role_policy(RoleName=f"many-{number}", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        with pytest.raises(ClientError, match="EntityAlreadyExists"):
            make_role(cloud, f"many-{number}", trust(root(PRIMARY)))
    time.sleep(SECONDS)
    for number in range(20):
        attached = iam.list_attached_role_policies(RoleName=f"many-{number}")["AttachedPolicies"]
        assert len(attached) == 1


def test_a_seed_decides_which_answers_are_old(tmp_path: Path) -> None:
    def answers(name: str, seed: int) -> list[str]:
        (tmp_path / name).mkdir()
        running = behind(tmp_path / name, seed)
        try:
            make_role(running, "new", trust(root(PRIMARY)))
            return [outcome(lambda: running.client("iam").get_role(RoleName="new")) for _ in range(12)]
        finally:
            running.stop()

    first = answers("first", 7)
    assert answers("again", 7) == first
    assert answers("other", 8) != first


def test_it_begins_and_ends_when_the_emulator_is_told(emulator: Emulator) -> None:
    get = partial(emulator.client("iam").get_role, RoleName="now-and-then")
    tell = partial(requests.put, f"{emulator.url}/sandbox/eventual-consistency", timeout=10)
    assert tell(json=SECONDS).ok
    try:
        make_role(emulator, "now-and-then", trust(root(PRIMARY)))
        assert {outcome(get) for _ in range(50)} == {"", "NoSuchEntity"}
    finally:
        assert tell(json=0).ok
    assert {outcome(get) for _ in range(50)} == {""}
    for wrong in ("5", -1, 61, None):
        assert tell(json=wrong).status_code == 400


def test_nothing_is_behind_unless_that_is_asked_for(emulator: Emulator) -> None:
    make_role(emulator, "at-once", trust(root(PRIMARY)))
    for _ in range(30):
        assert outcome(lambda: emulator.client("iam").get_role(RoleName="at-once")) == ""
