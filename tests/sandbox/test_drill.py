"""Whatever is killed, and when: the next run converges. `make drill` tries forty moments."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.drill import drill
from tests.sandbox.kit import Sandbox

AS_LONG_AS_THEY_TAKE = (20.0, 8.0)


@pytest.mark.timeout(900)
def test_kills_at_random_moments_are_made_good_by_the_next_run(another_sandbox: Sandbox) -> None:
    """One `up` and one `down`; in the end there is nothing left."""
    seed = time.time_ns() % 10**6
    print(f"to repeat: python -m tests.sandbox.drill --moments 2 --seed {seed}")
    try:
        for line in drill(another_sandbox, 2, seed, AS_LONG_AS_THEY_TAKE):
            print(line)
    finally:
        another_sandbox.run("down", "--force")
