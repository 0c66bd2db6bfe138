"""`down` tells what differs from before the first stack; what else is wrong with a sandbox is told, too."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.sandbox.kit import Sandbox


def pids(sandbox: Sandbox) -> dict[str, int]:
    processes: dict[str, int] = json.loads(sandbox.run("status", "--json").stdout)["processes"]
    return processes


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Something else listens there, as soon as what was killed has left the port."""
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(200):
            with contextlib.suppress(OSError):
                stranger.bind(("127.0.0.1", port))
                break
            time.sleep(0.05)
        stranger.listen()
        yield


def a_security_group(sandbox: Sandbox) -> str:
    groups = sandbox.aws("ec2").describe_security_groups()["SecurityGroups"]
    return str(groups[0]["GroupId"])


@pytest.mark.timeout(600)
def test_a_sandbox_that_is_not_as_new_or_cannot_be_started_says_so_and_what_to_do(
    another_sandbox: Sandbox, subtests: pytest.Subtests
) -> None:
    """One sandbox, from its start to its end, because a start takes long."""
    sandbox = another_sandbox
    try:
        with subtests.test("a sandbox that no stack was in is as before"):
            sandbox.start()
            running = pids(sandbox)
            kept = sandbox.run("down", "--keep")
            assert kept.returncode == 0, kept.stderr
            assert "are as before the first stack" in kept.stdout

        for parts in (("emulator", "etcd"), ("vault", "kube-apiserver")):
            with subtests.test(
                "parts that died are started to be asked, though there is no stack", parts=parts
            ):
                for part in parts:
                    os.kill(pids(sandbox)[part], signal.SIGKILL)
                kept = sandbox.run("down", "--keep")
                assert kept.returncode == 0, kept.stderr
                assert "are as before the first stack" in kept.stdout

        with subtests.test("one that cannot be started is one message, with the way out"):
            os.kill(pids(sandbox)["vault"], signal.SIGKILL)
            with listening(json.loads((sandbox.home / "ports.json").read_text())["vault"]):
                answer = sandbox.run("down")
            assert answer.returncode == 1
            assert "which vault listens on, is in use" in answer.stderr
            assert (
                "no stack is left here, and what is in AWS, Kubernetes and Vault cannot be told"
                in answer.stderr
            )
            assert "python -m sandbox down --force" in answer.stderr
            assert "Traceback" not in answer.stdout + answer.stderr
            sandbox.start()
            running = pids(sandbox)

        with subtests.test("what no stack has made or deleted is told"):
            sandbox.aws("iam").create_user(UserName="forgotten")
            sandbox.aws("ec2").delete_security_group(GroupId=a_security_group(sandbox))
            spoiled = sandbox.run("down", "--keep")
            assert spoiled.returncode == 1
            assert "left behind: AWS 111111111111: IAM user forgotten" in spoiled.stderr
            assert "missing: AWS 111111111111: EC2 security group" in spoiled.stderr
            assert pids(sandbox) == running
            assert all(psutil.pid_exists(pid) for pid in running.values())

        with subtests.test("or they are stopped, and the data stays"):
            down = sandbox.run("down")
            assert down.returncode == 1
            assert "AWS 111111111111: IAM user forgotten" in down.stderr
            assert sandbox.still_running() == []

        with subtests.test("a port in use is named and nothing stays behind"):
            port = json.loads((sandbox.home / "ports.json").read_text())["vault"]
            with listening(port):
                answer = sandbox.run("up")
            assert answer.returncode == 1
            assert f"port {port}, which vault listens on, is in use" in answer.stderr
            assert "Traceback" not in answer.stdout + answer.stderr
            assert sandbox.still_running() == []

        with subtests.test("a damaged sandbox says how to start afresh, and can be"):
            (sandbox.home / "vault" / "init.json").write_text("{")
            answer = sandbox.run("start")
            assert answer.returncode == 1
            assert "init.json is damaged" in answer.stderr
            assert "python -m sandbox down --force" in answer.stderr
            assert "Traceback" not in answer.stderr
            assert sandbox.run("down", "--force").returncode == 0
            assert sandbox.still_running() == []
            assert {path.name for path in sandbox.home.iterdir()} == {".sandbox", "lock", "logs"}
    finally:
        sandbox.run("down", "--force")


def test_keep_and_force_contradict_each_other(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down", "--keep", "--force")
    assert answer.returncode == 1
    assert "use one of them" in answer.stderr


def test_down_without_a_sandbox_says_so(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down")
    assert answer.returncode == 0
    assert "Nothing to take down" in answer.stdout
