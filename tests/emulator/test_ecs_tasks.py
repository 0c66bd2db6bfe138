"""ECS tasks: the credentials of the task role, and every role that ECS cannot give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.credentials import ContainerProvider
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

from components import iam, trust
from tests.emulator.world import PRIMARY, REGION, SECONDARY, Emulator, document, make_role, root
from tests.emulator.world import trust as trusting

TASKS = {"Service": "ecs-tasks.amazonaws.com"}
ENDPOINT = "/container-credentials"


@pytest.fixture(scope="module")
def role(emulator: Emulator) -> str:
    """A role with the trust policy of a login."""
    return make_role(emulator, "task", iam.to_json(trust.ecs_task_trust(PRIMARY, REGION)))


def token(role: str, region: str = REGION) -> str:
    return f"ecs-task/{region}/{role}"


def ask(emulator: Emulator, authorization: str) -> tuple[int, str]:
    return emulator.get(ENDPOINT, headers={"Authorization": authorization})


def refused(emulator: Emulator, role: str, region: str = REGION) -> bool:
    status, message = ask(emulator, token(role, region))
    assert (status, f"ECS was unable to assume the role '{role}'" in message) in ((400, True), (200, False))
    return status == 400


def test_an_sdk_in_a_task_gets_the_credentials_of_the_task_role(emulator: Emulator, role: str) -> None:
    provider: Any = ContainerProvider(
        environ={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{emulator.url}{ENDPOINT}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token(role),
        }
    )
    keys = provider.load().get_frozen_credentials()
    sts = emulator.new_client(
        "sts",
        {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
        },
    )
    arn, _, task_id = sts.get_caller_identity()["Arn"].rpartition("/")
    assert arn == f"arn:aws:sts::{PRIMARY}:assumed-role/task"
    assert len(task_id) == 32


def test_a_task_keeps_its_session_and_another_task_has_its_own(emulator: Emulator, role: str) -> None:
    first, second = (json.loads(ask(emulator, token(role))[1]) for _ in range(2))
    assert first["RoleArn"] == role
    assert first["AccessKeyId"] == second["AccessKeyId"]
    other = make_role(emulator, "other-task", trusting(TASKS))
    assert json.loads(ask(emulator, token(other))[1])["AccessKeyId"] != first["AccessKeyId"]


def test_a_role_that_does_not_trust_ecs_is_refused(emulator: Emulator) -> None:
    for name, principal in (("ec2", {"Service": "ec2.amazonaws.com"}), ("account", root(PRIMARY))):
        assert refused(emulator, make_role(emulator, f"for-{name}", trusting(principal)))


@pytest.mark.parametrize(
    ("account", "region", "kept_out"),
    [(PRIMARY, REGION, False), (SECONDARY, REGION, True), (PRIMARY, "eu-west-1", True)],
)
def test_tasks_of_another_account_or_region_are_refused(
    emulator: Emulator, account: str, region: str, kept_out: bool
) -> None:
    """The role is of the primary account, and so is its task; the trust policy says whose it may be."""
    name = f"of-{account}-{region}"
    made = make_role(emulator, name, iam.to_json(trust.ecs_task_trust(account, region)))
    assert refused(emulator, made) is kept_out


def test_each_condition_of_the_trust_counts_alone(emulator: Emulator) -> None:
    (statement,) = trust.ecs_task_trust(SECONDARY, "eu-west-1")["Statement"]
    for operator, condition in statement["Condition"].items():
        alone = document({**statement, "Condition": {operator: condition}})
        assert refused(emulator, make_role(emulator, f"only-{operator}", alone))


def test_a_task_without_a_role_is_refused(emulator: Emulator) -> None:
    assert refused(emulator, f"arn:aws:iam::{PRIMARY}:role/none")
    environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{emulator.url}{ENDPOINT}"}
    fetcher: Any = ContainerMetadataFetcher(sleep=lambda _: None)
    with pytest.raises(CredentialRetrievalError, match="InvalidRequest"):
        ContainerProvider(environment, fetcher).load()


def test_a_role_made_anew_gives_new_credentials(emulator: Emulator) -> None:
    made = make_role(emulator, "task-anew", trusting(TASKS))
    before = json.loads(ask(emulator, token(made))[1])
    emulator.client("iam").delete_role(RoleName="task-anew")
    assert refused(emulator, made)
    make_role(emulator, "task-anew", trusting(TASKS))
    assert json.loads(ask(emulator, token(made))[1])["AccessKeyId"] != before["AccessKeyId"]
