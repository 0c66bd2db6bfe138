"""A sandbox for the tests that look at stack `local`, a leased one for other stacks, and some to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.installed import Installed
from tests.sandbox.kit import Sandbox
from tests.sandbox.lease import Pool


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


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Lends the worker's sandbox for as long as a fixture or a test wants it."""
    made = Pool(tmp_path_factory.mktemp("leased"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def enterprise_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """The same, of a sandbox that plays Vault Enterprise since its first borrower wanted that.

    Its tests are of the group `enterprise`, and have one issuer.
    """
    made = Pool(tmp_path_factory.mktemp("enterprise"), started=False)
    yield made
    made.close()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package, installed as the pages say. Its tests are of the group `component package`."""
    return Installed(tmp_path_factory.mktemp("installed")).make()


@pytest.fixture
def leased(pool: Pool) -> Iterator[Sandbox]:
    """A sandbox without any stack, as new; and proved to be so again after the test."""
    with pool.lease() as lent:
        yield lent


@pytest.fixture(scope="module")
def example(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Sandbox]:
    """The example that a module names in `EXAMPLE`, brought up alone from nothing, as its README says.

    Its login as each workload is part of that; and that nothing is left of it afterwards.
    """
    name = request.module.EXAMPLE
    with pool.lease() as lent:
        lent.first_up = lent.up_as_on_aws("--stack", name, "--config", f"examples/{name}/Pulumi.{name}.yaml")
        yield lent


@pytest.fixture
def another_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, not started, for what no other can be used after; nothing of it stays."""
    made = Sandbox(tmp_path / "another")
    try:
        yield made
    finally:
        made.run("stop")
