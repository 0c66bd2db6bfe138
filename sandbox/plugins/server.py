"""Serves a plugin's table to the Pulumi engine: the provider protocol, once for all plugins.

The semantics are those of the official providers that are generated from Terraform's: inputs are checked
against the table, a diff compares the inputs with those last applied, a refresh writes what is
live into the inputs that were set, and a preview leaves unknown what only the API can say.
"""

import hashlib
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins import diff, wire
from sandbox.plugins.resource import Ctx, NotFound, Plugin, ProviderError, Resource
from sandbox.plugins.wire import UNKNOWN, Secret

# The engine's own provider options arrive among the provider's inputs.
_ENGINE_CONFIG = frozenset({"version", "pluginDownloadURL"})

_KINDS = provider_pb2.PropertyDiff
_MESSAGE_LIMIT = 400 * 1024 * 1024  # the engine's own


def _explained(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turns whatever goes wrong in a call into one line for the user, in which no secret is shown."""

    @wraps(method)
    def call(self: "Provider", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except Exception as error:
            message = f"{getattr(request, 'tok', '') or _parse(request.urn)[0]}: {self.message(error)}"
        for text in self.secrets_of(request):
            message = message.replace(text, "[secret]")
        return context.abort(grpc.StatusCode.UNKNOWN, message)

    return call


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider protocol over one plugin's table. Calls arrive in parallel, each in a thread."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self._config: dict[str, Any] = {}
        self._ctx: Ctx | None = None
        self._connecting = threading.Lock()

    # What the plugin is

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=True
        )

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self.plugin.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        anything = {"$ref": "pulumi.json#/Any"}
        schema = {
            "name": self.plugin.name,
            "version": self.plugin.version,
            "resources": {
                token: {
                    "inputProperties": dict.fromkeys(sorted(entry.inputs), anything),
                    "requiredInputs": sorted(entry.required),
                }
                for token, entry in self.plugin.resources.items()
            },
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    # The provider's configuration

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        given = wire.decode_inputs(request.news)
        failures = [
            provider_pb2.CheckFailure(
                property=key, reason=f"{key!r} is not supported by the sandbox's local plugin {self._who}"
            )
            for key in sorted(given.keys() - self.plugin.config - _ENGINE_CONFIG)
        ]
        inputs = wire.encode(_hidden(given, self.plugin.secret_config))
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = wire.decode_inputs(request.old_inputs), wire.decode_inputs(request.news)
        changed = sorted(
            key
            for key in {*old, *new} - _ENGINE_CONFIG
            if wire.plain(old.get(key)) != wire.plain(new.get(key)) or not wire.is_known(new.get(key))
        )
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
        )

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._config, self._ctx = wire.decode_inputs(request.args), None
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    # The life of a resource

    @_explained
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, name = _parse(request.urn)
        entry = self._entry(token)
        old, new = wire.decode_inputs(request.olds), wire.decode_inputs(request.news)
        refused = () if entry.open else sorted(new.keys() - entry.inputs)
        failures = {key: self._refusal(entry, key) for key in refused}
        new = {**entry.defaults, **new}
        if entry.autoname and diff.at(new, tuple(entry.autoname.split("."))) is None:
            chosen = _autoname(entry.autoname, name, old, request)
            if chosen:
                new = _put(new, entry.autoname.split("."), chosen)
            else:
                failures[entry.autoname] = "no name is given, and automatic naming is disabled"
        for key in sorted(entry.required - new.keys()):
            failures[key] = f"missing required input {key!r}"
        for names in entry.together:
            for key in sorted(names - new.keys()) if names & new.keys() else ():
                failures[key] = f"{' and '.join(sorted(names))} must be set together"
        if not failures and entry.validate:
            failures = entry.validate(wire.known_only(new))
        return provider_pb2.CheckResponse(
            inputs=wire.encode(new),
            failures=[provider_pb2.CheckFailure(property=k, reason=v) for k, v in failures.items()],
        )

    @_explained
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, name = _parse(request.urn)
        entry = self._entry(token)
        old, new = wire.decode_inputs(request.old_inputs), wire.decode_inputs(request.news)
        paths = [
            path
            for path in diff.changed_paths(entry, old, new)
            if not _within(diff.render(path), request.ignoreChanges)
        ]
        extra = entry.replace_if(wire.known_only(old), wire.known_only(new)) if entry.replace_if else ()
        replacing = {path for path in paths if _replaces(entry, path, extra)}
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if paths else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({path[0] for path in paths}),
            replaces=sorted({path[0] for path in replacing}),
            deleteBeforeReplace=bool(replacing) and _delete_first(entry, name, old, new),
            hasDetailedDiff=True,
        )
        for path in paths:
            kind = (
                "ADD" if diff.at(old, path) is None else "DELETE" if diff.at(new, path) is None else "UPDATE"
            )
            kind += "_REPLACE" if path in replacing else ""
            response.detailedDiff[diff.render(path)].CopyFrom(
                provider_pb2.PropertyDiff(kind=_KINDS.Kind.Value(kind), inputDiff=True)
            )
        return response

    @_explained
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, _ = _parse(request.urn)
        entry, inputs = self._entry(token), wire.decode_inputs(request.properties)
        if request.preview:
            self._dry_run(entry, inputs)
            return provider_pb2.CreateResponse(properties=self._state(entry, inputs, _added(entry, inputs)))
        self._require_known(inputs)
        identifier, outputs = entry.create(self._connected(), wire.plain(inputs))
        return provider_pb2.CreateResponse(id=identifier, properties=self._state(entry, inputs, outputs))

    @_explained
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, _ = _parse(request.urn)
        entry = self._entry(token)
        old, inputs = wire.decode(request.olds), wire.decode_inputs(request.news)
        was_set = {*entry.inputs, *wire.decode_inputs(request.old_inputs)}
        kept = {key: value for key, value in old.items() if key not in was_set}
        if request.preview:
            self._dry_run(entry, inputs)
            unknown = dict.fromkeys(entry.volatile, UNKNOWN)
            return provider_pb2.UpdateResponse(
                properties=self._state(
                    entry, inputs, {**wire.plain(kept), **unknown, **_added(entry, inputs, old)}, old
                )
            )
        self._require_known(inputs)
        if entry.update is None:
            raise ProviderError("this type cannot be updated in place")
        outputs = entry.update(self._connected(), request.id, wire.plain(old), wire.plain(inputs))
        return provider_pb2.UpdateResponse(
            properties=self._state(entry, inputs, {**wire.plain(kept), **outputs}, old)
        )

    @_explained
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, _ = _parse(request.urn)
        entry = self._entry(token)
        inputs, state = wire.decode_inputs(request.inputs), wire.decode(request.properties)
        try:
            live = entry.read(self._connected(), request.id, wire.plain(state))
        except NotFound:
            live = None
        if live is None:
            return provider_pb2.ReadResponse()
        if inputs:
            now = diff.refreshed(entry, inputs, live)
        else:  # an import, or a get: whatever is set there
            now = {k: v for k, v in live.items() if k in entry.inputs and (v or k in entry.defaults)}
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=self._state(entry, now, {**wire.plain(state), **live}, state),
            inputs=wire.encode(_hidden(now, entry.secret_outputs)),
        )

    @_explained
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Empty:
        token, _ = _parse(request.urn)
        state = wire.plain(wire.decode(request.properties))
        with suppress(NotFound):
            self._entry(token).delete(self._connected(), request.id, state)
        return Empty()

    @_explained
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        function = self.plugin.functions.get(request.tok)
        if function is None:
            raise ProviderError(f"this function is {self._unsupported}")
        inputs = wire.decode(request.args)
        failures = {
            key: f"{key!r} is {self._unsupported}"
            if key in function.unsupported
            else f"{key!r} is not an input of {_short(function.sdk)}"
            for key in sorted(inputs.keys() - function.inputs)
        }
        failures |= {
            key: f"missing required input {key!r}" for key in sorted(function.required - inputs.keys())
        }
        result: dict[str, Any] = {}
        if not failures:
            self._require_known(inputs)
            result = {**inputs, **function.invoke(self._connected(), wire.plain(inputs))}
        response = provider_pb2.InvokeResponse(
            failures=[provider_pb2.CheckFailure(property=k, reason=v) for k, v in failures.items()]
        )
        getattr(response, "return").CopyFrom(wire.encode(result))
        return response

    # What these share

    @property
    def _who(self) -> str:
        return f"{self.plugin.name} {self.plugin.version}"

    @property
    def _unsupported(self) -> str:
        return (
            f"not supported by the sandbox's local plugin {self._who}; "
            "put the official one in SANDBOX_PLUGIN_PATH"
        )

    def _entry(self, token: str) -> Resource:
        entry = self.plugin.resources.get(token)
        if entry is None:
            raise ProviderError(f"this resource type is {self._unsupported}")
        return entry

    def _refusal(self, entry: Resource, key: str) -> str:
        if key in entry.unsupported:
            return f"{key!r} is {self._unsupported}"
        return f"{key!r} is not an input of {_short(entry.sdk)}"

    def _connected(self) -> Ctx:
        with self._connecting:
            if self._ctx is None:
                if not wire.is_known(self._config):
                    raise ProviderError("the provider's own inputs are not known yet")
                config = {k: v for k, v in wire.plain(self._config).items() if k not in _ENGINE_CONFIG}
                for key in self.plugin.json_config & config.keys():
                    if isinstance(config[key], str):
                        config[key] = json.loads(config[key])
                self._ctx = self.plugin.connect(config)
            return self._ctx

    def _dry_run(self, entry: Resource, inputs: dict[str, Any]) -> None:
        if entry.dry_run and wire.is_known(inputs) and wire.is_known(self._config):
            entry.dry_run(self._connected(), wire.plain(inputs))

    @staticmethod
    def _require_known(inputs: dict[str, Any]) -> None:
        unknown = sorted(key for key, value in inputs.items() if not wire.is_known(value))
        if unknown:
            raise ProviderError(f"the value of {', '.join(unknown)} is not known")

    @staticmethod
    def _state(
        entry: Resource, inputs: dict[str, Any], outputs: dict[str, Any], old: Mapping[str, Any] | None = None
    ) -> Any:
        """The outputs to store: what was or is secret among them is secret."""
        secret = {*entry.secret_outputs}
        for known in (inputs, old or {}):
            secret |= {key for key, value in known.items() if wire.is_secret(value)}
        return wire.encode(_hidden({**inputs, **outputs}, secret))

    def secrets_of(self, request: Any) -> Iterator[str]:
        """Every text that is secret in a request or in the provider's configuration."""
        for field in ("news", "olds", "properties", "inputs", "args"):
            with suppress(AttributeError, ProviderError):
                for secret in wire.secret_values(wire.decode(getattr(request, field))):
                    yield from _texts(secret)
        for secret in wire.secret_values(self._config):
            yield from _texts(secret)

    def message(self, error: Exception) -> str:
        """What went wrong, in one line."""
        if isinstance(error, ProviderError):
            return _one_line(str(error))
        said = self.plugin.explain(error) if self.plugin.explain else None
        if said:
            return _one_line(said)
        where = traceback.extract_tb(error.__traceback__)[-1]
        return _one_line(
            f"fault in the sandbox's local plugin {self._who}: {type(error).__name__}: {error} "
            f"({Path(where.filename).name}:{where.lineno})"
        )


def serve(plugin: Plugin) -> None:
    """Serves until the engine asks for the end, or is gone: a plugin must not outlive its engine."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=32),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(plugin), server)  # type: ignore[no-untyped-call]
    engine = os.getppid()
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine interrupts its plugins when it is done with them (Ctrl-C does not reach them: they are a
    # process group of their own), and waits seconds for each that takes no notice.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop(grace=None))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while server.wait_for_termination(timeout=1):  # True: not terminated yet
        if os.getppid() != engine:
            server.stop(grace=None)


def _added(
    entry: Resource, inputs: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The inputs that are objects, with the fields that the API adds there: as they were, or unknown."""
    result = {}
    for key, names in entry.adds.items():
        value, was = wire.plain(inputs.get(key)), wire.plain((old or {}).get(key))
        if isinstance(value, dict):
            before = was if isinstance(was, dict) else {}
            result[key] = {**{name: before.get(name, UNKNOWN) for name in names}, **value}
    return result


def _hidden(properties: Mapping[str, Any], secret: Set[str]) -> dict[str, Any]:
    """The properties, with those that are to be secret as secrets, and as secrets only once."""
    return {
        key: Secret(wire.plain(value)) if key in secret and value is not None else value
        for key, value in properties.items()
    }


def _parse(urn: str) -> tuple[str, str]:
    """A URN's type token and name."""
    parts = urn.split("::")
    return parts[2].split("$")[-1], "::".join(parts[3:])


def _short(sdk: str) -> str:
    return sdk.removeprefix("pulumi_")


def _autoname(autoname: str, name: str, old: dict[str, Any], request: Any) -> str | None:
    kept = diff.at(old, tuple(autoname.split(".")))
    if isinstance(kept, str):
        return kept
    options = request.autonaming if request.HasField("autonaming") else None
    if options and options.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE:
        return None
    if options and options.proposed_name:
        return str(options.proposed_name)
    seed = request.randomSeed or os.urandom(16)
    return f"{name}-{hashlib.sha256(seed).hexdigest()[:7]}"


def _put(properties: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    if isinstance(properties, Secret):
        return Secret(_put(properties.value, path, value))
    properties = properties or {}
    return {**properties, path[0]: _put(properties.get(path[0]), path[1:], value)}


def _replaces(entry: Resource, path: diff.Path, extra: Any) -> bool:
    if entry.update is None or path[0] in extra:
        return True
    steps = [".".join(path[: depth + 1]) for depth in range(len(path))]
    below = ".".join(path) + "."
    return any(s in entry.replace_on for s in steps) or any(r.startswith(below) for r in entry.replace_on)


def _delete_first(entry: Resource, name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """A name that the user chose, and that stays, cannot be taken twice; a generated one is renewed."""
    if entry.delete_before_replace or entry.autoname is None:
        return entry.delete_before_replace
    path = tuple(entry.autoname.split("."))
    was, now = wire.plain(diff.at(old, path)), wire.plain(diff.at(new, path))
    return was == now and not re.fullmatch(re.escape(name) + "-[0-9a-f]{7}", str(now))


def _within(path: str, ignored: Any) -> bool:
    return any(path == i or path.startswith((f"{i}.", f"{i}[")) for i in ignored)


def _texts(secret: Any) -> Iterator[str]:
    """The texts in a secret that could show it. Short ones are no secrets, but parts of other words."""
    if isinstance(secret, str) and len(secret) > 3:
        yield secret
    elif isinstance(secret, (dict, list)):
        for item in secret.values() if isinstance(secret, dict) else secret:
            yield from _texts(item)


def _one_line(text: str) -> str:
    return " ".join(text.split())
