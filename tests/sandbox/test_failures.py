"""What happens when something goes wrong: one clear message, nothing lost, and the next run goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.sandbox.kit import REPOSITORY, Sandbox


def processes_of(sandbox: Sandbox) -> list[psutil.Process]:
    """Everything alive that was started for this sandbox: its command line or environment says so."""
    mark = str(sandbox.home)
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if any(mark in word for word in words) or process.environ().get("SANDBOX_HOME") == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until_gone(sandbox: Sandbox) -> list[psutil.Process]:
    deadline = time.monotonic() + 30
    while (alive := processes_of(sandbox)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return alive


def pid(sandbox: Sandbox, name: str) -> int:
    return int(json.loads((sandbox.home / "processes.json").read_text())[name]["pid"])


def begin_up(sandbox: Sandbox) -> subprocess.Popen[str]:
    """Starts `up` and returns in the middle of the engine's work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "up"],
        cwd=REPOSITORY,
        env={**os.environ, "SANDBOX_HOME": str(sandbox.home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(r"aws:eks:Cluster .*creating", line):
            return process
    raise AssertionError("`up` ended before the engine was at work")


def test_a_part_that_died_is_started_again_and_nothing_is_lost(sandbox: Sandbox) -> None:
    for name in ("vault", "emulator", "kube-apiserver", "etcd"):
        os.kill(pid(sandbox, name), signal.SIGKILL)
    printed = sandbox.up()
    assert re.search(r"\d+ unchanged", printed)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)


def test_stop_then_up_goes_on_from_there(sandbox: Sandbox) -> None:
    assert sandbox.run("stop").returncode == 0
    assert sandbox.run("status").returncode == 1
    printed = sandbox.up()
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed)
    assert sandbox.run("status").returncode == 0


def test_a_port_in_use_is_named_and_nothing_stays_behind(another_sandbox: Sandbox) -> None:
    assert another_sandbox.run("start").returncode == 0
    assert another_sandbox.run("stop").returncode == 0
    port = json.loads((another_sandbox.home / "ports.json").read_text())["vault"]
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        answer = another_sandbox.run("up")
    assert answer.returncode == 1
    assert f"port {port}, which vault listens on, is in use" in answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    assert wait_until_gone(another_sandbox) == []


def test_two_commands_at_once_do_not_mix(another_sandbox: Sandbox) -> None:
    first = begin_up(another_sandbox)
    try:
        answer = another_sandbox.run("down")
        assert answer.returncode == 1
        assert "another sandbox command is at work" in answer.stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=120)


def test_ctrl_c_leaves_nothing_running_and_the_next_run_converges(another_sandbox: Sandbox) -> None:
    process = begin_up(another_sandbox)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    assert "Interrupted" in printed
    assert "Traceback" not in printed
    assert wait_until_gone(another_sandbox) == []
    another_sandbox.up()
    assert another_sandbox.run("down").returncode == 0


def test_a_kill_in_the_middle_converges_on_the_next_run(another_sandbox: Sandbox) -> None:
    process = begin_up(another_sandbox)
    for victim in [*processes_of(another_sandbox), psutil.Process(process.pid)]:
        victim.kill()
    process.communicate(timeout=60)
    another_sandbox.up()
    assert another_sandbox.run("down").returncode == 0
    assert wait_until_gone(another_sandbox) == []


def test_what_the_engine_has_started_ends_with_it(another_sandbox: Sandbox) -> None:
    process = begin_up(another_sandbox)
    (engine,) = (each for each in psutil.Process(process.pid).children(recursive=True) if runs_stack(each))
    launchers = engine.children(recursive=True)
    for module in ("sandbox.language", "sandbox.plugins"):
        assert any(module in each.cmdline() for each in launchers)
    forks = psutil.Process(pid(another_sandbox, "fork-server")).children()
    assert len(forks) > len(launchers)  # the guardrails' launcher is started by a fork
    started = [*launchers, *forks]
    engine.kill()
    _, left = psutil.wait_procs(started, timeout=60)
    assert left == []
    process.communicate(timeout=60)
    assert process.returncode == 1


def runs_stack(process: psutil.Process) -> bool:
    words = process.cmdline()
    return len(words) > 1 and Path(words[0]).name == "pulumi" and "up" in words


def test_what_a_stack_did_not_make_is_found_by_down(another_sandbox: Sandbox) -> None:
    assert another_sandbox.run("start").returncode == 0
    another_sandbox.aws("iam").create_user(UserName="forgotten")
    answer = another_sandbox.run("down")
    assert answer.returncode == 1
    assert "AWS 111111111111: IAM user forgotten" in answer.stderr
    assert wait_until_gone(another_sandbox) == []


def test_a_damaged_sandbox_says_how_to_start_afresh(another_sandbox: Sandbox) -> None:
    assert another_sandbox.run("start").returncode == 0
    (another_sandbox.home / "vault" / "init.json").write_text("{")
    answer = another_sandbox.run("start")
    assert answer.returncode == 1
    assert "init.json is damaged" in answer.stderr
    assert "python -m sandbox down --force" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert another_sandbox.run("down", "--force").returncode == 0
    assert wait_until_gone(another_sandbox) == []
    assert another_sandbox.run("start").returncode == 0


def test_a_folder_that_is_no_sandbox_is_left_alone(another_sandbox: Sandbox) -> None:
    another_sandbox.home.mkdir()
    (another_sandbox.home / "thesis").write_text("years of work")
    for words in (["up"], ["down"], ["down", "--force"]):
        another_sandbox.run(*words)
        assert [path.name for path in another_sandbox.home.iterdir()] == ["thesis"]
    assert "is not a sandbox" in another_sandbox.run("up").stderr


def test_settings_of_another_aws_and_a_proxy_do_not_matter(sandbox: Sandbox) -> None:
    foreign = {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "VAULT_NAMESPACE": "elsewhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    assert "unchanged" in sandbox.up(env=foreign)


def test_another_region_asks_for_another_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    stack_file = tmp_path / "Pulumi.other.yaml"
    stack_file.write_text("config: {aws:region: eu-west-1}")
    answer = sandbox.run("up", "--stack", "other", "--config", str(stack_file))
    assert answer.returncode == 1
    assert "eu-west-1, and this sandbox plays us-east-1" in answer.stderr


def test_a_missing_stack_file_is_one_message(sandbox: Sandbox) -> None:
    answer = sandbox.run("up", "--stack", "other", "--config", "nowhere.yaml")
    assert answer.returncode == 1
    assert "there is no stack file nowhere.yaml" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_down_without_a_sandbox_says_so(another_sandbox: Sandbox) -> None:
    answer = another_sandbox.run("down")
    assert answer.returncode == 0
    assert "Nothing to take down" in answer.stdout
