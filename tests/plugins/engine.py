"""Drives a plugin over gRPC as Pulumi's engine does."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from sandbox.plugins import wire
from sandbox.plugins.resource import Plugin
from sandbox.plugins.server import Provider


class Refused(Exception):
    """The plugin failed a call, or a check."""

    def __init__(self, reason: str, kept: pb.ErrorResourceInitFailed | None = None) -> None:
        super().__init__(reason)
        self.kept = kept
        """What the engine keeps all the same, of an object that was made."""


@dataclass
class Deployed:
    """A resource as the engine's state has it; secrets and unknowns are still marked."""

    token: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    steps: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The outputs without marks."""
        return {key: wire.plain(value) for key, value in self.outputs.items()}


@dataclass
class Change:
    """What Diff answered."""

    kinds: dict[str, str]
    replaces: list[str]
    delete_first: bool


class Engine:
    """One configured provider."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self.stub = stub

    def call(self, method: str, request: Any) -> Any:
        """One call; a failure raises Refused with the plugin's message."""
        try:
            return getattr(self.stub, method)(request)
        except grpc.RpcError as error:
            raise Refused(error.details(), _kept(error)) from None

    def configure(self, config: dict[str, Any]) -> None:
        """Checks and configures the provider."""
        checked = self.call(
            "CheckConfig", pb.CheckRequest(urn=urn("pulumi:providers:x"), news=wire.encode(config))
        )
        _raise(checked.failures)
        self.call("Configure", pb.ConfigureRequest(args=checked.inputs, acceptSecrets=True))

    def check(
        self,
        token: str,
        inputs: dict[str, Any],
        name: str = "it",
        old: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """The checked inputs."""
        request = pb.CheckRequest(
            urn=urn(token, name),
            news=wire.encode(inputs),
            olds=wire.encode(old or {}),
            randomSeed=os.urandom(16),
            **more,
        )
        response = self.call("Check", request)
        _raise(response.failures)
        return wire.decode(response.inputs)

    def diff(self, was: Deployed, inputs: dict[str, Any], ignore: tuple[str, ...] = ()) -> Change:
        """How checked inputs differ from those of what is deployed."""
        response = self.call(
            "Diff",
            pb.DiffRequest(
                urn=urn(was.token, was.name),
                id=was.id,
                olds=wire.encode(was.outputs),
                old_inputs=wire.encode(was.inputs),
                news=wire.encode(inputs),
                ignoreChanges=ignore,
            ),
        )
        assert (response.changes == pb.DiffResponse.DIFF_SOME) == bool(response.diffs)
        kinds = {path: pb.PropertyDiff.Kind.Name(d.kind) for path, d in response.detailedDiff.items()}
        return Change(kinds, list(response.replaces), response.deleteBeforeReplace)

    def create(self, token: str, inputs: dict[str, Any], name: str = "it", preview: bool = False) -> Deployed:
        """Checks and creates."""
        checked = self.check(token, inputs, name)
        response = self.call(
            "Create", pb.CreateRequest(urn=urn(token, name), properties=wire.encode(checked), preview=preview)
        )
        return Deployed(token, name, response.id, checked, wire.decode(response.properties), ["create"])

    def update(self, was: Deployed, inputs: dict[str, Any], preview: bool = False) -> Deployed:
        """One update of a deployed resource to new inputs: nothing, in place, or a replacement."""
        checked = self.check(was.token, inputs, was.name, was.inputs)
        change = self.diff(was, checked)
        if change.replaces:
            if change.delete_first:
                self.delete(was)
                return Deployed(
                    **{**vars(self.create(was.token, inputs, was.name)), "steps": ["delete", "create"]}
                )
            new = self.create(was.token, inputs, was.name)
            self.delete(was)
            return Deployed(**{**vars(new), "steps": ["create", "delete"]})
        if not change.kinds:
            return Deployed(**{**vars(was), "inputs": checked, "steps": ["same"]})
        return self.update_again(was, checked, preview)

    def update_again(
        self, was: Deployed, checked: dict[str, Any] | None = None, preview: bool = False
    ) -> Deployed:
        """An update in place; without other inputs as the engine does it for what was not finished."""
        checked = was.inputs if checked is None else checked
        response = self.call(
            "Update",
            pb.UpdateRequest(
                id=was.id,
                urn=urn(was.token, was.name),
                olds=wire.encode(was.outputs),
                old_inputs=wire.encode(was.inputs),
                news=wire.encode(checked),
                preview=preview,
            ),
        )
        return Deployed(was.token, was.name, was.id, checked, wire.decode(response.properties), ["update"])

    def refresh(self, was: Deployed) -> Deployed | None:
        """What is live; None when it is gone."""
        return self._read(was.token, was.name, was.id, was.inputs, was.outputs)

    def read(self, token: str, identifier: str) -> Deployed | None:
        """An import."""
        return self._read(token, "it", identifier, {}, {})

    def _read(
        self, token: str, name: str, identifier: str, inputs: dict[str, Any], outputs: dict[str, Any]
    ) -> Deployed | None:
        request = pb.ReadRequest(
            id=identifier, urn=urn(token, name), properties=wire.encode(outputs), inputs=wire.encode(inputs)
        )
        response = self.call("Read", request)
        if not response.id:
            return None
        return Deployed(
            token, name, response.id, wire.decode(response.inputs), wire.decode(response.properties), ["read"]
        )

    def delete(self, was: Deployed) -> None:
        """Deletes what is deployed."""
        request = pb.DeleteRequest(
            id=was.id, urn=urn(was.token, was.name), properties=wire.encode(was.outputs)
        )
        self.call("Delete", request)

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """Calls a function."""
        response = self.call("Invoke", pb.InvokeRequest(tok=token, args=wire.encode(args)))
        _raise(response.failures)
        return wire.decode(getattr(response, "return"))


@contextmanager
def engine_for(plugin: Plugin, config: dict[str, Any] | None = None) -> Iterator[Engine]:
    """A plugin behind a real gRPC server, configured."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(plugin), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            engine = Engine(provider_pb2_grpc.ResourceProviderStub(channel))
            engine.configure(config or {})
            yield engine
    finally:
        server.stop(grace=None)


def urn(token: str, name: str = "it") -> str:
    """The URN of a resource inside a component."""
    return f"urn:pulumi:local::vault-aws-auth::parent:index:Parent${token}::{name}"


def _kept(error: Any) -> pb.ErrorResourceInitFailed | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            kept = pb.ErrorResourceInitFailed()
            assert status_pb2.Status.FromString(value).details[0].Unpack(kept)
            return kept
    return None


def _raise(failures: Any) -> None:
    if failures:
        raise Refused("; ".join(f"{failure.property}: {failure.reason}" for failure in failures))
