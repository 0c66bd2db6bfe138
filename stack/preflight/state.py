"""What the stack owns, which its state says. A program does not see its state; the engine, asked for another
stack's, gives this one's as well."""

import asyncio
import json
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor

from stack.preflight.objects import OF_CLUSTERS, TYPES, Thing

_PATIENCE = 60
"""Seconds for `pulumi stack export`, which has to start, and may have to ask a bucket."""


class StateError(Exception):
    """The state could not be read."""


class State(NamedTuple):
    """What the stack has made, by the URN of its resource."""

    owned: Mapping[Thing, str]

    begun: Mapping[Thing, str]
    """What a run was making when it was killed: it may be there, or not."""

    outputs: Mapping[str, Any] = MappingProxyType({})
    """The texts among the outputs of the last update, where the engine gave the state."""

    urns: tuple[str, ...] = ()
    """Of all resources."""


async def from_engine(elsewhere: Collection[str]) -> State | None:
    """The state of a stack that was brought up. None: of a new one, or one whose first run failed.

    `elsewhere` are the accounts beside the stack's own.

    Asking the engine for the resources of a stack without any ends the engine itself, with a nil pointer
    (3.274); one with outputs has resources. A run that begins is the only one, so what is read is whole.
    """
    name = "/".join([pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
    try:
        outputs = await asyncio.to_thread(_invoke, "readStackOutputs", {"name": name})
        texts = _texts(outputs.fields["outputs"].struct_value)
        if not texts:
            return None
        answer = await asyncio.to_thread(_invoke, "readStackResourceOutputs", {"stackName": name})
    except Exception as error:
        pulumi.log.debug(f"the engine did not give the state of {name}: {error}")
        return None
    resources = answer.fields["outputs"].struct_value.fields
    return State(_owned(_from_engine(resources), elsewhere), {}, texts, tuple(resources))


def _invoke(function: str, arguments: Mapping[str, str]) -> struct_pb2.Struct:
    # Not by the SDK's `invoke`, which reads the whole answer and looks up each resource that it names.
    request = resource_pb2.ResourceInvokeRequest(tok=f"pulumi:pulumi:{function}")
    request.args.update(arguments)
    monitor: Any = get_monitor()
    answer: struct_pb2.Struct = getattr(monitor.Invoke(request), "return")
    return answer


def _owned(things: Iterable[tuple[Thing, str]], elsewhere: Collection[str]) -> dict[Thing, str]:
    """The things, without the account where it is the stack's own."""
    return {thing if thing.account in elsewhere else thing._replace(account=""): urn for thing, urn in things}


def _from_engine(resources: Mapping[str, struct_pb2.Value]) -> Iterator[tuple[Thing, str]]:
    for urn, resource in resources.items():
        fields = resource.struct_value.fields
        read = TYPES.get(fields["type"].string_value)
        if read and (thing := read(_texts(fields["outputs"].struct_value))):
            yield in_its_cluster(thing, urn), urn


def type_of(urn: str) -> str:
    """The type of the resource of a URN."""
    return urn.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2]


_OF_EKS = re.compile(r"(?P<id>.+?)-(cluster|cluster-eksCluster|pod-identity-agent)")


def in_its_cluster(thing: Thing, urn: str) -> Thing:
    """The thing with the `StackCluster.id` of its cluster, as far as the resource's name has it."""
    name = urn.rpartition("::")[2]
    if thing.noun in ("EKS cluster", "EKS add-on"):
        of_eks = _OF_EKS.fullmatch(name)
        return thing._replace(cluster=of_eks["id"] if of_eks else thing.name.partition("/")[0])
    its, slash, _ = name.partition("/")
    return thing._replace(cluster=its) if slash and thing.noun in OF_CLUSTERS else thing


def _texts(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The texts of a struct, and of those in it: names are nothing else."""
    return {
        name: _texts(value.struct_value) if value.HasField("struct_value") else value.string_value
        for name, value in struct.fields.items()
    }


async def from_export(elsewhere: Collection[str]) -> State:
    """The state as `pulumi stack export` has it, with what is pending: the slow way, which always works.

    Raises StateError.
    """
    name = "/".join([pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
    return await asyncio.to_thread(_export, name, elsewhere)


def _export(name: str, elsewhere: Collection[str]) -> State:
    command = ["pulumi", "stack", "export", "--stack", name, "--non-interactive"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
        deployment = json.loads(done.stdout).get("deployment") or {}
    except subprocess.CalledProcessError as error:
        raise StateError(f"{' '.join(command)}: {error.stderr.strip()}") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise StateError(f"{' '.join(command)}: {error}") from None
    return of_deployment(deployment, elsewhere)


def of_deployment(deployment: Mapping[str, Any], elsewhere: Collection[str]) -> State:
    """The state that an export has, with what is pending."""
    pending = deployment.get("pending_operations") or []
    begun = [each["resource"] for each in pending if each["type"] == "creating"]
    resources = deployment.get("resources") or []
    return State(
        _owned(_exported(resources), elsewhere),
        _owned(_exported(begun), elsewhere),
        urns=tuple(each["urn"] for each in resources if not each.get("delete")),
    )


def _exported(resources: Any) -> Iterator[tuple[Thing, str]]:
    for resource in resources:
        read = TYPES.get(resource["type"])
        properties = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
        if read and (thing := read(properties)):
            yield in_its_cluster(thing, resource["urn"]), resource["urn"]
