"""The aws plugin as a provider of another account, whose role it assumes: trust is evaluated."""

import json
from contextlib import AbstractContextManager
from typing import Any

import pytest

from sandbox.plugins.aws import PLUGIN
from tests.plugins.cloud import REGION, SECONDARY, Cloud, cloud
from tests.plugins.engine import Engine, Refused, engine_for

__all__ = ["cloud"]  # a fixture

ORGANIZATION_ROLE = f"arn:aws:iam::{SECONDARY}:role/OrganizationAccountAccessRole"
WHO = "aws:index/getCallerIdentity:getCallerIdentity"
ROLE = "aws:iam/role:Role"


def trusting(principal: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def primary(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of the primary account in the environment."""
    for key, value in cloud.env.items():
        if key.startswith("AWS_"):
            monkeypatch.setenv(key, value)


def acting_as(role: str, allowed: str = SECONDARY, **more: str) -> AbstractContextManager[Engine]:
    """The plugin as a stack's provider of another account."""
    assumed = json.dumps([{"roleArn": role, "sessionName": "pulumi", **more}])
    account = json.dumps([allowed])
    return engine_for(PLUGIN, {"region": REGION, "allowedAccountIds": account, "assumeRoles": assumed})


def test_provider_of_another_account_makes_its_objects_there(cloud: Cloud, primary: None) -> None:
    with acting_as(ORGANIZATION_ROLE) as there:
        who = there.invoke(WHO, {})
        assert who["accountId"] == SECONDARY
        assert who["arn"] == f"arn:aws:sts::{SECONDARY}:assumed-role/OrganizationAccountAccessRole/pulumi"
        trust = trusting("arn:aws:iam::111111111111:root")
        made = there.create(ROLE, {"name": "made-there", "assumeRolePolicy": trust})
        assert made.values["arn"] == f"arn:aws:iam::{SECONDARY}:role/made-there"
        assert cloud.client("iam", SECONDARY).get_role(RoleName="made-there")
        there.delete(made)


def test_provider_whose_role_is_of_a_wrong_account_makes_nothing(primary: None) -> None:
    trust = trusting("arn:aws:iam::111111111111:root")
    with (
        acting_as(ORGANIZATION_ROLE, allowed="333333333333") as there,
        pytest.raises(Refused, match=f"account {SECONDARY} is not allowed here"),
    ):
        there.create(ROLE, {"name": "nowhere", "assumeRolePolicy": trust})


def test_provider_whose_role_does_not_trust_it_is_refused(cloud: Cloud, primary: None) -> None:
    iam = cloud.client("iam", SECONDARY)
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting("arn:aws:iam::333333333333:root"))
    with (
        acting_as(f"arn:aws:iam::{SECONDARY}:role/deploy") as there,
        pytest.raises(Refused, match=r"credentials do not work: AWS refused AssumeRole: AccessDenied"),
    ):
        there.create(ROLE, {"name": "nowhere", "assumeRolePolicy": trusting("*")})


def test_provider_gives_the_external_id_that_a_role_demands(cloud: Cloud, primary: None) -> None:
    iam = cloud.client("iam", SECONDARY)
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": "ours"}}}
    trust = trusting("arn:aws:iam::111111111111:root", **condition)
    iam.create_role(RoleName="demanding", AssumeRolePolicyDocument=trust)
    role = f"arn:aws:iam::{SECONDARY}:role/demanding"
    with acting_as(role, externalId="ours") as there:
        assert there.invoke(WHO, {})["accountId"] == SECONDARY
    with acting_as(role, externalId="theirs") as there, pytest.raises(Refused, match="AccessDenied"):
        there.invoke(WHO, {})
