"""What the preflight finds in AWS's own lists: policies below any path, and Pod Identity associations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack.preflight import in_lists
from stack.preflight.objects import Made, thing
from tests.emulator.test_eks import create_cluster
from tests.emulator.world import REGION, Emulator, allow, make_role, make_user, trust


@pytest.fixture
def emulator_of_preflight(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(in_lists, "client", lambda service, _: emulator.client(service))
    with emulator.without_api_server():
        yield emulator


def wanted(noun: str, *name: str) -> Made:
    return Made(thing(noun, *name), "key")


def test_a_policy_of_the_same_name_below_another_path_is_found(emulator_of_preflight: Emulator) -> None:
    iam = emulator_of_preflight.client("iam")
    policy = allow("s3:ListBucket")
    made = iam.create_policy(PolicyName="Taken-Policy", Path="/payments/", PolicyDocument=policy)
    taken, free = wanted("IAM policy", "taken-policy"), wanted("IAM policy", "free-policy")
    of_aws = wanted("IAM policy", "ReadOnlyAccess")  # AWS's own: a customer may have one of that name
    found = in_lists.look(REGION, [taken, free, of_aws])
    assert found.there.keys() == {taken.thing}
    assert found.there[taken.thing].startswith(made["Policy"]["Arn"])
    assert found.absent == {free.thing, of_aws.thing}


def test_an_association_of_the_service_account_is_found_with_its_role(
    emulator_of_preflight: Emulator,
) -> None:
    create_cluster(emulator_of_preflight, "listed")
    trusted = trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])
    role = make_role(emulator_of_preflight, "of-another-team", trusted)
    emulator_of_preflight.client("eks").create_pod_identity_association(
        clusterName="listed", namespace="default", serviceAccount="app", roleArn=role
    )
    noun = "Pod Identity association"
    taken, beside = wanted(noun, "listed", "default/app"), wanted(noun, "listed", "other/app")
    elsewhere = wanted(noun, "not-there-yet", "default/app")
    found = in_lists.look(REGION, [taken, beside, elsewhere])
    assert found.there.keys() == {taken.thing}
    assert found.there[taken.thing].endswith(f"gives {role}")
    assert found.absent == {beside.thing, elsewhere.thing}
    assert not found.unseen


def test_what_may_not_be_listed_is_said(
    emulator_of_preflight: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = make_user(emulator_of_preflight, "may-not-list")
    monkeypatch.setattr(in_lists, "client", lambda service, _: emulator_of_preflight.client(service, keys))
    policy = wanted("IAM policy", "taken-policy")
    (reason,) = in_lists.look(REGION, [policy]).unseen
    assert "iam:ListPolicies" in reason


def test_without_credentials_nothing_is_found_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    policy = wanted("IAM policy", "taken-policy")
    assert in_lists.look(REGION, [policy]).unseen == {"Unable to locate credentials": [policy]}
