"""The login of an ECS task: only from within one, with the role of its task definition and no other."""

import json

import pytest

from cli.aws import own_session
from tests.cli.conftest import Run
from tests.cli.test_verify import results
from tests.cli.world import NODE_ROLE, TASK_ID, TASK_ROLE, World

OTHER = "arn:aws:iam::111111111111:role/other"


@pytest.fixture(autouse=True)
def _task(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container of the task."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{world.address}/v2/credentials/task")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "task-token")


def test_a_task_logs_in_with_its_task_role(run: Run, world: World) -> None:
    done = run("login", "api", "--json", outputs=world.with_task())
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert (shown["workload"], shown["caller"]["arn"]) == (
        "this ECS task",
        f"arn:aws:sts::111111111111:assumed-role/api-task/{TASK_ID}",
    )
    assert "aws-secret" not in done.output


def test_its_impostors_are_refused(run: Run, world: World) -> None:
    world.assumable.add(OTHER)
    outputs = world.with_task(verifyNotAs=[OTHER])
    done = run("verify", "api", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    stranger = "api: role other of 111111111111, under the task's session name"
    trust = "api: the AWS credentials at hand, assuming the task role"
    assert {caller: r["refusedBy"] for caller, r in results(done.stdout).items()} == {
        "api: this ECS task": "",
        "api: this ECS task, a token that outlives 768h": "Vault",
        "api: this ECS task, as Vault role dev-role-iam": "Vault",
        "api: this ECS task, as Vault role dev-role-iam2": "Vault",
        "api: this ECS task, no server-id header": "Vault",
        "api: this ECS task, a wrong server-id header": "Vault",
        trust: "AWS",
        stranger: "Vault",
        "api: no credentials": "Vault",
    }
    world.bound["api"] = "*"
    world.assumable.add(TASK_ROLE)
    done = run("verify", "api", "--json", outputs=outputs)
    accepted = {caller for caller, r in results(done.stdout).items() if r["got"] == "ACCEPTED"}
    assert accepted == {trust, stranger}


def test_each_link_of_a_task_can_be_examined(run: Run, world: World) -> None:
    done = run("doctor", "api", "--json", outputs=world.with_task())
    assert TASK_ID in done.stdout


def test_the_access_of_a_task_is_shown_as_its(run: Run, world: World) -> None:
    done = run("access", "--format", "json", outputs=world.with_task())
    who = {login["login"]: login["who"] for login in json.loads(done.stdout)["logins"]}
    assert who["api"] == ["ECS tasks of role api-task of 111111111111"]
    assert who["node"] == ["EC2 instances of role eks1-node of 111111111111"]


@pytest.mark.parametrize("other", [NODE_ROLE, f"{TASK_ROLE}-2", TASK_ROLE.replace("1", "2")])
def test_a_task_of_another_role_is_not_this_login(run: Run, world: World, other: str) -> None:
    world.task_role = other
    done = run("login", "api", outputs=world.with_task())
    assert done.exit_code == 1
    assert f"the credentials of this container are of the role {other.split('/')[1]} of" in done.stderr
    assert f"taskRoleArn {TASK_ROLE}" in done.stderr
    assert not world.tokens


def test_outside_a_task_it_is_not_tried_and_says_where_to_run_it(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    done = run("verify", "api", "--json", outputs=world.with_task())
    assert done.exit_code == 0
    (finding,) = json.loads(done.stdout)["results"]
    assert (finding["got"], finding["ok"]) == ("not tried", None)
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in finding["reason"]
    assert "aws ecs execute-command" in finding["hint"]


def test_a_task_without_a_role_says_what_its_endpoint_said(run: Run, world: World) -> None:
    world.task_role = None
    done = run("login", "api", outputs=world.with_task())
    assert done.exit_code == 1
    assert "Credentials not found" in done.stderr


@pytest.mark.parametrize("uri", ["http://example.com/v2/credentials", "http://169.254.169.254/"])
def test_credentials_are_not_taken_from_another_machine(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
    done = run("login", "api", outputs=world.with_task())
    assert done.exit_code == 1
    assert "Unsupported host" in done.stderr


def test_in_a_task_its_own_credentials_are_those_at_hand(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    own_session.cache_clear()
    done = run("verify", "api", "--json", outputs=world.with_task())
    assert done.exit_code == 0, done.output
