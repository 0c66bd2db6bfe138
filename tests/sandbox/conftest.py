"""A sandbox for the tests that look at stack `local`, one for each example, and others to break things in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.kit import Sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a sandbox go to one worker; every other one brings its own and goes anywhere."""
    for item in items:
        used = getattr(item, "fixturenames", ())
        if "sandbox" in used:
            item.add_marker(pytest.mark.xdist_group("shared sandbox"))
        elif "example" in used:
            item.add_marker(pytest.mark.xdist_group(f"example of {item.path.name}"))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox with stack `local`, brought up once from nothing."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        made.first_up = made.up()
        yield made
    finally:
        answer = made.run("down")
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The example that a module names in `EXAMPLE`, brought up alone from nothing, as its README says.

    Its login as each workload is part of that; and that nothing is left of it afterwards.
    """
    name = request.module.EXAMPLE
    made = Sandbox(tmp_path_factory.mktemp(name))
    try:
        made.first_up = made.up("--stack", name, "--config", f"examples/{name}/Pulumi.{name}.yaml")
        yield made
    finally:
        answer = made.run("down")
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture
def another_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A second sandbox beside the first, for tests that break things; nothing of it stays."""
    made = Sandbox(tmp_path / "another")
    try:
        yield made
    finally:
        made.run("stop")
