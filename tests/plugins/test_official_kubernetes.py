"""The kubernetes plugin changes and takes away each input as the official one does: `official_kubernetes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from sandbox.plugins.kubernetes import PLUGIN
from sandbox.plugins.wire import Secret
from tests.plugins.changing import rows, try_out
from tests.plugins.conftest import KubernetesServer, namespaces_end
from tests.plugins.engine import Deployed, Engine, engine_for
from tests.plugins.official import Row
from tests.plugins.official_kubernetes import GROUP, KUBERNETES
from tests.plugins.test_kubernetes import definition


@pytest.fixture(scope="module")
def kubernetes(kubernetes_server: KubernetesServer) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"kubeconfig": Secret(kubernetes_server.kubeconfig())}) as engine:
        yield engine


@pytest.fixture(scope="module", autouse=True)
def _namespaces_end(kubernetes_server: KubernetesServer) -> Iterator[None]:
    with namespaces_end(kubernetes_server):
        yield


@pytest.fixture(scope="module")
def objects(kubernetes: Engine, kubernetes_server: KubernetesServer) -> dict[str, str]:
    """What rows refer to: names by name. The server ends with the tests."""
    own = uuid4().hex[:8]
    ids = {"namespace": f"a-{own}", "otherNamespace": f"b-{own}", "group": own}
    for name in (ids["namespace"], ids["otherNamespace"]):
        kubernetes_server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for each in ("patched", "otherPatched"):
        ids[each] = f"{each.lower()}-{own}"
        account = {"metadata": {"name": ids[each]}}
        kubernetes_server.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    token = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    kubernetes.create(token, definition(GROUP.format(group=own)))
    return ids


def place(deployed: Deployed) -> str:
    """The path of an object in the API."""
    _, version, kind = deployed.token.removesuffix("Patch").split(":")
    root = "/api/" + version.removeprefix("core/") if version.startswith("core/") else f"/apis/{version}"
    namespace, _, name = deployed.id.rpartition("/")
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{where}/{kind.lower()}s/{name}"


@pytest.mark.parametrize(("token", "row"), rows(KUBERNETES))
def test_kubernetes_provider_changes_and_takes_away(
    kubernetes: Engine, kubernetes_server: KubernetesServer, objects: dict[str, str], token: str, row: Row
) -> None:
    ids = {**objects, "name": f"it-{uuid4().hex[:8]}"}
    base: dict[str, Any] = {"metadata": {"name": ids["patched" if token.endswith("Patch") else "name"]}}
    if token.endswith("Binding"):
        (role,) = (each.first for each in KUBERNETES[token] if each.name == "roleRef")
        base["roleRef"] = role

    def live(deployed: Deployed, name: str) -> Any:
        value = kubernetes_server.request("GET", place(deployed))
        for part in name.split("."):
            value = value.get(part)
        if isinstance(value, dict):  # the API's own
            return {key: each for key, each in value.items() if key != "kubernetes.io/metadata.name"}
        return value

    try_out(kubernetes, token.format(**ids), row, base, ids, live)
