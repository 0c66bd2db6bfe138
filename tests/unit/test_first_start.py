"""A first start that was killed while Vault was initialised: its keys are lost, so it is made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import services
from sandbox.home import Home
from sandbox.processes import Processes, Service


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.mark.parametrize(
    ("initialized", "there", "lost"),
    [
        (True, [], True),
        (False, [], False),
        (True, ["vault/init.json"], False),
        # Then it is no first start, and what Vault holds is somebody's.
        (True, ["baseline.json"], False),
    ],
)
def test_vault_is_empty_if_it_was_initialised_and_its_keys_were_never_written(
    initialized: bool, there: list[str], lost: bool, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_vault_health", lambda _: {"initialized": initialized, "sealed": True})
    for name in there:
        (home.root / name).write_text("{}")
    assert services._lost_its_keys(home) is lost


def test_it_is_started_again_without_its_data(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    data = home.root / "vault" / "data"

    def vault(_: Home) -> Service:
        data.mkdir(exist_ok=True)
        return Service("vault", ["/bin/sleep", "60"], [], lambda: True)

    monkeypatch.setattr(services, "_vault", vault)
    processes = Processes(home)
    processes.start(vault(home))
    (data / "raft.db").touch()
    first = processes.running()["vault"]
    try:
        services._make_anew(home, processes)
        second = processes.running()["vault"]
        assert second.pid != first.pid
        assert list(data.iterdir()) == []
    finally:
        processes.stop(at_once=True)


def test_the_keys_are_written_before_anything_else_is_asked_of_vault(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a kill loses them only between Vault's answer and that."""

    class Vault:
        def request(self, method: str, path: str, *_: Any, **__: Any) -> Any:
            if path == "sys/unseal":
                assert home.vault_keys() == {"root_token": "t", "unseal_key": "k"}
                raise KeyboardInterrupt
            return self

        def json(self) -> dict[str, Any]:
            return {"root_token": "t", "keys_base64": ["k"]}

    monkeypatch.setattr(services, "_vault_health", lambda _: {"initialized": False, "sealed": True})
    monkeypatch.setattr("sandbox.api.vault", lambda *_, **__: Vault())
    with pytest.raises(KeyboardInterrupt):
        services._unseal(home)
    monkeypatch.setattr(services, "_vault_health", lambda _: {"initialized": True, "sealed": True})
    assert not services._lost_its_keys(home)
