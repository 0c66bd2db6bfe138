"""Lambda functions: the credentials of the execution role, which Lambda alone can assume."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.credentials import ContainerProvider

from tests.emulator.world import PRIMARY, REGION, Emulator, document, error_of, make_role, trust

FUNCTIONS = {"Service": "lambda.amazonaws.com"}
ENDPOINT = "/container-credentials"


def token(role: str, function: str = "resize") -> str:
    return f"lambda/{REGION}/{function}/{role}"


def ask(emulator: Emulator, authorization: str) -> tuple[int, str]:
    return emulator.get(ENDPOINT, headers={"Authorization": authorization})


def test_a_function_has_a_session_of_its_role_that_is_named_after_it(emulator: Emulator) -> None:
    role = make_role(emulator, "resize-role", trust(FUNCTIONS), Path="/service-role/")
    provider: Any = ContainerProvider(
        environ={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{emulator.url}{ENDPOINT}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token(role),
        }
    )
    keys = provider.load().get_frozen_credentials()
    named = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    sts = emulator.new_client("sts", {**named, "aws_session_token": keys.token})
    arn = f"arn:aws:sts::{PRIMARY}:assumed-role/resize-role/resize"
    assert sts.get_caller_identity()["Arn"] == arn


def test_functions_of_one_role_have_sessions_of_their_own(emulator: Emulator) -> None:
    role = make_role(emulator, "shared-role", trust(FUNCTIONS))
    keys = [json.loads(ask(emulator, token(role, name))[1])["AccessKeyId"] for name in ("one", "two", "one")]
    assert keys[0] == keys[2] != keys[1]


@pytest.mark.parametrize("service", ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"])
def test_a_role_that_trusts_another_service_is_refused(emulator: Emulator, service: str) -> None:
    role = make_role(emulator, f"of-{service}", trust({"Service": service}))
    status, said = ask(emulator, token(role))
    assert (status, "cannot be assumed by Lambda" in said) == (400, True)


def test_a_role_that_trusts_lambda_is_neither_a_tasks_nor_the_administrators(emulator: Emulator) -> None:
    role = make_role(emulator, "function-only", trust(FUNCTIONS))
    assert ask(emulator, f"ecs-task/{REGION}/{role}")[0] == 400
    assume = emulator.client("sts").assume_role
    assert error_of(assume, RoleArn=role, RoleSessionName="resize")[0] == "AccessDenied"


def test_conditions_of_the_trust_count(emulator: Emulator) -> None:
    statement = {"Effect": "Allow", "Principal": FUNCTIONS, "Action": "sts:AssumeRole"}
    condition = {"StringEquals": {"aws:SourceAccount": PRIMARY}}
    role = make_role(emulator, "conditional", document({**statement, "Condition": condition}))
    assert ask(emulator, token(role))[0] == 400  # Lambda is not known to say so


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 65])
def test_what_is_no_name_of_a_function_is_refused(emulator: Emulator, name: str) -> None:
    role = make_role(emulator, f"named-{len(name)}", trust(FUNCTIONS))
    assert ask(emulator, token(role))[0] == 200
    assert ask(emulator, token(role, name))[0] != 200
