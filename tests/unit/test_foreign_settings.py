"""A user's own settings: no process and no shell of the sandbox has them; `make drills` runs with all."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from sandbox import environment
from sandbox.home import Home
from sandbox.processes import _minimal_environment
from tests.sandbox.drills.foreign import MARK, variables

PASSED_ON = {"BASH_ENV", "ENV", "GODEBUG", "MOTO_ACCOUNT_ID", "TF_APPEND_USER_AGENT"}
"""For shells, which are the user's, and for what runs as a service, which gets nothing of it."""

PROXIES = {f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "GRPC")}
"""Tools are fetched through them; nothing else is, as all that runs is on loopback."""

ETCD = {"ETCD_DATA_DIR", "ETCD_LISTEN_CLIENT_URLS"}


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    given = variables("http://127.0.0.1:9", tmp_path)
    for name, value in {**given, "PATH": os.environ["PATH"]}.items():  # put back afterwards, PATH as well
        monkeypatch.setenv(name, value)
    return given


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "sandbox")
    made.create()
    key = {"access_key_id": "AKIA", "secret_access_key": "x"}
    (made.root / "aws" / "credentials.json").write_text(json.dumps({environment.PRIMARY_ACCOUNT: key}))
    (made.root / "vault" / "init.json").write_text(json.dumps({"root_token": "t", "unseal_key": "u"}))
    return made


def kept(found: dict[str, str], foreign: dict[str, str]) -> set[str]:
    """The variables that still have the user's value."""
    return {name for name, value in foreign.items() if found.get(name) == value}


def test_what_a_command_starts_has_none_of_them(home: Home, foreign: dict[str, str]) -> None:
    found = environment.process_environment(home)
    assert kept(found, foreign) <= {*PASSED_ON, *ETCD, *PROXIES, *map(str.lower, PROXIES)}
    assert MARK not in str(found)
    for name in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
        assert "127.0.0.1" in found[name]


def test_a_service_has_none_of_them_nor_the_users_home(home: Home, foreign: dict[str, str]) -> None:
    found = _minimal_environment(home)
    assert kept(found, foreign) == set()
    assert found["HOME"] == str(home.root / "run")


def test_the_shell_has_none_of_them(home: Home, foreign: dict[str, str]) -> None:
    script = f". {shlex.quote(str(environment.write_shell_file(home)))} && env -0"
    answer = subprocess.run(["sh", "-c", script], env=dict(os.environ), capture_output=True, check=True)
    found = dict(pair.split("=", 1) for pair in answer.stdout.decode().split("\0") if pair)
    assert kept(found, foreign) <= {*PASSED_ON, *ETCD, *PROXIES, *map(str.lower, PROXIES)}
    assert MARK not in str(found)


def test_vaults_own_command_keeps_its_token_in_the_sandbox(home: Home) -> None:
    environment._keep_tokens_here(home)
    helper = home.root / "vault" / "token-helper"

    def asked(word: str, given: str = "") -> str:
        return subprocess.run([helper, word], input=given, capture_output=True, text=True, check=True).stdout

    assert asked("get") == ""
    asked("store", "hvs.x")
    assert asked("get") == "hvs.x"
    assert (home.root / "vault" / "token").stat().st_mode & 0o777 == 0o600
    asked("erase")
    assert asked("get") == ""


def test_the_aws_cli_has_no_home_of_the_user(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubeconfigs run it, and it takes models of services from ~/.aws, whatever its variables say."""
    found = tmp_path / "their tools" / "aws"
    found.parent.mkdir()
    found.write_text('#!/bin/sh\necho "$HOME $*"\n')
    found.chmod(0o700)
    monkeypatch.setattr("sandbox.environment.shutil.which", lambda *_, **__: str(found))
    environment._link_aws(home)
    words = [str(home.root / "bin" / "aws"), "eks", "get token"]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{home.root / 'run'} eks get token\n"


def test_the_commands_own_clients_read_none_of_the_users_files(foreign: dict[str, str]) -> None:
    environment.forget_foreign()
    assert kept(dict(os.environ), foreign) <= {*PASSED_ON, *ETCD, *PROXIES, *map(str.lower, PROXIES)}
    assert {os.environ[name] for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")} == {os.devnull}
