"""One sandbox for the tests that look at scenario A, and another for those that break things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.kit import Sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the shared sandbox go to one worker; every other one brings its own and goes anywhere."""
    for item in items:
        if "sandbox" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("shared sandbox"))


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


@pytest.fixture
def another_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A second sandbox beside the first, for tests that break things; nothing of it stays."""
    made = Sandbox(tmp_path / "another")
    try:
        yield made
    finally:
        made.run("stop")
