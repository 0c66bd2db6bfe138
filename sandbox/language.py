"""`pulumi-language-python` for a Pulumi without one: runs the stack's program.

The vendor's CLI ships this host; the Go module of the CLI does not contain it. It is small, because most of
it is in the Python SDK: the Automation API's server for inline programs. This runs the program in the
project's folder instead of a function.
"""

from __future__ import annotations

import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

REPOSITORY = Path(__file__).resolve().parents[1]
"""This project, whose plugin and program run in this environment."""


class LanguageHost(LanguageServer):
    """Runs `python <program folder>` in the engine's deployment, as the vendor's host does.

    `python` runs modules of this environment, as `python -m` does, for the guardrails.
    """

    def __init__(self, engine_address: str, python: Sequence[str] = (sys.executable, "-u", "-m")) -> None:
        super().__init__(lambda: None)
        self.engine_address = engine_address
        self.python = python
        self.plugins: list[subprocess.Popen[bytes]] = []

    def Run(self, request: Any, context: Any) -> Any:
        if request.pwd:
            os.chdir(request.pwd)
        program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        self.program = lambda: _run_program(program)
        # The inline server expects the engine's address in this place.
        del request.args[:]
        request.args.append(self.engine_address)
        result = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's is not typed
        # The error has been reported already; the engine only has to stop.
        return language_pb2.RunResponse(bail=True) if result.error else result

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs a policy pack, or a plugin in a folder, and forwards its output to the engine."""
        from pipeline import ending  # not there where only this file is copied, to run programs

        folder = request.info.program_directory
        if request.kind == "analyzer":
            words = [*self.python, "pulumi.policy", *request.args[:1], folder, *request.args[1:]]
        else:
            words = [_environment_python(request), "-u", folder, *request.args]
        # Ends with this process, even if the engine and this are killed.
        lifeline, _ = os.pipe()
        plugin = subprocess.Popen(
            ending.under_guard(lifeline, words),
            pass_fds=(lifeline,),
            cwd=request.pwd,
            env=dict(variable.split("=", 1) for variable in request.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(lifeline)
        self.plugins.append(plugin)
        context.add_callback(plugin.terminate)  # the engine is done with it
        printed: queue.Queue[Any] = queue.Queue()
        for stream, answer in (
            (plugin.stdout, lambda line: language_pb2.RunPluginResponse(stdout=line)),
            (plugin.stderr, lambda line: language_pb2.RunPluginResponse(stderr=line)),
        ):
            threading.Thread(target=_copy, args=(stream, answer, printed), daemon=True).start()
        for _ in range(2):
            yield from iter(printed.get, None)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Makes the virtual environment of a plugin elsewhere; for this project's there is one."""
        folder, named = Path(request.info.root_directory), _virtual_environment(request)
        if not named or folder.is_relative_to(REPOSITORY):
            text = b"the sandbox's virtual environment is already complete\n"
            yield language_pb2.InstallDependenciesResponse(stdout=text)
            return
        made, requirements = folder / named, folder / "requirements.txt"
        for words in (
            ["venv", "--without-pip", str(made)],
            ["pip", "--python", str(made / "bin" / "python"), "install", "--quiet", "-r", str(requirements)],
        ):
            done = subprocess.run([sys.executable, "-m", *words], capture_output=True, check=False)
            yield language_pb2.InstallDependenciesResponse(stdout=done.stdout, stderr=done.stderr)
            if done.returncode:
                raise ChildProcessError(f"python -m {words[0]} for {made} failed ({done.returncode})")

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.1.0")

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def _run_program(program: Path) -> None:
    sys.path.insert(0, str(program if program.is_dir() else program.parent))
    runpy.run_path(str(program), run_name="__main__")


def _virtual_environment(request: Any) -> str | None:
    """The virtual environment in `PulumiPlugin.yaml`, if it names one."""
    options = json_format.MessageToDict(request.info.options)
    if options.get("toolchain", "pip") != "pip":
        raise ValueError(f"toolchain {options['toolchain']}: the sandbox's language host supports pip only")
    named: str | None = options.get("virtualenv")
    return named


def _environment_python(request: Any) -> str:
    """The Python of that virtual environment; by default, and for this project's plugin, this one."""
    folder, named = Path(request.info.root_directory), _virtual_environment(request)
    if not named:
        return sys.executable
    python = folder / named / "bin" / "python"
    if python.exists():
        return str(python)
    if folder.is_relative_to(REPOSITORY):
        return sys.executable
    raise FileNotFoundError(f"there is no {python}: create the plugin's environment with `pulumi install`")


def _copy(stream: IO[bytes], answer: Callable[[bytes], Any], into: queue.Queue[Any]) -> None:
    for line in stream:
        into.put(answer(line))
    into.put(None)


def main() -> None:
    """Serves on a free loopback port, printed for the engine, until the engine interrupts it.

    `python -m sandbox.language [--python LAUNCHER] [OPTION ...] ENGINE ADDRESS`
    """
    words = sys.argv[1:]
    python = {"python": (words[1],)} if words[0] == "--python" else {}
    host = LanguageHost(words[-1], **python)
    # Several calls may wait for plugins to end.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine interrupts its plugins when it is done with them.
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(port, flush=True)
    ended.wait()
    for plugin in host.plugins:
        plugin.terminate()
    server.stop(grace=None)
    # A running program would wait for the engine's answers forever.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
