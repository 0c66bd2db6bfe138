"""`down` after a kill: what nobody can tell goes with the sandbox; what no kill explains is told and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox import __main__ as command
from sandbox.engine import Engine, EngineFailed
from sandbox.home import Home
from sandbox.leftovers import Difference
from sandbox.processes import Processes
from tests.sandbox.kit import SMALL_STACK

ROLE = "urn:pulumi:second::vault-aws-auth::aws:iam/role:Role::second-iam-role"
LEFT = "AWS 111111111111: IAM role second"


class World:
    """A sandbox with two stacks, whose engine and services are told what to do."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.left: list[str] = []
        self.fails: set[str] = set()
        self.killed = False
        """Whether `down` is interrupted when it looks for what is left."""

    @property
    def states(self) -> Path:
        return self.home.root / "pulumi" / "state" / ".pulumi" / "stacks" / "vault-aws-auth"

    def stack(self, name: str, *pending: str) -> None:
        operations = [{"resource": {"urn": urn}, "type": "creating"} for urn in pending]
        state = {
            "checkpoint": {
                "latest": {
                    "resources": [{"urn": "x", "type": "pulumi:pulumi:Stack"}],
                    "pending_operations": operations,
                }
            }
        }
        (self.states / f"{name}.json").write_text(json.dumps(state))

    def down(self, *words: str) -> Result:
        return CliRunner().invoke(command.app, ["down", *words])

    def destroy(self, engine: Engine) -> None:
        if engine.stack in self.fails:
            raise EngineFailed(f"pulumi destroy of stack {engine.stack} failed")
        (self.states / f"{engine.stack}.json").unlink()

    def difference(self, *_: Any) -> Difference:
        if self.killed:
            self.killed = False
            raise KeyboardInterrupt
        return Difference(self.left, [])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    made = World(Home.from_environment())
    made.home.create()
    _ = made.home.ports
    made.states.mkdir(parents=True)
    monkeypatch.setattr(command, "_start_to_look", lambda *_: None)
    monkeypatch.setattr("sandbox.charts.remove", lambda *_: None)
    monkeypatch.setattr("sandbox.leftovers.revoke_leases", lambda *_: 0)
    monkeypatch.setattr("sandbox.services.tell_that_all_is_as_new", lambda _: None)
    monkeypatch.setattr("sandbox.leftovers.difference", made.difference)
    monkeypatch.setattr(Engine, "outputs", lambda _: {})
    monkeypatch.setattr(Engine, "destroy", lambda engine: made.destroy(engine))
    monkeypatch.setattr(Processes, "running", lambda _: {"vault": None})
    monkeypatch.setattr(Processes, "stop", lambda *_, **__: ["vault"])
    made.stack("first")
    made.stack("second", ROLE)
    return made


def test_what_a_killed_engine_was_changing_goes_with_the_sandbox_whichever_stack_it_was_of(
    world: World,
) -> None:
    world.left = [LEFT]
    done = world.down()
    assert done.exit_code == 0, done.output
    assert "got no answer, while it changed second-iam-role" in done.output
    assert f"left behind, and deleted with the sandbox: {LEFT}" in done.output
    assert not world.home.has_data


def test_it_is_known_when_its_stack_has_gone_before_the_others(world: World) -> None:
    world.left = [LEFT]
    assert world.down("--stack", "second").exit_code == 0
    assert world.home.has_data
    done = world.down()
    assert done.exit_code == 0, done.output
    assert f"deleted with the sandbox: {LEFT}" in done.output
    assert not world.home.has_data


def test_it_is_known_to_the_down_after_one_that_was_interrupted(world: World) -> None:
    world.left, world.killed = [LEFT], True
    assert world.down().exit_code == 130
    assert list(world.states.iterdir()) == []
    assert world.down().exit_code == 0
    assert not world.home.has_data


def test_a_stack_that_cannot_be_destroyed_since_goes_with_the_sandbox(world: World) -> None:
    """What is unknown may hold on to what is known: a role with a policy attached cannot be deleted."""
    world.left, world.fails = [LEFT], {"first"}
    done = world.down()
    assert done.exit_code == 0, done.output
    assert "stack first cannot be destroyed any more" in done.output
    assert not world.home.has_data


def test_a_stack_whose_state_is_lost_goes_with_the_sandbox(world: World) -> None:
    """On a full disk the engine writes an empty state over the old one."""
    (world.states / "second.json").write_text("")
    world.left, world.fails = [LEFT], {"second"}
    done = world.down()
    assert done.exit_code == 0, done.output
    assert "got no answer, while it changed vault-aws-auth-second" in done.output
    assert not world.home.has_data


def test_alone_it_stays_as_the_others_need_the_sandbox(world: World) -> None:
    world.fails = {"second"}
    assert isinstance(world.down("--stack", "second").exception, EngineFailed)
    assert world.home.has_data


def test_what_no_kill_explains_is_told_and_kept(world: World) -> None:
    world.stack("second")
    world.left = [LEFT]
    done = world.down()
    assert "this was left behind" in str(done.exception)
    assert world.home.has_data


def test_a_stack_that_cannot_be_destroyed_without_a_kill_is_told_and_kept(world: World) -> None:
    world.stack("second")
    world.fails = {"second"}
    assert isinstance(world.down().exception, EngineFailed)
    assert world.home.has_data


def test_a_sandbox_that_is_kept_has_to_be_as_before(world: World) -> None:
    world.left = [LEFT]
    done = world.down("--keep")
    assert LEFT in str(done.exception)
    world.left = []
    assert world.down("--keep").exit_code == 0
    world.left = [LEFT]
    assert LEFT in str(world.down().exception), "that kill does not explain what is new since"


def test_up_with_several_stacks_says_how_to_go_on_without_force(world: World, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.second.yaml").write_text(SMALL_STACK)
    words = ["up", "--stack", "second", "--config", str(tmp_path / "Pulumi.second.yaml")]
    said = str(CliRunner().invoke(command.app, words).exception)
    assert "changed second-iam-role; whether it did is unknown" in said
    assert "python -m sandbox down, then bring the stacks up" in said
    assert "--force" not in said
