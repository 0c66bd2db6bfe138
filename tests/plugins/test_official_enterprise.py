"""The vault plugin changes and takes away what only Vault Enterprise has as the official one does.

Enterprise is the sandbox's stand-in, in front of a Community Vault.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.serving import make_server

from sandbox.enterprise.front import Front
from sandbox.home import Home
from sandbox.plugins.vault import PLUGIN
from sandbox.plugins.vault.objects import snake
from sandbox.plugins.wire import Secret
from tests.plugins import official
from tests.plugins.changing import put, rows, taken, try_out
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Deployed, Engine, engine_for
from tests.plugins.official import Row


@dataclass(frozen=True)
class Place(Home):
    """A sandbox's folder, whose Vault is the tests' one."""

    vault: VaultServer

    @property
    def vault_url(self) -> str:
        return self.vault.address

    def vault_keys(self) -> dict[str, str]:
        return {"root_token": self.vault.token}


@pytest.fixture(scope="module")
def enterprise(vault_server: VaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    place = Place(tmp_path_factory.mktemp("enterprise"), vault_server)
    (place.root / "enterprise").mkdir()
    server = make_server("127.0.0.1", 0, Front(place), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield VaultServer(f"http://127.0.0.1:{server.server_port}", vault_server.token)
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def vault(enterprise: VaultServer) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"address": enterprise.address, "token": Secret(enterprise.token)}) as engine:
        yield engine


@pytest.mark.parametrize(("token", "row"), rows(official.ENTERPRISE))
def test_vaults_provider_changes_and_takes_away(
    vault: Engine, enterprise: VaultServer, token: str, row: Row
) -> None:
    kind, ids = token.rpartition(":")[2], {"path": f"it-{uuid4().hex[:8]}"}
    for each in ("key", "otherKey"):
        ids[each] = f"{each.lower()}-{uuid4().hex[:8]}"
        enterprise.client.write(f"identity/oidc/key/{ids[each]}", allowed_client_ids="*")
    federated = {name: official.BESIDE[name] for name in ("roleArn", "identityTokenAudience")}
    bases: dict[str, dict[str, Any]] = {
        "AuthBackend": {"type": "aws", "path": ids["path"]},
        "SecretBackend": {"path": ids["path"], **federated},
        "AuthBackendClient": {"backend": ids["path"], **federated},
    }
    if kind == "AuthBackendClient":
        enterprise.client.sys.enable_auth_method("aws", path=ids["path"])

    def live(deployed: Deployed, name: str) -> Any:
        of_mount = f"sys/{'auth' if kind == 'AuthBackend' else 'mounts'}/{deployed.id}/tune"
        config = f"{deployed.id}/config/root" if kind == "SecretBackend" else deployed.id
        answer = enterprise.client.read(of_mount if name == "identityTokenKey" else config)
        return answer["data"].get(snake(name))

    try_out(vault, token, row, bases[kind], ids, live)


@pytest.mark.parametrize("token", official.VAULT)
def test_an_object_in_another_namespace_is_another_object(vault: Engine, token: str) -> None:
    here = Deployed(token, "it", "id", {"namespace": "team"}, {})
    assert vault.diff(here, put(here.inputs, "namespace", "other")).replaces == ["namespace"]
    assert vault.diff(here, taken(here.inputs, "namespace")).replaces == ["namespace"]
