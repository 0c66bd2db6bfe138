"""What happens when something goes wrong: one clear message, nothing lost, and the next run goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import tally
from tests.sandbox.kit import ADVISORY, REPOSITORY, SMALL_STACK, Sandbox


@pytest.fixture
def stack(tmp_path: Path) -> tuple[str, ...]:
    """The options of a small stack, for what it is all the same which stack it happens to."""
    path = tmp_path / "Pulumi.small.yaml"
    path.write_text(SMALL_STACK)
    return ("--stack", "small", "--config", str(path), *ADVISORY)


def pid(sandbox: Sandbox, name: str) -> int:
    return int(json.loads((sandbox.home / "processes.json").read_text())[name]["pid"])


AT_WORK = r"(aws|kubernetes|vault):\S+ .*creating"
"""What the engine prints when it makes something."""


def begin_up(
    sandbox: Sandbox, stack: tuple[str, ...], until: str = r"aws:eks:Cluster .*creating"
) -> subprocess.Popen[str]:
    """Starts `up` and returns in the middle of the engine's work."""
    tally.add("run")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "up", *stack],
        cwd=REPOSITORY,
        env={**os.environ, "SANDBOX_HOME": str(sandbox.home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if tally.STARTED.search(line):
            tally.add("sandbox")
        if re.search(until, line):
            return process
    raise AssertionError("`up` ended before the engine was at work")


def test_a_part_that_died_is_started_again_and_nothing_is_lost(sandbox: Sandbox) -> None:
    for name in ("vault", "emulator", "kube-apiserver", "etcd"):
        os.kill(pid(sandbox, name), signal.SIGKILL)
    printed = sandbox.up()
    assert re.search(r"\d+ unchanged", printed)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)


def test_stop_then_up_goes_on_from_there_whatever_aws_and_proxy_the_shell_is_set_to(sandbox: Sandbox) -> None:
    foreign = {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "VAULT_NAMESPACE": "elsewhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    assert sandbox.run("stop").returncode == 0
    status = sandbox.run("status")
    assert status.returncode == 0, "to be stopped is no error"
    assert "is stopped; stacks: local" in status.stdout
    printed = sandbox.up(env=foreign)
    assert "unchanged" in printed
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)
    assert sandbox.run("status").returncode == 0


@pytest.mark.timeout(900)  # the sandbox is started four times
def test_a_run_that_is_killed_or_interrupted_leaves_nothing_behind_and_the_next_one_goes_on(
    another_sandbox: Sandbox, stack: tuple[str, ...], subtests: pytest.Subtests
) -> None:
    with subtests.test("what a killed engine has started ends with it"):
        process = begin_up(another_sandbox, stack)
        (engine,) = (
            each for each in psutil.Process(process.pid).children(recursive=True) if runs_stack(each)
        )
        started = engine.children(recursive=True)
        launchers = [each for each in started if any("launch.py" in word for word in each.cmdline())]
        for module in ("sandbox.language", "sandbox.plugins"):
            assert any(module in each.cmdline() for each in launchers)
        forks = psutil.Process(pid(another_sandbox, "fork-server")).children()
        assert len(forks) > len(launchers)  # the guardrails' launcher is started by a fork
        started += forks
        engine.kill()
        _, left = psutil.wait_procs(started, timeout=60)
        assert left == []
        process.communicate(timeout=60)
        assert process.returncode == 1

    with subtests.test("everything is killed"):
        process = begin_up(another_sandbox, stack, until=AT_WORK)
        for victim in [*another_sandbox.processes(), psutil.Process(process.pid)]:
            victim.kill()
        process.communicate(timeout=60)

    with subtests.test("Ctrl-C leaves nothing running"):
        process = begin_up(another_sandbox, stack, until=AT_WORK)
        # Meanwhile no other command gets in its way.
        process.send_signal(signal.SIGSTOP)  # else it may have ended by itself when that stops waiting
        answer = another_sandbox.run("down")
        process.send_signal(signal.SIGCONT)
        assert answer.returncode == 1
        assert "another sandbox command is running" in answer.stderr
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 130, printed
        assert "Interrupted" in printed
        assert "Traceback" not in printed
        assert another_sandbox.still_running() == []

    another_sandbox.up(*stack)
    assert another_sandbox.run("down").returncode == 0
    assert another_sandbox.still_running() == []


def runs_stack(process: psutil.Process) -> bool:
    words = process.cmdline()
    return len(words) > 1 and Path(words[0]).name == "pulumi" and "up" in words


def test_a_folder_that_is_no_sandbox_is_left_alone(another_sandbox: Sandbox) -> None:
    another_sandbox.home.mkdir()
    (another_sandbox.home / "thesis").write_text("years of work")
    for words in (["up"], ["down"], ["down", "--force"]):
        another_sandbox.run(*words)
        assert [path.name for path in another_sandbox.home.iterdir()] == ["thesis"]
    assert "is not a sandbox" in another_sandbox.run("up").stderr


def test_another_region_asks_for_another_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    stack_file = tmp_path / "Pulumi.other.yaml"
    stack_file.write_text("config: {aws:region: eu-west-1}")
    answer = sandbox.run("up", "--stack", "other", "--config", str(stack_file))
    assert answer.returncode == 1
    assert "eu-west-1, but this sandbox is in us-east-1" in answer.stderr


def test_a_missing_stack_file_is_one_message(sandbox: Sandbox) -> None:
    answer = sandbox.run("up", "--stack", "other", "--config", "nowhere.yaml")
    assert answer.returncode == 1
    assert "there is no stack file nowhere.yaml" in answer.stderr
    assert "Traceback" not in answer.stderr
