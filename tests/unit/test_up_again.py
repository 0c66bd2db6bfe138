"""`up` after one in which a plugin was killed, or got no answer: what is in the way goes with the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox import __main__ as command
from sandbox import interrupted
from sandbox.engine import Engine, EngineFailed
from sandbox.home import Home
from sandbox.processes import Processes
from tests.sandbox.kit import SMALL_STACK

ROLE = "urn:pulumi:dev::vault-aws-auth::aws:iam/role:Role::api-iam-role"


class World:
    """A sandbox whose engine fails as often as it is told to."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.fails = 0
        self.ups = 0

    def lose_an_answer(self) -> None:
        with pytest.raises(OSError, match="reset"), interrupted.creating(ROLE, lambda _: False):
            raise OSError("reset")

    def run(self, *_: Any, **__: Any) -> None:
        self.ups += 1
        if self.ups <= self.fails:
            raise EngineFailed("pulumi up failed")

    def up(self) -> Result:
        stack_file = self.home.root.parent / "Pulumi.dev.yaml"
        stack_file.write_text(SMALL_STACK)
        words = ["up", "--stack", "dev", "--config", str(stack_file), "--no-logins"]
        return CliRunner().invoke(command.app, words)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    made = World(Home.from_environment())
    made.home.create()
    _ = made.home.ports
    monkeypatch.setattr(command, "_start", lambda *_: None)
    monkeypatch.setattr("sandbox.place.variables", lambda *_: {})
    monkeypatch.setattr("sandbox.environment.write_shell_file", lambda home, *_: home.root / "env")
    monkeypatch.setattr("sandbox.charts.install", lambda *_: [])
    monkeypatch.setattr("sandbox.engine.stacks", lambda _: ["dev"])
    monkeypatch.setattr(Engine, "up", lambda _, *words, **options: made.run(*words, **options))
    monkeypatch.setattr(Processes, "stop", lambda *_, **__: ["vault"])
    (made.home.root / "vault" / "data").mkdir()
    return made


def test_what_is_not_in_the_way_stays_and_down_knows_of_it(world: World) -> None:
    world.lose_an_answer()
    done = world.up()
    assert done.exit_code == 0, done.output
    assert (world.home.root / "vault" / "data").exists()
    assert interrupted.creations(world.home, "dev") == []
    assert interrupted.noted(world.home) == [ROLE]


def test_what_is_in_the_way_goes_with_the_sandbox(world: World) -> None:
    world.lose_an_answer()
    world.fails = 1
    done = world.up()
    assert done.exit_code == 0, done.output
    assert "got no answer, while it changed api-iam-role" in " ".join(done.output.split())
    assert world.ups == 2
    assert not (world.home.root / "vault" / "data").exists()


def test_a_failure_that_no_lost_answer_explains_is_told_once_and_nothing_goes(world: World) -> None:
    world.fails = 1
    done = world.up()
    assert isinstance(done.exception, EngineFailed)
    assert world.ups == 1
    assert (world.home.root / "vault" / "data").exists()
