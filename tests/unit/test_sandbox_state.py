"""What the sandbox reads from the state that the engine has written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.engine import Engine, _living_engine, mend_state, stacks
from sandbox.home import Home, SandboxError

SECRET = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "ciphertext": "v1:AAAA:BBBB",
}
ROLE = "urn:pulumi:one::vault-aws-auth::aws:iam/role:Role::app"


def engine(tmp_path: Path, latest: dict[str, Any] | None) -> Engine:
    """An engine for stack `one`, with a state; None is that of a stack that nothing was ever done with."""
    folder = tmp_path / "pulumi" / "state" / ".pulumi" / "stacks" / "vault-aws-auth"
    folder.mkdir(parents=True)
    checkpoint = {"stack": "organization/vault-aws-auth/one", **({"latest": latest} if latest else {})}
    (folder / "one.json").write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))
    return Engine(Home(tmp_path), "one")


def test_outputs_are_read_with_secrets_masked(tmp_path: Path) -> None:
    outputs = {"logins": {"pod": {"vaultRole": "dev"}}, "kubeconfig": SECRET, "list": [{"inner": SECRET}, 1]}
    stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
    read = engine(tmp_path, {"resources": [{"type": "aws:iam/role:Role"}, stack]}).outputs()
    masked = {"kubeconfig": "[secret]", "list": [{"inner": "[secret]"}, 1]}
    assert read == {"logins": {"pod": {"vaultRole": "dev"}}, **masked}


def test_what_a_killed_run_was_at_is_read(tmp_path: Path) -> None:
    pending = [{"resource": {"urn": ROLE}, "type": "creating"}]
    assert engine(tmp_path, {"pending_operations": pending}).interrupted_operations() == [ROLE]


@pytest.mark.parametrize("written", [None, "", "encryptionsalt: v1:abc:def\nconfig: {}\n"])
def test_a_stack_whose_making_was_killed_gets_its_stack_file_all_the_same(
    written: str | None, tmp_path: Path
) -> None:
    """`stack init` writes the state first; the file, with the salt of the passphrase, last."""
    half = engine(tmp_path, None)
    home = half.home
    _ = home.ports
    (home.root / "pulumi" / "project").mkdir()
    if written is not None:
        half._config_file.write_text(written)
    mine = tmp_path / "Pulumi.one.yaml"
    mine.write_text("config: {aws:region: us-east-1}")
    made = yaml.safe_load(half._write_config(mine).read_text())
    assert made["config"]["aws:region"] == "us-east-1"
    assert made["config"]["vault-aws-auth:vault"]["address"] == home.vault_address
    assert ("encryptionsalt" in made) == bool(written)
    assert half.renew_stack_file()


def test_stacks_are_in_their_order_even_if_the_last_one_is_not_in_the_list_yet(tmp_path: Path) -> None:
    state = next(engine(tmp_path, None).home.root.rglob("one.json"))
    for name in ("b", "a"):
        (state.parent / f"{name}.json").write_text(state.read_text())
    (tmp_path / "pulumi" / "stacks.json").write_text('["one", "gone", "b"]')
    assert stacks(Home(tmp_path)) == ["one", "b", "a"]


@pytest.mark.parametrize("latest", [None, {}, {"resources": None}])
def test_without_a_run_there_is_nothing(tmp_path: Path, latest: dict[str, Any] | None) -> None:
    new = engine(tmp_path, latest)
    assert new.outputs() == {}
    assert new.interrupted_operations() == []
    assert Engine(Home(tmp_path), "another").outputs() == {}


def test_a_state_that_is_cut_off_is_one_message(tmp_path: Path) -> None:
    broken = engine(tmp_path, None)
    path = next(tmp_path.rglob("one.json"))
    path.write_text(path.read_text()[:-5])
    with pytest.raises(SandboxError, match=r"one\.json is damaged"):
        broken.outputs()


def test_of_a_state_that_is_lost_everything_is_unknown(tmp_path: Path) -> None:
    broken = engine(tmp_path, None)
    assert not broken.is_lost
    next(tmp_path.rglob("one.json")).write_text("")
    assert broken.is_lost
    assert [urn.rpartition("::")[2] for urn in broken.interrupted_operations()] == ["vault-aws-auth-one"]


def test_a_state_is_mended_where_the_run_that_cut_it_off_has_ended_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could not write it, on a full disk, and has released its lock."""
    broken = engine(tmp_path, None)
    state = next(tmp_path.rglob("one.json"))
    whole = state.read_text()
    state.with_name("one.json.bak").write_text(whole)
    state.write_text("")
    broken.recover()
    assert "was cut off" in capsys.readouterr().out
    assert state.read_text() == whole


@pytest.mark.parametrize("cut_off", ["", '{"version": 3, "checkp'])
def test_a_state_that_a_kill_has_cut_off_is_that_of_the_step_before(tmp_path: Path, cut_off: str) -> None:
    state = tmp_path / "one.json"
    state.write_text(cut_off)
    assert not mend_state(state)  # without a backup, the engine says what is wrong
    (tmp_path / "one.json.bak").write_text('{"version": 3}')
    assert mend_state(state)
    assert state.read_text() == '{"version": 3}'
    assert not mend_state(state)


def test_an_engine_that_outlived_what_started_it_is_found_by_its_lock(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    shutil.copy("/bin/sleep", program)
    lock = tmp_path / "lock.json"
    with subprocess.Popen([str(program), "60"]) as process:
        lock.write_text(json.dumps({"pid": process.pid}))
        found = _living_engine(lock)
        assert found
        assert found.pid == process.pid
        process.kill()
        process.wait()
    assert _living_engine(lock) is None
    lock.write_text(json.dumps({"pid": os.getpid()}))  # the number is another program's by now
    assert _living_engine(lock) is None
