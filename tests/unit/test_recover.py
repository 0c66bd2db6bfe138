"""What a killed run was creating is named, and what exists of it is taken over into the state."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stack import recover
from stack.__main__ import app

STACK = "urn:pulumi:dev::vault-aws-auth::pulumi:pulumi:Stack::vault-aws-auth-dev"
LOGIN = "urn:pulumi:dev::vault-aws-auth::vault-aws-auth:index:ServiceAccountLogin$"
ROLE = f"{LOGIN}aws:iam/role:Role::api-iam-role"
ACCOUNT = f"{LOGIN}kubernetes:core/v1:ServiceAccount::api-account"
KEY = f"{LOGIN}aws:iam/accessKey:AccessKey::key"
POLICY = f"{LOGIN}vault:index/policy:Policy::dev"


def operation(urn: str, what: str = "creating", **inputs: Any) -> dict[str, Any]:
    resource = {"urn": urn, "custom": True, "type": urn.split("$")[1].rsplit("::", 1)[0], "inputs": inputs}
    return {"type": what, "resource": {**resource, "parent": STACK, "provider": "p::1"}}


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The state of a run that was killed."""
    operations = [
        operation(ROLE, name="api"),
        operation(ACCOUNT, metadata={"namespace": "default", "name": "api"}),
        operation(KEY, user="vault-auth"),
        operation(POLICY, "updating", name="dev"),
    ]
    resources: list[dict[str, Any]] = [{"urn": STACK, "type": "pulumi:pulumi:Stack"}]
    resources.append({**operations[3]["resource"], "id": "dev", "outputs": {"policy": "old"}})
    path = tmp_path / "killed.json"
    path.write_text(
        json.dumps({"version": 3, "deployment": {"resources": resources, "pending_operations": operations}})
    )
    return path


def test_what_was_being_changed_is_named(killed: Path) -> None:
    done = CliRunner().invoke(app, ["recover", str(killed)])
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "creating aws:iam/role:Role api",
        f"  {ROLE}",
        "creating kubernetes:core/v1:ServiceAccount default/api",
        f"  {ACCOUNT}",
        "creating aws:iam/accessKey:AccessKey key",
        f"  {KEY}",
        "updating vault:index/policy:Policy dev",
        f"  {POLICY}",
    ]


def test_what_exists_is_taken_over_and_nothing_else(killed: Path) -> None:
    mended = killed.with_name("mended.json")
    words = ["recover", str(killed), "--exists", f"{ROLE}=api", "--exists", f"{ACCOUNT}=default/api"]
    done = CliRunner().invoke(app, [*words, "--output", str(mended)])
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(mended.stat().st_mode) == 0o600
    before, after = (json.loads(path.read_text())["deployment"] for path in (killed, mended))
    assert "pending_operations" not in after
    assert after["resources"][: len(before["resources"])] == before["resources"]
    role, account = after["resources"][len(before["resources"]) :]
    assert role == {**before["pending_operations"][0]["resource"], "id": "api", "outputs": {}}
    assert (account["urn"], account["id"], account["parent"]) == (ACCOUNT, "default/api", STACK)


@pytest.mark.parametrize(
    ("urn", "said"),
    [
        (POLICY, f"{POLICY} was not being created; that was: {ROLE}"),
        (KEY, "its secret is lost: delete it"),
        (f"{ROLE}-2", "was not being created"),
    ],
)
def test_what_cannot_be_taken_over_says_why(urn: str, said: str, killed: Path) -> None:
    with pytest.raises(recover.RecoverError) as refused:
        recover.adopted(recover.read(killed), {urn: "one"})
    assert said in str(refused.value)


def test_a_replacement_is_not_taken_over_beside_what_it_replaces(killed: Path) -> None:
    state = recover.read(killed)
    state["deployment"]["resources"].append({"urn": ROLE, "type": "aws:iam/role:Role", "id": "old"})
    with pytest.raises(recover.RecoverError, match="delete the new one"):
        recover.adopted(state, {ROLE: "api"})
    state["deployment"]["resources"][-1]["delete"] = True
    assert recover.adopted(state, {ROLE: "api"})["deployment"]["resources"][-1]["id"] == "api"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"deployment": null}', '{"deployment": []}'])
def test_what_is_no_state_is_one_message(text: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with pytest.raises(recover.RecoverError, match="pulumi stack export --file"):
        recover.read(path)
    path.write_text(text)
    with pytest.raises(recover.RecoverError, match="is not a state"):
        recover.read(path)


def test_a_device_or_a_folder_is_not_replaced_by_a_state(killed: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = CliRunner().invoke(app, ["recover", str(killed), "--output", str(pipe)])
    assert str(done.exception) == f"--output {pipe}: is not a file; name one"
    assert pipe.is_fifo()


def test_a_state_with_nothing_pending_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"version": 3, "deployment": {}}')
    assert CliRunner().invoke(app, ["recover", str(path)]).stdout == "nothing was being changed\n"
