"""The vault plugin's look-up of namespaces, against a real Community Vault and a stand-in for Enterprise."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plugins.vault import PLUGIN
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Engine, Refused, engine_for
from tests.servers import Silent, serving

GET = "vault:index/getNamespace:getNamespace"


class Enterprise(Silent):
    """An Enterprise Vault with the namespaces `team` and, in it, `dev`."""

    def do_GET(self) -> None:
        found = {
            (None, "/v1/sys/namespaces/team"): {"id": "nTeam", "path": "team/"},
            ("team", "/v1/sys/namespaces/dev"): {
                "id": "nDev",
                "path": "team/dev/",
                "custom_metadata": {"of": "x"},
            },
        }.get((self.headers["X-Vault-Namespace"], self.path))
        if self.path.startswith("/v1/sys/health"):
            self.answer(200, {"enterprise": True, "version": "1.21.0+ent"})
        elif found:
            self.answer(200, {"data": found})
        else:
            self.answer(404, {"errors": []})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def address() -> Iterator[str]:
    with serving(Enterprise) as url:
        yield url


@pytest.fixture
def enterprise(address: str) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"address": address, "token": "t"}) as engine:
        yield engine


def test_namespace_is_looked_up(enterprise: Engine) -> None:
    found = enterprise.invoke(GET, {"path": "team"})
    assert (found["id"], found["namespaceId"], found["pathFq"]) == ("team/", "nTeam", "team")
    assert found["customMetadata"] == {}


def test_namespace_inside_another_is_looked_up(enterprise: Engine) -> None:
    found = enterprise.invoke(GET, {"namespace": "team", "path": "dev"})
    assert (found["id"], found["namespaceId"], found["pathFq"]) == ("team/dev/", "nDev", "team/dev")
    assert found["customMetadata"] == {"of": "x"}


def test_without_a_path_it_is_the_provider_s_own_namespace(address: str) -> None:
    with engine_for(PLUGIN, {"address": address, "token": "t", "namespace": "team"}) as engine:
        assert engine.invoke(GET, {}) == {"id": "team/", "path": "", "pathFq": ""}
        assert engine.invoke(GET, {"path": "dev"})["namespaceId"] == "nDev"


def test_namespace_that_is_not_there_is_an_error(enterprise: Engine) -> None:
    with pytest.raises(Refused, match=r"there is no namespace 'other'$"):
        enterprise.invoke(GET, {"path": "other"})


def test_community_vault_has_no_namespaces(vault_server: VaultServer) -> None:
    config = {"address": vault_server.address, "token": vault_server.token}
    with (
        engine_for(PLUGIN, config) as engine,
        pytest.raises(Refused, match=r"this is Vault 1\.\S+ Community, and namespaces need Vault Enterprise"),
    ):
        engine.invoke(GET, {"path": "team"})
