# mypy: disable-error-code="no-untyped-call,misc"
"""A program, run against an engine that makes nothing: a monitor of the SDK's mocks, which hears it."""

import asyncio
import contextvars
from collections.abc import Callable

import grpc
from pulumi.runtime import mocks
from pulumi.runtime.settings import SETTINGS, configure
from pulumi.runtime.stack import run_in_stack


class Refusal(grpc.RpcError):
    """A provider's refusal, as it arrives from the engine."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


def run(
    program: Callable[[], None],
    monitor: mocks.MockMonitor,
    *,
    project: str,
    stack: str,
    preview: bool = False,
) -> None:
    """Run a program to its end, as this stack of a project. Nothing of it is left, even if it fails."""

    def listen() -> None:
        # What `set_mocks` does, but for the stack: here the program runs inside it, as for the engine.
        configure(
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
                engine=mocks.MockEngine(None),
                project=project,
                stack=stack,
                dry_run=preview,
                organization="organization",
                callbacks=None,
            )
        )
        # An earlier program that failed may have left some behind.
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(run_in_stack(program))
        finally:
            # A program that failed leaves outputs that nobody will resolve.
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            loop.close()
            asyncio.set_event_loop(None)

    contextvars.copy_context().run(listen)
