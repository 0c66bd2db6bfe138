"""A plugin's schema, and its configuration by the engine."""

import importlib
import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins import wire
from sandbox.plugins.resource import Ctx, Plugin, ProviderError

# The engine sends its own provider options among the provider's inputs.
_ENGINE_CONFIG = frozenset({"version", "pluginDownloadURL"})


class Configured(provider_pb2_grpc.ResourceProviderServicer):
    """A plugin and its configuration. Connects at first use."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self.config: dict[str, Any] = {}
        self._ctx: Ctx | None = None
        self._connecting = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=True
        )

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self.plugin.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        schema = {
            "name": self.plugin.name,
            "version": self.plugin.version,
            "provider": {"inputProperties": _anything(self.plugin.config)},
            "resources": {
                token: {
                    "inputProperties": _anything(entry.inputs),
                    "requiredInputs": sorted(entry.required),
                    "properties": _anything(entry.inputs | _outputs(entry.sdk)),
                }
                for token, entry in self.plugin.resources.items()
            },
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        given = wire.decode_inputs(request.news)
        who = f"{self.plugin.name} {self.plugin.version}"
        failures = {
            key: f"{key!r} is not supported by the sandbox's local plugin {who}"
            for key in sorted(given.keys() - self.plugin.config - _ENGINE_CONFIG)
        }
        inputs = wire.encode(wire.hidden(given, self.plugin.secret_config))
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures_of(failures))

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = wire.decode_inputs(request.old_inputs), wire.decode_inputs(request.news)
        changed = sorted(
            key
            for key in {*old, *new} - _ENGINE_CONFIG
            if wire.plain(old.get(key)) != wire.plain(new.get(key)) or not wire.is_known(new.get(key))
        )
        known = wire.plain(wire.known_only(old)), wire.plain(wire.known_only(new))
        replaces = changed if changed and self.plugin.elsewhere(*known) else []
        return provider_pb2.DiffResponse(changes=changes_of(changed), diffs=changed, replaces=replaces)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.config, self._ctx = wire.decode_inputs(request.args), None
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def connected(self) -> Ctx:
        """The API client."""
        with self._connecting:
            if self._ctx is None:
                if not wire.is_known(self.config):
                    raise ProviderError("the provider's own inputs are not known yet")
                config = {k: v for k, v in wire.plain(self.config).items() if k not in _ENGINE_CONFIG}
                for key in self.plugin.json_config & config.keys():
                    if isinstance(config[key], str):
                        config[key] = json.loads(config[key])
                self._ctx = self.plugin.connect(config)
            return self._ctx


def failures_of(reasons: Mapping[str, str]) -> list[Any]:
    """{input: reason} as a message."""
    return [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in reasons.items()]


def changes_of(differing: list[Any]) -> Any:
    """The differences, as a message."""
    kinds = provider_pb2.DiffResponse
    return kinds.DIFF_SOME if differing else kinds.DIFF_NONE


def _anything(names: Iterable[str]) -> dict[str, Any]:
    """Properties of any type, for a schema."""
    return {name: {"$ref": "pulumi.json#/Any"} for name in sorted(names)}


def _outputs(sdk: str) -> set[str]:
    """The outputs of a resource, by its class in the SDK: programs in YAML are checked against them."""
    module, _, name = sdk.rpartition(".")
    members = vars(getattr(importlib.import_module(module), name)).items()
    return {getattr(m.fget, "_pulumi_name", python) for python, m in members if isinstance(m, property)}
