"""What the sandbox reads from the state that the engine has written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine import Engine
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
