"""`pulumi-language-python` for machines whose Pulumi came without one: runs the stack's program.

The vendor's CLI ships this host; the Go module that builds the CLI does not. It is small because the
Python SDK already has the greater part, in the server that the Automation API uses for inline programs:
what is added here is to run the program of the project's folder instead of a function.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.lifetime import end_with_engine


class LanguageHost(LanguageServer):
    """Runs `python <program folder>` inside the engine's deployment, as the vendor's host does."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self.engine_address = engine_address

    def Run(self, request: Any, context: Any) -> Any:
        if request.pwd:
            os.chdir(request.pwd)
        program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        self.program = lambda: _run_program(program)
        # The inline server expects the engine's address where an inline run carries it.
        del request.args[:]
        request.args.append(self.engine_address)
        result = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's is not typed
        # What went wrong has been reported already; the engine need only stop.
        return language_pb2.RunResponse(bail=True) if result.error else result

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Any:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"the sandbox's virtual environment is already complete\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.1.0")

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def _run_program(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def main() -> None:
    """Serves on a free loopback port, printed as the engine expects; ends with the engine."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(sys.argv[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    end_with_engine()
    # The engine ends its plugins with an interrupt once it is done with them.
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop(grace=None)
    # A program in the middle of its run would wait for the engine's answers for ever.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
