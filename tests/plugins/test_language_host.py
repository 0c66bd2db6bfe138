"""The language host's RunPlugin: how the engine starts policy packs, and plugins that are folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc

REPOSITORY = Path(__file__).parents[2]

PLUGIN = """\
import os, sys
print("arguments", *sys.argv[1:])
print("in", os.getcwd(), "with", os.environ["GIVEN"], file=sys.stderr)
print("python", sys.executable)
sys.exit(3)
"""


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], Any]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.language", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout
    with process.stdout, grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
        yield process, language_pb2_grpc.LanguageRuntimeStub(channel)


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    with serving() as (process, stub):
        yield stub
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def request(folder: Path, code: str, kind: str = "resource", **options: str) -> Any:
    """A plugin of a folder, as the engine asks for it."""
    (folder / "__main__.py").write_text(code)
    settings = Struct()
    settings.update(options)
    return pb.RunPluginRequest(
        pwd=str(folder),
        args=["127.0.0.1:1", "-v=3"],
        env=[f"PATH={os.environ['PATH']}", "GIVEN=a=b"],
        info=pb.ProgramInfo(root_directory=str(folder), program_directory=str(folder), options=settings),
        kind=kind,
    )


def answered(answers: Any) -> tuple[str, str, list[int]]:
    """Standard output, standard error, exit codes."""
    found = [*answers]
    out, err = (b"".join(getattr(each, name) for each in found).decode() for name in ("stdout", "stderr"))
    return out, err, [each.exitcode for each in found if each.WhichOneof("output") == "exitcode"]


def test_a_folder_is_run_and_the_engine_sees_what_it_prints(host: Any, tmp_path: Path) -> None:
    out, err, codes = answered(host.RunPlugin(request(tmp_path, PLUGIN)))
    assert out == f"arguments 127.0.0.1:1 -v=3\npython {sys.executable}\n"
    assert err == f"in {tmp_path} with a=b\n"
    assert codes == [3]


def test_it_is_run_with_the_environment_that_it_names(host: Any, tmp_path: Path) -> None:
    (tmp_path / "venv").symlink_to(sys.prefix)
    out, _, _ = answered(host.RunPlugin(request(tmp_path, PLUGIN, toolchain="pip", virtualenv="venv")))
    assert f"python {tmp_path}/venv/bin/python\n" in out


def test_it_makes_the_environment_that_a_plugin_names(host: Any, tmp_path: Path) -> None:
    asked = request(tmp_path, PLUGIN, toolchain="pip", virtualenv="venv")
    (tmp_path / "requirements.txt").write_text("no-such-package @ file:///nowhere\n")
    with pytest.raises(grpc.RpcError) as refused:
        [*host.InstallDependencies(pb.InstallDependenciesRequest(info=asked.info))]
    assert f"python -m pip for {tmp_path}/venv failed (1)" in refused.value.details()
    (tmp_path / "requirements.txt").write_text("")
    [*host.InstallDependencies(pb.InstallDependenciesRequest(info=asked.info))]
    out, _, _ = answered(host.RunPlugin(asked))
    assert f"python {tmp_path}/venv/bin/python\n" in out


def test_what_it_cannot_run_it_says(host: Any, tmp_path: Path) -> None:
    for options, reason in (
        ({"virtualenv": "venv"}, "create the plugin's environment with `pulumi install`"),
        ({"toolchain": "poetry"}, "toolchain poetry: the sandbox's language host supports pip only"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            answered(host.RunPlugin(request(tmp_path, PLUGIN, **options)))
        assert reason in refused.value.details()


def test_a_policy_pack_is_run_by_the_sdk(host: Any, tmp_path: Path) -> None:
    code = "import sys; print(*sys.argv, 'pulumi.policy' in sys.modules)"
    out, err, codes = answered(host.RunPlugin(request(tmp_path, code, kind="analyzer")))
    assert err == ""
    assert out == f"{tmp_path} 127.0.0.1:1 {tmp_path} -v=3 True\n"
    assert codes == [0]


def test_it_ends_when_the_engine_is_done_with_it(host: Any, tmp_path: Path) -> None:
    call = host.RunPlugin(request(tmp_path, "import os, time; print(os.getpid()); time.sleep(300)"))
    pid = int(next(call).stdout)
    assert psutil.pid_exists(pid)
    call.cancel()
    assert ends(pid)


def test_it_ends_with_its_host_if_that_is_killed(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid()); time.sleep(300)"
    with serving() as (process, stub):
        pid = int(next(stub.RunPlugin(request(tmp_path, code))).stdout)
        process.kill()
        process.wait()
        assert ends(pid)


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 30
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the plugin outlives its engine"
            time.sleep(0.05)
    return True
