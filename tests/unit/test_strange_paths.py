"""A sandbox in a folder of any name: each program finds its files there, or the name is refused at once."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sandbox import environment, services
from sandbox.home import Home, SandboxError

FOLDERS = [
    "with a space",
    "Größe 東京",
    "100%",
    "a%20b",
    "a#b",
    "a?b",
    "quote's",
    'double "quotes"',
    "back\\slash",
]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_engine_finds_its_state_and_vault_its_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / name)
    home.create()
    key = {"access_key_id": "AKIA", "secret_access_key": "x"}
    (home.root / "aws" / "credentials.json").write_text(json.dumps({environment.PRIMARY_ACCOUNT: key}))
    (home.root / "vault" / "init.json").write_text(json.dumps({"root_token": "t", "unseal_key": "u"}))
    url = urlsplit(environment.build_environment(home)["PULUMI_BACKEND_URL"])
    assert (url.scheme, url.query, url.fragment) == ("file", "", "")
    assert Path(unquote(url.path)) == home.root / "pulumi" / "state"
    monkeypatch.setattr("sandbox.services.build.ensure", lambda _: Path("/bin/true"))
    monkeypatch.setattr("sandbox.services.vault_pod.vault_environment", lambda _: {})
    (option,) = (word for word in services._vault(home).command if word.startswith("-config="))
    settings = json.loads(Path(option.partition("=")[2]).read_text())
    assert Path(settings["storage"]["raft"]["path"]) == home.root / "vault" / "data"


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a\udcffb"])
def test_a_folder_that_no_path_can_have_is_refused_before_anything_is_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="SANDBOX_HOME=<folder>"):
        Home(tmp_path / name).create()
    assert list(tmp_path.iterdir()) == []
