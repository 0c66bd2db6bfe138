"""Serves a plugin's table to the Pulumi engine: the provider protocol for all plugins.

It behaves like the official providers that are generated from Terraform's: Check uses the table, Diff
compares the inputs with those last applied, a refresh writes live values into the inputs that were set, and a
preview leaves unknown what only the API knows.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from sandbox import interrupted
from sandbox.plugins import diff, naming, wire
from sandbox.plugins.configured import Configured, changes_of, failures_of
from sandbox.plugins.errors import explained, missing_inputs, type_and_name, unknown_inputs, unsupported
from sandbox.plugins.resource import NotFound, ProviderError, Resource, Unfinished
from sandbox.plugins.wire import UNKNOWN


class Provider(Configured):
    """The provider protocol for one plugin's table. Calls run in parallel threads."""

    @explained
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, name = type_and_name(request.urn)
        entry = self._entry(token)
        old, new = wire.decode_inputs(request.olds), wire.decode_inputs(request.news)
        failures = {} if entry.open else unknown_inputs(entry, new.keys(), self._unsupported)
        new, unnamed = naming.named(entry, name, old, {**entry.defaults, **new}, request)
        failures |= unnamed | missing_inputs(entry, new.keys())
        for names in entry.together:
            for key in sorted(names - new.keys()) if names & new.keys() else ():
                failures[key] = f"{' and '.join(sorted(names))} must be set together"
        if not failures and entry.validate:
            failures = entry.validate(wire.known_only(new))
        return provider_pb2.CheckResponse(inputs=wire.encode(new), failures=failures_of(failures))

    @explained
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, name = type_and_name(request.urn)
        entry = self._entry(token)
        old, new = wire.decode_inputs(request.old_inputs), wire.decode_inputs(request.news)
        paths = [
            path
            for path in diff.changed_paths(entry, old, new)
            if not diff.within(diff.render(path), request.ignoreChanges)
        ]
        extra = entry.replace_if(wire.known_only(old), wire.known_only(new)) if entry.replace_if else ()
        replacing = {path for path in paths if diff.replaces(entry, path, new, extra)}
        response = provider_pb2.DiffResponse(
            changes=changes_of(paths),
            diffs=sorted({path[0] for path in paths}),
            replaces=sorted({path[0] for path in replacing}),
            deleteBeforeReplace=bool(replacing) and naming.delete_first(entry, name, old, new),
            hasDetailedDiff=True,
        )
        for path in paths:
            kind = (
                "ADD" if diff.at(old, path) is None else "DELETE" if diff.at(new, path) is None else "UPDATE"
            )
            kind += "_REPLACE" if path in replacing else ""
            response.detailedDiff[diff.render(path)].CopyFrom(
                provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=True)
            )
        return response

    @explained
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        entry, inputs = self._entry_of(request), wire.decode_inputs(request.properties)
        if request.preview:
            self._dry_run(entry, inputs)
            return provider_pb2.CreateResponse(properties=_state(entry, inputs, naming.added(entry, inputs)))
        _require_known(inputs)
        with interrupted.creating(request.urn, self._is_answer):
            identifier, outputs = entry.create(self.connected(), wire.plain(inputs))
        return provider_pb2.CreateResponse(id=identifier, properties=_state(entry, inputs, outputs))

    @explained
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        entry = self._entry_of(request)
        old, inputs = wire.decode(request.olds), wire.decode_inputs(request.news)
        was_set = {*entry.inputs, *wire.decode_inputs(request.old_inputs)}
        kept = {key: wire.plain(value) for key, value in old.items() if key not in was_set}
        if request.preview:
            self._dry_run(entry, inputs)
            unknown = dict.fromkeys(entry.volatile, UNKNOWN)
            outputs = {**unknown, **naming.added(entry, inputs, old)}
        else:
            _require_known(inputs)
            if entry.update is None:
                raise ProviderError("this type cannot be updated in place")
            unset = {key: old[key] for key in entry.computed & old.keys() - inputs.keys()}
            outputs = entry.update(
                self.connected(), request.id, wire.plain(old), wire.plain({**unset, **inputs})
            )
        return provider_pb2.UpdateResponse(properties=_state(entry, inputs, {**kept, **outputs}, old))

    @explained
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        entry = self._entry_of(request)
        inputs, state = wire.decode_inputs(request.inputs), wire.decode(request.properties)
        identifier, known = request.id, wire.plain(state)
        if not inputs and not known:  # an import: its ID may be another than the one that is kept
            identifier, known = entry.imported(request.id)
        try:
            live = entry.read(self.connected(), identifier, known)
        except NotFound:
            live = None
        if live is None:
            return provider_pb2.ReadResponse()
        if inputs:
            now = diff.refreshed(entry, inputs, live)
        else:  # an import or a get: all that is set there
            now = {k: v for k, v in live.items() if k in entry.inputs and (v or k in entry.defaults)}
        return provider_pb2.ReadResponse(
            id=identifier,
            properties=_state(entry, now, {**known, **live}, state),
            inputs=wire.encode(wire.hidden(now, entry.secret_outputs)),
        )

    @explained
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Empty:
        state = wire.plain(wire.decode(request.properties))
        with suppress(NotFound):
            self._entry_of(request).delete(self.connected(), request.id, state)
        return Empty()

    @explained
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        function = self.plugin.functions.get(request.tok)
        if function is None:
            raise ProviderError(f"this function is {self._unsupported}")
        inputs = wire.decode(request.args)
        failures = unknown_inputs(function, inputs.keys(), self._unsupported)
        failures |= missing_inputs(function, inputs.keys())
        result: dict[str, Any] = {}
        if not failures:
            _require_known(inputs)
            result = {**inputs, **function.invoke(self.connected(), wire.plain(inputs))}
        response = provider_pb2.InvokeResponse(failures=failures_of(failures))
        getattr(response, "return").CopyFrom(wire.encode(result))
        return response

    @property
    def _unsupported(self) -> str:
        return unsupported(self.plugin.name, self.plugin.version)

    def _is_answer(self, error: Exception) -> bool:
        return isinstance(error, ProviderError) or self.plugin.answered(error)

    def _entry_of(self, request: Any) -> Resource:
        return self._entry(type_and_name(request.urn)[0])

    def _entry(self, token: str) -> Resource:
        entry = self.plugin.resources.get(token)
        if entry is None:
            why = self.plugin.refused.get(token)
            raise ProviderError(f"this resource type is {self._unsupported}{f' ({why})' if why else ''}")
        return entry

    def _dry_run(self, entry: Resource, inputs: dict[str, Any]) -> None:
        if entry.dry_run and wire.is_known(inputs) and wire.is_known(self.config):
            entry.dry_run(self.connected(), wire.plain(inputs))

    def state_of(self, made: Unfinished, request: Any) -> Any:
        """The state to keep of an object whose creation failed after it existed."""
        state = _state(self._entry_of(request), wire.decode_inputs(request.properties), made.state)
        return provider_pb2.ErrorResourceInitFailed(id=made.identifier, properties=state)


def _require_known(inputs: dict[str, Any]) -> None:
    unknown = sorted(key for key, value in inputs.items() if not wire.is_known(value))
    if unknown:
        raise ProviderError(f"the value of {', '.join(unknown)} is not known")


def _state(
    entry: Resource, inputs: dict[str, Any], outputs: dict[str, Any], old: Mapping[str, Any] | None = None
) -> Any:
    """The outputs to store; what was or is secret stays secret."""
    secret = {*entry.secret_outputs}
    for known in (inputs, old or {}):
        secret |= {key for key, value in known.items() if wire.is_secret(value)}
    return wire.encode(wire.hidden({**inputs, **outputs}, secret))
