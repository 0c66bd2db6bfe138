"""ECS tasks log in by their task role; neither other tasks do, nor other roles under a task's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import pytest
import requests
from botocore.credentials import Credentials

from components import iam
from components.trust import ecs_task_trust
from tests.sandbox.callers import log_in, session, trust
from tests.sandbox.kit import REPOSITORY, Sandbox

EXAMPLE = "ecs"
ACCOUNT = "111111111111"
TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/api-task"
HEADER = "127.0.0.1"  # the host of Vault's address, as the example sets no other
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


def credentials_of_task(sandbox: Sandbox, role: str = TASK_ROLE) -> tuple[Credentials, str]:
    """A task's credentials and its ID."""
    answer = requests.get(
        sandbox.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": f"ecs-task/us-east-1/{role}"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    keys = answer.json()
    found = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
    own = sandbox.aws(
        "sts",
        aws_access_key_id=found.access_key,
        aws_secret_access_key=found.secret_key,
        aws_session_token=str(found.token),
    ).get_caller_identity()
    return found, own["Arn"].rpartition("/")[2]


@contextmanager
def made(sandbox: Sandbox, name: str, document: str) -> Iterator[str]:
    """A role of the account that the stack knows nothing of."""
    roles = sandbox.aws("iam")
    role = roles.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    try:
        yield str(role["Arn"])
    finally:
        roles.delete_role(RoleName=name)


def task_trust() -> str:
    return iam.to_json(ecs_task_trust(ACCOUNT, "us-east-1"))


def verify(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    """What `verify` finds, with changes of the stack's outputs: by caller."""
    outputs = sandbox.json("pulumi stack output --json")
    outputs["callers"]["api"].update(changes)
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "verify", "--json", "--outputs", "-"],
        cwd=REPOSITORY,
        env={**os.environ, **sandbox.env},
        input=json.dumps(outputs),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return {found["caller"]: found for found in json.loads(answer.stdout)["results"]}


def test_the_task_gets_a_token_and_impostors_do_not(example: Sandbox) -> None:
    with made(example, "other", trust(ACCOUNT)) as other:
        found = verify(example, verifyNotAs=[other])
    assert all(each["ok"] for each in found.values()), found
    assert found["this ECS task"]["got"] == "a token (default, dev)"
    assert found["the AWS credentials at hand, assuming the task role"]["refusedBy"] == "AWS"
    assert found[f"role other of {ACCOUNT}, under the task's session name"]["refusedBy"] == "Vault"


def test_another_role_under_the_same_session_name_is_refused_by_vault(example: Sandbox) -> None:
    task, task_id = credentials_of_task(example)
    assert log_in(example, task, "api", HEADER)["token_policies"] == ["default", "dev"]
    with made(example, "other", trust(ACCOUNT)) as other:
        stranger = session(example, other, task_id)
        with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
            log_in(example, stranger, "api", HEADER)


def test_a_task_of_another_role_is_refused_by_vault(example: Sandbox) -> None:
    with made(example, "other-task", task_trust()) as other:
        task, _ = credentials_of_task(example, other)
        with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
            log_in(example, task, "api", HEADER)
        done = example.shell(f"{TOKEN}=ecs-task/us-east-1/{other} vault-aws-auth login api")
    assert done.returncode == 1
    assert "the credentials of this container are of the role other-task" in done.stderr


def test_outside_a_task_the_login_is_not_tried(example: Sandbox) -> None:
    done = example.shell("env -u AWS_CONTAINER_CREDENTIALS_FULL_URI vault-aws-auth verify --json")
    (found,) = json.loads(done.stdout)["results"]
    assert (found["got"], found["ok"]) == ("not tried", None)
    assert "aws ecs execute-command" in found["hint"]


def test_a_program_without_keys_of_its_own_is_the_task(example: Sandbox) -> None:
    """Any SDK takes the endpoint from the same variables as the command."""
    keyless = "env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY"
    me = example.json(f"{keyless} aws sts get-caller-identity --output json")
    assert me["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/api-task/")
