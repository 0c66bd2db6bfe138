"""How runs end: with their parent, their terminal or a signal; and what works for them ends with them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import lock, pulumi_cli
from sandbox.home import Home, SandboxError
from sandbox.processes import Processes, Service

ROOT = Path(__file__).parents[2]

ENGINE = """\
import pathlib, signal, sys, time
said = pathlib.Path(sys.argv[1])
def interrupted(*_):
    time.sleep(0.5)  # a step
    said.write_text(said.read_text() + "finished its step\\n")
    sys.exit(1)
signal.signal(signal.SIGINT, interrupted)
said.write_text("at work\\n")
time.sleep(60)
"""

COMMAND = """\
import sys
from pathlib import Path
from pipeline import ending
from sandbox import lock
from sandbox.home import Home
ending.interrupt_on_signals(lock.say_ending)
try:
    with lock.only_one_run(Home(Path(sys.argv[1]))):
        words = [sys.executable, sys.argv[2], sys.argv[3]]
        with ending.guarded(words, env={}, keep=lock.passed_on()) as process:
            process.wait()
except KeyboardInterrupt:
    sys.exit(130)
"""


class Run:
    """A command of a sandbox with an engine at work, started by a shell as `make` does."""

    def __init__(self, folder: Path, *, terminal: bool = False, prefix: str = "") -> None:
        self.home, self.said = Home(folder / "home"), folder / "said"
        for name, text in (("engine.py", ENGINE), ("command.py", COMMAND)):
            (folder / name).write_text(text)
        command = [sys.executable, *(str(folder / name) for name in ("command.py", "home", "engine.py"))]
        words = ["/bin/sh", "-c", f'{prefix} "$@"; exit $?', "sh", *command, str(self.said)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.terminal = -1
        if terminal:
            self.parent, self.terminal = pty.fork()
            if self.parent == 0:
                os.execve(words[0], words, env)  # noqa: S606 - it is a shell
        else:
            self.parent = subprocess.Popen(words, env=env, start_new_session=True).pid
        until(self.said.exists)
        (self.command,) = psutil.Process(self.parent).children()
        (self.engine,) = self.command.children()
        self.all = [self.command, self.engine, *self.engine.children()]

    def ended(self) -> bool:
        """Whether everything has ended, within a time that a step takes."""
        return not psutil.wait_procs(self.all, timeout=20)[1]


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def begin(**options: object) -> Run:
        made.append(Run(tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield begin
    for run in made:
        for process in run.all:
            if process.is_running():
                process.kill()


KILLS: dict[str, Callable[[Run], object]] = {
    "the parent": lambda run: os.kill(run.parent, signal.SIGKILL),
    "the command": lambda run: run.command.kill(),
    "the process group": lambda run: os.killpg(run.parent, signal.SIGKILL),
    "SIGTERM": lambda run: run.command.terminate(),
    "SIGHUP": lambda run: run.command.send_signal(signal.SIGHUP),
    "the terminal": lambda run: os.close(run.terminal),
    "Ctrl-C": lambda run: os.write(run.terminal, b"\x03"),
}


@pytest.mark.parametrize("kill", KILLS)
def test_an_engine_finishes_its_step_and_ends_whatever_ends_its_run(
    kill: str, begun: Callable[..., Run]
) -> None:
    run = begun(terminal=kill in ("the terminal", "Ctrl-C"))
    KILLS[kill](run)
    with lock.only_one_run(run.home):  # the next command waits for it
        assert run.said.read_text() == "at work\nfinished its step\n"
        assert not run.engine.is_running() or run.engine.status() == psutil.STATUS_ZOMBIE
    assert run.ended()


IMPORTS_LONG = """\
import os, pathlib, sys, time
from cli import interrupts
folder = pathlib.Path(sys.argv[1])
(folder / "begun").touch()
while os.getppid() == interrupts.PARENT:
    time.sleep(0.05)
from pipeline import ending
try:
    ending.interrupt_on_signals()
    time.sleep(60)
except KeyboardInterrupt:
    (folder / "interrupted").touch()
"""


def test_a_parent_that_ends_while_its_command_imports_is_noticed(tmp_path: Path) -> None:
    parent = '"$1" -c "$2" "$3" & while [ ! -e "$3/begun" ]; do sleep 0.1; done'
    words = ["/bin/sh", "-c", parent, "sh", sys.executable, IMPORTS_LONG, str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True)
    until((tmp_path / "interrupted").exists)


PIPELINE = """\
import os, sys
from pathlib import Path
from pipeline import ending, engine
from pipeline.environment import Environment
ending.interrupt_on_signals()
folder = Path(sys.argv[1])
try:
    engine.preview(Environment("dev", folder, folder / "Pulumi.dev.yaml", None), log=1)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_pipelines_engine_finishes_its_step_and_ends_with_it(number: int, tmp_path: Path) -> None:
    said = tmp_path / "said"
    (tmp_path / "pulumi").write_text(f"#!{sys.executable}\n{ENGINE.replace('sys.argv[1]', repr(str(said)))}")
    (tmp_path / "pulumi").chmod(0o700)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", PIPELINE, str(tmp_path)], env=env) as process:
        until(said.exists)
        (working,) = psutil.Process(process.pid).children()
        process.send_signal(number)
        assert not psutil.wait_procs([working], timeout=20)[1]
    assert said.read_text() == "at work\nfinished its step\n"


def test_what_cleans_up_after_itself_is_interrupted_and_waited_for(tmp_path: Path) -> None:
    """`verify` deletes its temporary service accounts in the end."""
    said = tmp_path / "said"
    (tmp_path / "verify.py").write_text(ENGINE.replace("0.5", "1.5"))
    command = "import sys\nfrom pipeline import ending\nending.interrupt_on_signals()\n"
    command += "ending.run_to_its_end([sys.executable, *sys.argv[1:]], env={})"
    words = [sys.executable, "-c", command, str(tmp_path / "verify.py"), str(said)]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        until(said.exists)
        process.terminate()
    assert said.read_text() == "at work\nfinished its step\n"


def test_a_command_at_work_is_not_waited_for(begun: Callable[..., Run]) -> None:
    run = begun()
    expected = rf"another sandbox command is running .*\(process {run.command.pid}\)"
    with pytest.raises(SandboxError, match=expected), lock.only_one_run(run.home):
        pass
    assert run.said.read_text() == "at work\n"


def test_nohup_lets_a_run_go_on_without_its_parent(begun: Callable[..., Run]) -> None:
    run = begun(prefix="nohup")
    os.kill(run.parent, signal.SIGKILL)
    with pytest.raises(SandboxError, match="another sandbox command"), lock.only_one_run(run.home):
        pass
    assert run.command.is_running()


def test_an_engine_that_does_not_end_is_killed(tmp_path: Path) -> None:
    command = f"""
import sys
sys.path.insert(0, {str(ROOT / "pipeline")!r})
import guard
guard.PATIENCE = ((guard.signal.SIGINT, 0.5), (guard.signal.SIGKILL, 5))
guard.main()
"""
    stubborn = (
        "import signal, time; signal.signal(2, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    read, held = os.pipe()
    words = [sys.executable, "-c", command, str(read), sys.executable, "-c", stubborn]
    with subprocess.Popen(words, pass_fds=[read], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        os.close(read)
        os.close(held)
        assert process.wait(30) == -signal.SIGKILL


def test_an_engine_by_hand_and_a_sandbox_command_exclude_each_other_and_two_by_hand_do_not(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    by_hand = (
        "import sys; from pathlib import Path; from sandbox import lock; from sandbox.home import Home\n"
    )
    by_hand += "lock.share(Home(Path(sys.argv[1]))); print('shared', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", by_hand, str(home.root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe) as one:
        assert one.stdout
        assert one.stdout.readline() == b"shared\n"
        with subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe) as two:
            assert two.stdout
            assert two.stdout.readline() == b"shared\n"
            with pytest.raises(SandboxError, match="another sandbox command"), lock.only_one_run(home):
                pass
            two.kill()
        one.kill()
    assert {"up", "destroy", "refresh", "import"} <= {*pulumi_cli.READS_CONFIGURATION}
    assert {"preview", "pre"} == {*pulumi_cli.READS_ONLY}


def test_a_service_that_was_not_recorded_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    home.create()
    here = home.root / "ran"
    processes = Processes(home)
    made: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def started(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        made.append(popen(*words, **options))
        return made[-1]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Processes, "_write", killed)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(KeyboardInterrupt):
        processes.start(Service("one", ["/bin/sh", "-c", f"touch {here}; sleep 60"], [], lambda: True))
    (new,) = made
    assert new.wait(timeout=20) != 0
    assert not here.exists()
    monkeypatch.undo()
    processes.start(Service("one", ["/bin/sh", "-c", f"touch {here}; sleep 60"], [], lambda: True))
    try:
        until(here.exists)
        assert list(processes.running()) == ["one"]
    finally:
        processes.stop(at_once=True)


def test_a_removal_that_was_killed_is_completed_by_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    _ = home.ports
    (home.root / "pulumi" / "state").mkdir()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.home.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        home.remove()
    monkeypatch.undo()
    assert home.has_data
    with lock.only_one_run(home):
        assert not home.has_data
        assert not (home.root / "pulumi" / "state").exists()


def test_a_service_that_hangs_is_named_with_what_it_did_and_the_way_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    processes = Processes(home)

    def healthy() -> bool:
        raise TimeoutError("Read timed out")

    service = Service("one", ["/bin/sh", "-c", "echo starting; sleep 60"], [], healthy, seconds=0.5)
    processes.start(service)
    try:
        with pytest.raises(SandboxError) as refused:
            processes.wait(service)
        for words in ("one was not ready", "Read timed out", "python -m sandbox stop", "starting"):
            assert words in str(refused.value)
    finally:
        processes.stop(at_once=True)
