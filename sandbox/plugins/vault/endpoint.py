"""Any path of Vault's API, written and read as JSON."""

import json
from typing import Any

from sandbox.plugins.resource import Inputs, Resource, State
from sandbox.plugins.vault.client import Vault


def _create(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    return inputs["path"], _update(vault, inputs["path"], {}, inputs)


def _read(vault: Vault, path: str, state: State) -> State | None:
    if state.get("disableRead"):
        return {}
    found = vault.read(path, state.get("namespace"))
    if found is None:
        return None
    if state.get("ignoreAbsentFields"):
        supplied: dict[str, Any] = json.loads(state["dataJson"])
        found = {name: found.get(name, value) for name, value in supplied.items()}
    return {"path": path, "dataJson": json.dumps(found)}


def _update(vault: Vault, path: str, _: State, inputs: Inputs) -> State:
    vault.write(path, json.loads(inputs["dataJson"]), inputs.get("namespace"))
    return {}


def _delete(vault: Vault, path: str, state: State) -> None:
    if not state.get("disableDelete"):
        vault.delete(path, state.get("namespace"))


ENDPOINT = Resource(
    "vault:generic/endpoint:Endpoint",
    "pulumi_vault.generic.Endpoint",
    frozenset({"dataJson", "disableDelete", "disableRead", "ignoreAbsentFields", "namespace", "path"}),
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    required=frozenset({"dataJson", "path"}),
    replace_on=frozenset({"namespace", "path"}),
    json_inputs=frozenset({"dataJson"}),
    secret_outputs=frozenset({"dataJson"}),
    unsupported=frozenset({"writeFields"}),
)
