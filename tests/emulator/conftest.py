"""Running emulators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.world import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests of a worker; each test uses names of its own."""
    running = Emulator(tmp_path_factory.mktemp("aws"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator of the test's own, to be stopped and started at will."""
    running = Emulator(tmp_path)
    running.start()
    yield running
    running.stop()
