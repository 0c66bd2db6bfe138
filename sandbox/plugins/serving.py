"""The process of a plugin, as the engine finds and ends it."""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2_grpc

_MESSAGE_LIMIT = 400 * 1024 * 1024  # the engine's own


def serve(servicer: Any) -> None:
    """Serves until the engine asks for the end."""
    asyncio.run(_serve(servicer))


async def _serve(servicer: Any) -> None:
    server = grpc.aio.server(
        # Methods that are not coroutines are called in these, each in one.
        migration_thread_pool=ThreadPoolExecutor(max_workers=32),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    ended = asyncio.Event()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # The engine interrupts its plugins when it is done with them (Ctrl-C does not reach them: they are a
    # process group of their own), and waits seconds for each that takes no notice.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    await server.stop(grace=None)
