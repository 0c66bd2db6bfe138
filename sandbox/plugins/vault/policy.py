"""ACL policies."""

from sandbox.plugins.resource import Inputs, ProviderError, Resource, State
from sandbox.plugins.vault.client import Vault


def _create(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    name, overwrite = inputs["name"], inputs["allowOverwrite"]
    if not overwrite and vault.read(f"sys/policies/acl/{name}", inputs.get("namespace")) is not None:
        raise ProviderError(f"the policy {name!r} exists, and allowOverwrite is false")
    return name, _update(vault, name, {}, inputs)


def _read(vault: Vault, name: str, state: State) -> State | None:
    found = vault.read(f"sys/policies/acl/{name}", state.get("namespace"))
    return None if found is None else {"name": name, "policy": found["policy"]}


def _update(vault: Vault, name: str, _: State, inputs: Inputs) -> State:
    vault.write(f"sys/policies/acl/{name}", {"policy": inputs["policy"]}, inputs.get("namespace"))
    return {}


def _delete(vault: Vault, name: str, state: State) -> None:
    vault.delete(f"sys/policies/acl/{name}", state.get("namespace"))


POLICY = Resource(
    "vault:index/policy:Policy",
    "pulumi_vault.Policy",
    frozenset({"allowOverwrite", "name", "namespace", "policy"}),
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    required=frozenset({"policy"}),
    defaults={"allowOverwrite": True},
    replace_on=frozenset({"name", "namespace"}),
    autoname="name",
)
