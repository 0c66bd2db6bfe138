"""The fork server: what is started with it is as if it had been started without, only sooner."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.forked import FIXED
from sandbox.forkserver import answers

REPOSITORY = Path(__file__).parents[2]

PROBE = """\
import json, os, signal, sys, time
mask = os.umask(0)
if "wait" in sys.argv:
    signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
print(json.dumps({
    "argv": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "umask": mask,
    "pid": os.getpid(), "forked": "pulumi_aws" in sys.modules, "marked": getattr(sys, "marked", None),
    "name": __name__, "program": __file__,
}), flush=True)
sys.marked = os.environ["MARKED"] = "by an earlier launch"
if "fail" in sys.argv:
    sys.exit("it failed")
if "wait" in sys.argv:
    print(sys.stdin.readline(), end="", flush=True)
    time.sleep(60)
"""


@dataclass
class Server:
    """A fork server, of a checkout; its launchers find the module `probe`."""

    folder: Path
    modules: Path
    process: subprocess.Popen[bytes]
    checkout: Path = REPOSITORY

    def launch(
        self, module: str, *arguments: str, environment: Mapping[str, str] = {}, folder: Path | None = None
    ) -> subprocess.Popen[str]:
        """Starts a module as the engine starts a plugin."""
        program = str(self.checkout / "sandbox" / "launch.py")
        return subprocess.Popen(
            [sys.executable, "-I", "-S", program, str(self.folder), module, *arguments],
            cwd=folder or self.modules,
            env={"PYTHONPATH": str(self.modules), "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def probe(self, *arguments: str, **how: Any) -> dict[str, Any]:
        """What a launched process sees."""
        with self.launch("probe", *arguments, **how) as launched:
            assert launched.stdout
            seen: dict[str, Any] = json.loads(launched.stdout.readline())
        return seen


@contextmanager
def serving(root: Path, checkout: Path = REPOSITORY, name: str = "run") -> Iterator[Server]:
    folder, modules = root / name, root / "modules"
    folder.mkdir(parents=True)
    modules.mkdir(exist_ok=True)
    (modules / "probe.py").write_text(PROBE)
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.forkserver", str(folder)],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout), "PATH": os.defpath, "AWS_CONFIG_FILE": os.devnull},
    )
    try:
        wait_until(lambda: answers(folder))
        yield Server(folder, modules, process, checkout)
    finally:
        process.kill()
        process.wait()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as made:
        yield made


@contextmanager
def waiting(server: Server) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A launched process that goes on, and what it has seen."""
    launched = server.launch("probe", "wait")
    try:
        assert launched.stdout
        yield launched, json.loads(launched.stdout.readline())
    finally:
        launched.kill()
        launched.communicate()


def test_a_fork_is_as_the_launcher_was_started(server: Server, tmp_path: Path) -> None:
    environment = {"VAULT_ADDR": "https://one", "ODD": "a=b\nc", "EMPTY": ""}
    seen = server.probe("NAME", "--flag", "", environment=environment, folder=tmp_path)
    assert seen["forked"]
    assert seen["argv"] == ["NAME", "--flag", ""]
    assert seen["folder"] == str(tmp_path)
    assert {name: seen["environment"].get(name) for name in environment} == environment
    assert seen["umask"] == umask()
    assert seen["name"] == "__main__"
    assert seen["program"] == str(server.modules / "probe.py")


def test_nothing_of_the_server_or_of_an_earlier_launch_is_seen(server: Server) -> None:
    first = server.probe(environment={"AWS_ACCESS_KEY_ID": "AKIAONE", "KUBECONFIG": "/one"})
    second = server.probe(environment={"AWS_REGION": "eu-west-1"})
    assert first["marked"] is None
    assert second["marked"] is None
    own = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
    assert set(first["environment"]) - own == {"AWS_ACCESS_KEY_ID", "KUBECONFIG"}
    assert set(second["environment"]) - own == {"AWS_REGION"}
    assert first["pid"] != second["pid"]


def test_two_at_once_have_their_own_streams(server: Server) -> None:
    with waiting(server) as (first, one), waiting(server) as (second, other):
        assert one["pid"] != other["pid"]
        for launched, line in ((second, "for the second\n"), (first, "for the first\n")):
            assert launched.stdin
            assert launched.stdout
            launched.stdin.write(line)
            launched.stdin.flush()
            assert launched.stdout.readline() == line


def test_signals_and_exit_codes_pass_through(server: Server) -> None:
    failed = server.launch("probe", "fail")
    assert failed.communicate()[1].splitlines()[-1] == "it failed"
    assert failed.returncode == 1
    with waiting(server) as (launched, _):
        launched.send_signal(signal.SIGINT)
        assert launched.wait(timeout=30) == 7


def test_a_program_that_raises_says_where(server: Server, tmp_path: Path) -> None:
    (server.modules / "raises.py").write_text("raise ValueError('of mine')")
    launched = server.launch("raises")
    told = launched.communicate()[1]
    assert launched.returncode == 1
    assert "raises.py" in told
    assert told.endswith("ValueError: of mine\n")


def test_a_fork_ends_with_its_launcher(server: Server) -> None:
    with waiting(server) as (launched, seen):
        assert not is_gone(seen["pid"])
        launched.kill()
        wait_until(lambda: is_gone(seen["pid"]))


@pytest.mark.parametrize("folder", ["run", "nobody listens here"])
def test_what_was_started_ends_with_an_engine_that_is_killed(server: Server, folder: str) -> None:
    # A stand-in for the engine: starts the probe, tells what that prints, and is killed.
    program = str(REPOSITORY / "sandbox" / "launch.py")
    command = [sys.executable, "-I", "-S", program, str(server.folder.parent / folder), "probe", "wait"]
    code = (
        "import subprocess, time\n"
        f"p = subprocess.Popen({command!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(p.stdout.readline().decode(), flush=True); time.sleep(60)\n"
    )
    engine = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(server.modules)},
    )
    assert engine.stdout
    with engine.stdout:
        seen = json.loads(engine.stdout.readline())
        assert seen["forked"] == (folder == "run")
        engine.kill()
        engine.wait()
        wait_until(lambda: is_gone(seen["pid"]))


def test_a_server_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server, waiting(server) as (launched, seen):
        assert seen["forked"]
        server.process.kill()
        server.process.wait()
        assert not answers(server.folder)
        assert not server.probe()["forked"]
        assert launched.stdin
        assert launched.stdout
        launched.stdin.write("still here\n")
        launched.stdin.flush()
        assert launched.stdout.readline() == "still here\n"
        launched.kill()
        wait_until(lambda: is_gone(seen["pid"]))
        with serving(tmp_path, name="again") as another:
            assert another.probe()["forked"]


def test_code_that_was_edited_is_not_served_as_it_was(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("sandbox", "tools"):
        shutil.copytree(REPOSITORY / name, checkout / name, ignore=ignored)
    edited = checkout / "sandbox" / "plugins" / "naming.py"
    with serving(tmp_path, checkout) as server:
        (server.modules / "reads.py").write_text(
            "import sys; forked = 'pulumi_aws' in sys.modules\n"
            "from sandbox.plugins import naming; print(forked, getattr(naming, 'EDITED', None))"
        )

        def served() -> str:
            return server.launch("reads").communicate()[0].strip()

        assert served() == "True None"
        edited.write_text(edited.read_text() + "\nEDITED = 1\n")
        assert served() == "False 1"
        wait_until(lambda: served() == "True 1")
        assert server.process.poll() is None  # the same process, anew


def test_the_folder_may_be_deep_and_have_spaces(tmp_path: Path) -> None:
    deep = tmp_path / "a b" / ("deep" * 20) / ("deeper" * 20)
    with serving(deep) as server:
        assert len(str(server.folder)) > 200
        assert server.probe()["forked"]


def test_what_only_a_new_python_can_have_it_gets(server: Server) -> None:
    seen = server.probe(environment={"PYTHONUTF8": "1"})
    assert not seen["forked"]
    assert seen["environment"]["PYTHONUTF8"] == "1"


def test_libraries_take_their_settings_from_the_launcher(server: Server) -> None:
    (server.modules / "libraries.py").write_text(
        "import hvac, kubernetes.config.kube_config as kubeconfig, tempfile\n"
        "print(hvac.v1.VAULT_CACERT, kubeconfig.KUBE_CONFIG_DEFAULT_LOCATION, tempfile.gettempdir())"
    )
    for place in ("/one", "/another"):
        settings = {"VAULT_CACERT": place, "KUBECONFIG": place, "TMPDIR": str(server.folder)}
        printed = server.launch("libraries", environment=settings).communicate()[0]
        assert printed.split() == [place, place, str(server.folder)]


READS = """\
import os, sys
kept = {name: getattr(os._Environ, name) for name in ("__getitem__", "__contains__")}
read = set()
for name, method in kept.items():
    def noting(self, key, method=method):
        read.add(key)
        return method(self, key)
    setattr(os._Environ, name, noting)
from sandbox import forkserver
forkserver.import_all()
print(*sorted(str(key) for key in read))
"""


def test_no_other_variable_is_read_before_a_launch() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", READS],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    fixed = tuple(name.decode() for name in FIXED)
    read_anew = ("VAULT_", "KUBECONFIG", "TMPDIR", "TEMP", "TMP")
    harmless = ("HOME", "_PYTHON", "LC_CTYPE", "PSUTIL_DEBUG", "PARVER_", "TEMPORARILY_DISABLE_PROTOBUF_")
    read = answer.stdout.split()
    assert "PYDANTIC_DISABLE_PLUGINS" in read
    assert [k for k in read if not k.startswith((*fixed, *read_anew, *harmless))] == []


def test_nobody_who_asks_for_nothing_stops_it(server: Server) -> None:
    for _ in range(3):
        assert answers(server.folder)
    assert server.probe()["forked"]


def test_all_that_a_run_imports_of_others_is_imported_before(server: Server) -> None:
    (server.modules / "imports.py").write_text(
        "import importlib, json, pkgutil, sys, types\n"
        f"sys.path[:0] = [{str(REPOSITORY)!r}, {str(REPOSITORY / 'policies' / 'guardrails')!r}]\n"
        "before = set(sys.modules)\n"
        "import components, rules, sandbox.language, sandbox.plugins\n"
        "import stack.compose, stack.edition, stack.file\n"
        "for package in (components, rules, sandbox.plugins):\n"
        "    for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        each.name.endswith('__main__') or importlib.import_module(each.name)\n"
        "added = [m for n, m in sys.modules.items() if n not in before and type(m) is types.ModuleType]\n"
        "others = [m for m in added if 'site-packages' in (m.__dict__.get('__file__') or '')]\n"
        "print(json.dumps([m.__name__ for m in others if '._' not in m.__name__]))"
    )
    launched = server.launch("imports")
    printed, told = launched.communicate()
    assert launched.returncode == 0, told
    assert json.loads(printed) == []
