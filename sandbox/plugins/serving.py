"""Serves a plugin until the engine ends it."""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

_MESSAGE_LIMIT = 400 * 1024 * 1024  # the engine's own


def serve(servicer: Any) -> None:
    """Prints the port, and serves until the engine sends a signal."""
    asyncio.run(_serve(servicer))


async def _serve(servicer: Any) -> None:
    server = grpc.aio.server(
        # For methods that are not coroutines.
        migration_thread_pool=ThreadPoolExecutor(max_workers=32),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    ended = asyncio.Event()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # The engine interrupts its plugins when it is done (Ctrl-C does not reach them: they are in their own
    # process group), and waits seconds for each that ignores it.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    await server.stop(grace=None)
