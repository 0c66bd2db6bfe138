"""Namespaces, which need Vault Enterprise."""

from sandbox.plugins.resource import Function, Inputs, ProviderError
from sandbox.plugins.vault.client import Vault


def _look_up(vault: Vault, inputs: Inputs) -> dict[str, object]:
    parent, path = inputs.get("namespace", ""), inputs.get("path", "").strip("/")
    if not path:  # the provider's own: no request needed
        return {"id": f"{vault.namespace}/".lstrip("/"), "path": "", "pathFq": parent}
    found = vault.read(f"sys/namespaces/{path}", parent)
    if found is not None:
        full = f"{parent}/{path}".strip("/")
        answer = {"id": found["path"], "namespaceId": found["id"], "path": path, "pathFq": full}
        return {**answer, "customMetadata": found.get("custom_metadata") or {}}
    health = vault.health()
    if health.get("enterprise"):
        raise ProviderError(f"there is no namespace {path!r}")
    raise ProviderError(
        f"there is no namespace {path!r}: this is Vault {health.get('version')} Community, "
        "and namespaces need Vault Enterprise"
    )


GET_NAMESPACE = Function(
    "vault:index/getNamespace:getNamespace",
    "pulumi_vault.get_namespace",
    frozenset({"namespace", "path"}),
    _look_up,
)
