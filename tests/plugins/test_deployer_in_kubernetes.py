"""The deployer's roles in Kubernetes: with these its objects come and go, and without a verb they do not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

import pytest

from sandbox.plugins.kubernetes import PLUGIN
from stack.deployer import in_kubernetes
from stack.deployer.in_kubernetes import Rule
from stack.deployer.program import Declared, Place, Program
from tests.plugins.conftest import KubernetesServer, namespaces_end
from tests.plugins.engine import Engine, Refused, engine_for

PLACE = Place("us-east-1", "111111111111", "", "vault-aws-auth", "dev", frozenset())
NAMESPACE, ACCOUNT = "kubernetes:core/v1:Namespace", "kubernetes:core/v1:ServiceAccount"
OWN, THEIRS = "made-by-the-stack", "there-before"
OF_OWN = {"metadata": {"name": "own", "namespace": OWN}}
OF_THEIRS = {"metadata": {"name": "app", "namespace": THEIRS}}
DECLARED = (
    Declared(NAMESPACE, "namespace", {"metadata": {"name": OWN}}),
    Declared(ACCOUNT, "own", OF_OWN),
    Declared(ACCOUNT, "theirs", OF_THEIRS),
    Declared(f"{ACCOUNT}Patch", "patched", {"metadata": {"name": "patched", "namespace": THEIRS}}),
)
RULES = in_kubernetes.rules(Program(PLACE, DECLARED))

WATCHED = ("list", "watch")
"""Verbs with which the official provider alone waits until an object is gone (pulumi-kubernetes,
provider/pkg/await/condition/source.go: informers)."""


@dataclass
class World:
    """A deployer in a cluster."""

    engine: Engine
    permit: Callable[[list[Rule]], None]
    server: KubernetesServer

    def without(self, verb: str, resource: str, namespace: str = "") -> None:
        """Takes a verb on a kind of object away."""
        less = [
            rule._replace(verbs=tuple(word for word in rule.verbs if word != verb))
            if (rule.resource, rule.namespace) == (resource, namespace)
            else rule
            for rule in RULES
        ]
        assert less != RULES
        self.permit(less)

    def up_and_down(self) -> None:
        """Makes everything, changes it, and deletes it."""
        made: list[Any] = []
        for declared in DECLARED:
            inputs = dict(declared.inputs)
            made.append(self.engine.create(declared.type, inputs, declared.name))
            changed = {"metadata": {**inputs["metadata"], "labels": {"more": "label"}}}
            made[-1] = self.engine.update(made[-1], changed)
        for each in reversed(made):
            self.engine.delete(each)

    def clear(self) -> None:
        """Deletes what a refusal has left, as the administrator."""
        own = f"/api/v1/namespaces/{OWN}"
        for path in (f"/api/v1/namespaces/{THEIRS}/serviceaccounts/app", f"{own}/serviceaccounts/own", own):
            with suppress(HTTPError):
                self.server.request("DELETE", path)
        with suppress(HTTPError):
            while self.server.request("GET", own):
                time.sleep(0.1)


@pytest.fixture(scope="module")
def world(kubernetes_server: KubernetesServer) -> Iterator[World]:
    server = kubernetes_server

    def put(path: str, body: dict[str, Any]) -> Any:
        with suppress(HTTPError):  # there is none yet
            server.request("DELETE", f"{path}/{body['metadata']['name']}")
        return server.request("POST", path, body)

    def permit(rules: list[Rule]) -> None:
        for manifest in in_kubernetes.manifests([rule for rule in rules if rule.verbs]):
            where = manifest["metadata"].get("namespace")
            below = f"/namespaces/{where}" if where else ""
            if "subjects" in manifest:
                manifest["subjects"] = [
                    {"kind": "ServiceAccount", "name": "the-deployer", "namespace": THEIRS}
                ]
            put(f"/apis/rbac.authorization.k8s.io/v1{below}/{manifest['kind'].lower()}s", manifest)

    put("/api/v1/namespaces", {"metadata": {"name": THEIRS}})
    for name in ("the-deployer", "patched"):
        put(f"/api/v1/namespaces/{THEIRS}/serviceaccounts", {"metadata": {"name": name}})
    asked = f"/api/v1/namespaces/{THEIRS}/serviceaccounts/the-deployer/token"
    token = server.request("POST", asked, {"spec": {}})["status"]["token"]
    permit(RULES)
    with (
        engine_for(PLUGIN, {"kubeconfig": server.kubeconfig(token=token)}) as engine,
        namespaces_end(server),
    ):
        yield World(engine, permit, server)
    server.request("DELETE", f"/api/v1/namespaces/{THEIRS}")


def test_with_these_roles_everything_comes_and_goes(world: World) -> None:
    world.permit(RULES)
    world.up_and_down()


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [(verb, rule.resource, rule.namespace) for rule in RULES for verb in rule.verbs if verb not in WATCHED],
)
def test_without_a_verb_something_of_it_is_refused(
    world: World, verb: str, resource: str, namespace: str
) -> None:
    world.without(verb, resource, namespace)
    with pytest.raises(Refused, match=f'cannot {verb} resource "{resource}"'):
        world.up_and_down()
    world.clear()


def test_another_service_account_is_not_touched(world: World) -> None:
    other = {"metadata": {"name": "the-deployer", "namespace": THEIRS}}
    with pytest.raises(Refused, match="cannot get resource"):
        world.engine.create(f"{ACCOUNT}Patch", {**other, "automountServiceAccountToken": False})


def test_a_preview_writes_nothing_but_needs_to_patch() -> None:
    reading = in_kubernetes.rules(Program(PLACE, DECLARED), reading=True)
    assert {rule.verbs for rule in reading} == {("get", "patch")}
    assert json.dumps(in_kubernetes.manifests(reading)).count('"resourceNames"') == len(
        {(rule.namespace, rule.resource) for rule in reading}
    )
