"""Errors for the user: one line each, without secrets."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import status_pb2

from sandbox.plugins import wire
from sandbox.plugins.resource import Plugin, ProviderError, Unfinished


class Entry(Protocol):
    """The inputs of a plugin's type or function."""

    @property
    def sdk(self) -> str: ...
    @property
    def inputs(self) -> frozenset[str]: ...
    @property
    def required(self) -> frozenset[str]: ...
    @property
    def unsupported(self) -> frozenset[str]: ...


def unsupported(plugin: str, version: str) -> str:
    """The message for everything that only the official plugin supports."""
    return (
        f"not supported by the sandbox's local plugin {plugin} {version}; "
        "put the official one in SANDBOX_PLUGIN_PATH"
    )


def unknown_inputs(entry: Entry, given: Set[str], refusal: str) -> dict[str, str]:
    """{input: reason} for inputs that the entry does not have."""
    return {
        key: f"{key!r} is {refusal}"
        if key in entry.unsupported
        else f"{key!r} is not an input of {entry.sdk.removeprefix('pulumi_')}"
        for key in sorted(given - entry.inputs)
    }


def missing_inputs(entry: Entry, given: Set[str]) -> dict[str, str]:
    """{input: reason} for missing required inputs."""
    return {key: f"missing required input {key!r}" for key in sorted(entry.required - given)}


def explained(method: Callable[..., Any]) -> Callable[..., Any]:
    """Ends a failed call with the reason. The engine keeps what was created before the failure."""

    @wraps(method)
    def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Exception as error:
            reason = _reason(self.plugin, error)
            made = self.state_of(error, request) if isinstance(error, Unfinished) else None
        for text in _secrets(request, self.config):
            reason = reason.replace(text, "[secret]")
        message = f"{getattr(request, 'tok', '') or type_and_name(request.urn)[0]}: {reason}"
        if made is not None:
            context.set_trailing_metadata(_kept(made, message))
        return context.abort(grpc.StatusCode.UNKNOWN, message)

    return call


def type_and_name(urn: str) -> tuple[str, str]:
    """A URN's type token and name."""
    parts = urn.split("::")
    return parts[2].split("$")[-1], "::".join(parts[3:])


def _kept(made: Any, reason: str) -> tuple[tuple[str, bytes], ...]:
    """The error detail that makes the engine keep an object whose creation failed after it existed."""
    made.reasons.append(reason)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.add().Pack(made)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def _reason(plugin: Plugin, error: Exception) -> str:
    message = str(error) if isinstance(error, ProviderError) else None
    if message is None and plugin.explain:
        message = plugin.explain(error)
    if not message:
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"fault in the sandbox's local plugin {plugin.name} {plugin.version}: {type(error).__name__}:"
            f" {error} ({Path(where.filename).name}:{where.lineno})"
        )
    return " ".join(message.split())


def _secrets(request: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Every secret string in a request and the provider's configuration."""
    for field in ("news", "olds", "properties", "inputs", "args"):
        with suppress(AttributeError, ProviderError):
            for secret in wire.secret_values(wire.decode(getattr(request, field))):
                yield from _texts(secret)
    for secret in wire.secret_values(config):
        yield from _texts(secret)


def _texts(secret: Any) -> Iterator[str]:
    """The strings in a secret that would reveal it. Not short ones, which are parts of other words."""
    if isinstance(secret, str) and len(secret) > 3:
        yield secret
    elif isinstance(secret, (dict, list)):
        for item in secret.values() if isinstance(secret, dict) else secret:
            yield from _texts(item)
