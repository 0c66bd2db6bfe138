"""Whatever is killed or fails, and when: the next run converges. `make drills` tries all of the table."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.table import DRILLS, shared

CHEAP = (
    ("kill: command", "up"),
    ("kill: plugin aws", "down"),
    ("vault: sealed", "up"),
    ("aws: loses a tenth of the answers", "down"),
)
"""Drills, and which command is disturbed: in this order each finds what it needs."""

AS_LONG_AS_THEY_TAKE = {"up": 20.0, "down": 8.0}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One sandbox for all of them."""
    made = shared(tmp_path_factory.mktemp("drills"))
    made.__dict__["took"] = AS_LONG_AS_THEY_TAKE  # measuring that would be two runs more
    yield made
    made.give_up()


@pytest.mark.timeout(900)
def test_what_goes_wrong_in_the_middle_is_made_good_by_the_next_run(
    ground: Ground, subtests: pytest.Subtests
) -> None:
    """In the end there is nothing left."""
    seed = time.time_ns() % 10**6
    for title, word in CHEAP:
        middle = next(drill.middle for drill in DRILLS if drill.title == title)
        assert middle
        with subtests.test(f"{title}, {word}, seed {seed}"):
            words = ground.up if word == "up" else ground.down
            middle.moment(ground, words, random.Random(f"{seed} {title}"))  # noqa: S311 - no secret


def test_every_drill_has_a_name_of_its_own_and_something_that_happens() -> None:
    titles = [drill.title for drill in DRILLS]
    assert len(set(titles)) == len(titles)
    assert {title for title, _ in CHEAP} <= set(titles)
    assert all(bool(drill.middle) != bool(drill.around) for drill in DRILLS)


def test_a_secret_is_found_wherever_it_is_not_meant_to_be(tmp_path: Path) -> None:
    """The search itself works: in files, in what was printed, on command lines."""
    ground = Ground(tmp_path)
    ground._known = {"the token": b"hvs.secret"}
    ground.home.create()
    places = [ground.home.root / "logs" / "vault.log", ground.temporary / "state.json"]
    for place in places:
        place.write_text("token: hvs.secret")
    (ground.home.root / "env").write_text("hvs.secret")
    ground.printed.append("hvs.secret")
    ground.command_lines.add("vault login hvs.secret")
    found = list(ground._plain_secrets(is_up=False))
    assert len(found) == 4
    assert not any("/env" in line for line in found)
