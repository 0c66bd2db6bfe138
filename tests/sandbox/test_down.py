"""`down`: what differs from before the first stack is told; with `--keep` the processes stay."""

from __future__ import annotations

import json

import psutil

from tests.sandbox.kit import Sandbox


def pids(sandbox: Sandbox) -> dict[str, int]:
    processes: dict[str, int] = json.loads(sandbox.run("status", "--json").stdout)["processes"]
    return processes


def a_security_group(sandbox: Sandbox) -> str:
    groups = sandbox.aws("ec2").describe_security_groups()["SecurityGroups"]
    return str(groups[0]["GroupId"])


def test_what_no_stack_has_made_or_deleted_is_told_with_the_processes_kept_or_stopped(
    another_sandbox: Sandbox,
) -> None:
    try:
        another_sandbox.start()
        running = pids(another_sandbox)
        kept = another_sandbox.run("down", "--keep")
        assert kept.returncode == 0, kept.stderr
        assert "the sandbox is as new" in kept.stdout

        another_sandbox.aws("iam").create_user(UserName="forgotten")
        another_sandbox.aws("ec2").delete_security_group(GroupId=a_security_group(another_sandbox))
        spoiled = another_sandbox.run("down", "--keep")
        assert spoiled.returncode == 1
        assert "left behind: AWS 111111111111: IAM user forgotten" in spoiled.stderr
        assert "missing: AWS 111111111111: EC2 security group" in spoiled.stderr
        assert pids(another_sandbox) == running
        assert all(psutil.pid_exists(pid) for pid in running.values())

        down = another_sandbox.run("down")
        assert down.returncode == 1
        assert "AWS 111111111111: IAM user forgotten" in down.stderr
        assert another_sandbox.still_running() == []
    finally:
        another_sandbox.run("down", "--force")


def test_keep_and_force_contradict_each_other(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down", "--keep", "--force")
    assert answer.returncode == 1
    assert "give one of the two" in answer.stderr


def test_down_without_a_sandbox_says_so(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down")
    assert answer.returncode == 0
    assert "Nothing to take down" in answer.stdout
