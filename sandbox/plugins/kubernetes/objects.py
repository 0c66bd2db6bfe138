"""The lifecycle of an object: server-side apply, with a field manager for each resource."""

import base64
import secrets
import time
from typing import Any

from kubernetes.client.exceptions import ApiException

from sandbox.plugins.kubernetes.cluster import Cluster, NotServed
from sandbox.plugins.resource import Inputs, NotFound, ProviderError, State

_DEFINITION = "CustomResourceDefinition"
_MANAGER = "__fieldManager"  # as in the official provider's state
_FORCE = "pulumi.com/patchForce"
_GONE_WITHIN = 60.0
_SERVED_WITHIN = 10.0
_INVALID = (400, 422, 500)  # 500: an unknown field


def create(cluster: Cluster, inputs: Inputs) -> tuple[str, State]:
    """Creates the object, which must not exist."""
    path, identifier = _path_once_served(cluster, inputs)
    if cluster.get(path) is not None:
        raise ProviderError(f"{inputs['kind']} {identifier} exists; import it, or patch it")
    return identifier, _apply(cluster, path, inputs, {})


def patch(cluster: Cluster, inputs: Inputs) -> tuple[str, State]:
    """Takes over fields of an object, which must exist."""
    path, identifier = _path(cluster, inputs)
    if cluster.get(path) is None:
        raise ProviderError(f"{inputs['kind']} {identifier} does not exist, so it cannot be patched")
    return identifier, _apply(cluster, path, inputs, {})


def read(api_version: str, kind: str, cluster: Cluster, identifier: str, state: State) -> State | None:
    """The live object; None for fields that were set and are gone."""
    found = _read(api_version, kind, cluster, identifier, state)
    if found is None and kind == _DEFINITION and not state:  # a look-up: the stack needs it
        raise ProviderError(
            f"there is no CustomResourceDefinition {identifier} in this cluster: install the operator that"
            " it comes with first"
        )
    return found


def _read(api_version: str, kind: str, cluster: Cluster, identifier: str, state: State) -> State | None:
    named = _named(identifier, {"apiVersion": api_version, "kind": kind})
    try:
        path, _ = _path(cluster, named)
    except NotFound:  # the kind is gone, with its objects
        return None
    found = cluster.get(path)
    if found is None:
        return None
    live: State = {**dict.fromkeys(state), **found}
    if state.get(_MANAGER):
        live[_MANAGER] = state[_MANAGER]
    if "stringData" in state:  # write-only: the API answers with `data`
        data = found.get("data", {})
        live["stringData"] = {k: _text(data[k]) for k in state["stringData"] if k in data}
    return live


def update(cluster: Cluster, identifier: str, state: State, inputs: Inputs) -> State:
    """Applies the new fields and releases those no longer set, which removes them unless another manager has
    them.
    """
    path, _ = _path(cluster, _named(identifier, inputs))
    return _apply(cluster, path, inputs, state)


def delete(cluster: Cluster, identifier: str, state: State) -> None:
    """Deletes the object and waits until it is gone."""
    with cluster.deleting():
        _delete(cluster, identifier, state)


def _delete(cluster: Cluster, identifier: str, state: State) -> None:
    path, _ = _path(cluster, _named(identifier, state))
    # "Background" needs no garbage collector: that deletes the owned objects, if there is one.
    cluster.request("DELETE", path, {"propagationPolicy": "Background"})
    deadline = time.monotonic() + _GONE_WITHIN
    while (found := cluster.get(path)) is not None and found["metadata"]["uid"] == state["metadata"]["uid"]:
        if time.monotonic() > deadline:
            holding = found["metadata"].get("finalizers") or found.get("spec", {}).get("finalizers")
            raise ProviderError(f"{identifier} is still there: its finalizers {holding} have not run")
        time.sleep(0.2)


def release(cluster: Cluster, identifier: str, state: State) -> None:
    """Releases the patched fields; the object stays."""
    with cluster.deleting():
        _release(cluster, identifier, state)


def _release(cluster: Cluster, identifier: str, state: State) -> None:
    named = _named(identifier, state)
    path, _ = _path(cluster, named)
    if cluster.get(path) is None:
        raise NotFound(identifier)
    body = {key: named[key] for key in ("apiVersion", "kind")}
    name = {key: named["metadata"][key] for key in ("name", "namespace") if key in named["metadata"]}
    cluster.apply(path, {**body, "metadata": name}, state[_MANAGER], force=True)


def dry_run(cluster: Cluster, inputs: Inputs) -> None:
    """Refuses what the API would refuse as invalid, or an undefined kind. Other refusals may be temporary."""
    if inputs["kind"] == _DEFINITION:
        cluster.plan(inputs)
    try:
        path, _ = _path(cluster, inputs)
        # Its own manager and forced, because conflicts with other managers do not matter here.
        cluster.apply(path, inputs, "pulumi-kubernetes-preview", force=True, dry_run=True)
    except NotServed as error:
        if not cluster.is_planned(error.api_version, error.kind):
            raise
    except NotFound:  # the namespace is created in the same update
        return
    except ApiException as error:
        if error.status in _INVALID:
            raise


def dry_run_patch(cluster: Cluster, inputs: Inputs) -> None:
    """`preview` for a patch: nothing can be checked if the object does not exist yet."""
    try:
        path, _ = _path(cluster, inputs)
    except NotFound:
        return
    if cluster.get(path) is not None:
        dry_run(cluster, inputs)


def _path(cluster: Cluster, inputs: Inputs) -> tuple[str, str]:
    metadata = inputs["metadata"]
    return cluster.path(inputs["apiVersion"], inputs["kind"], metadata.get("namespace"), metadata["name"])


def _path_once_served(cluster: Cluster, inputs: Inputs) -> tuple[str, str]:
    """Waits for a kind that may just have been defined, because the API serves it a moment later."""
    deadline = time.monotonic() + _SERVED_WITHIN
    while True:
        try:
            return _path(cluster, inputs)
        except NotFound:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _named(identifier: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties, with name and namespace from the ID."""
    namespace, _, name = identifier.rpartition("/")
    where = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {**properties, "metadata": {**properties.get("metadata", {}), **where}}


def _apply(cluster: Cluster, path: str, inputs: Inputs, state: State) -> State:
    manager = state.get(_MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}"
    annotations = inputs["metadata"].get("annotations") or {}
    cluster.apply(path, inputs, manager, force=cluster.force or annotations.get(_FORCE) == "true")
    found = cluster.get(path)
    if found is None:
        raise ProviderError("the object was deleted while it was created")
    return {**found, _MANAGER: manager}


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")
