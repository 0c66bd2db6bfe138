"""A server that takes a connection and never answers ends a call with the cause, after a time."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.plugins.kubernetes import PLUGIN as KUBERNETES
from sandbox.plugins.kubernetes import cluster
from sandbox.plugins.vault import PLUGIN as VAULT
from sandbox.plugins.vault import client
from tests.plugins.engine import Refused, engine_for

SHORT = (2, 0.2)
ACCOUNT = {"metadata": {"name": "one", "namespace": "default"}}


@contextmanager
def silent() -> Iterator[tuple[str, socket.socket]]:
    """The address of such a server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", listener


def connections(listener: socket.socket) -> int:
    """How often it was asked."""
    listener.setblocking(False)
    found = 0
    try:
        while True:
            listener.accept()[0].close()
            found += 1
    except BlockingIOError:
        return found


def test_a_kubernetes_api_that_hangs_is_named_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT", SHORT)
    with silent() as (address, listener):
        kubeconfig = {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [{"name": "a", "cluster": {"server": address}}],
            "users": [{"name": "a", "user": {"token": "a"}}],
        }
        refused = pytest.raises(Refused, match=r"the Kubernetes API does not answer: .*timed out")
        with engine_for(KUBERNETES, {"kubeconfig": json.dumps(kubeconfig)}) as engine, refused:
            engine.create("kubernetes:core/v1:ServiceAccount", ACCOUNT)
        assert connections(listener) == 1


def test_a_vault_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", SHORT)
    refused = pytest.raises(Refused, match=r"Vault does not answer: .*[Tt]imed out")
    with silent() as (address, _), engine_for(VAULT, {"address": address, "token": "a"}) as engine, refused:
        engine.create("vault:index/policy:Policy", {"name": "one", "policy": ""})
