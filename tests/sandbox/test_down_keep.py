"""`down --keep`: the stacks go, the processes stay, and what differs from before the first stack is told."""

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


def test_the_processes_stay_and_the_sandbox_is_proved_as_new(another_sandbox: Sandbox) -> None:
    try:
        assert another_sandbox.run("start").returncode == 0
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
    finally:
        another_sandbox.run("down", "--force")


def test_keep_and_force_contradict_each_other(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down", "--keep", "--force")
    assert answer.returncode == 1
    assert "give one of the two" in answer.stderr
