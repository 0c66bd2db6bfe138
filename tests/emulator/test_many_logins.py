"""Pods that log in side by side: none is lost, and the next one costs what the first did."""

from __future__ import annotations

import itertools
import threading

import pytest

from tests.emulator import logins
from tests.emulator.world import PRIMARY, Emulator, make_role, root, trust


@pytest.fixture
def role(fresh: Emulator) -> str:
    return logins.prepare(fresh)


def test_two_hundred_at_once_all_get_in(fresh: Emulator, role: str) -> None:
    names = [f"pod-{number}" for number in range(200)]
    assert logins.errors_of(lambda name: logins.log_in(fresh, role, name), names, threads=200) == []


def test_they_get_in_while_roles_come_and_go(fresh: Emulator, role: str) -> None:
    over = threading.Event()

    def change() -> None:
        iam = fresh.client("iam")
        for number in itertools.count():
            if over.is_set():
                return
            make_role(fresh, f"other-{number}", trust(root(PRIMARY)))
            if number % 3 == 0:
                iam.delete_role(RoleName=f"other-{number}")

    changing = threading.Thread(target=change)
    changing.start()
    names = [f"pod-{number}" for number in range(200)]
    errors = logins.errors_of(lambda name: logins.log_in(fresh, role, name), names, threads=32)
    over.set()
    changing.join()
    assert errors == []


def test_a_login_writes_one_line_and_nothing_else(fresh: Emulator, role: str) -> None:
    state, journal = fresh.home / "state.pickle", fresh.home / "sessions.jsonl"
    logins.log_in(fresh, role, "pod-0")
    before = state.stat()
    sizes = []
    for count in (100, 500):
        size = journal.stat().st_size
        names = [f"pod-{number:04}" for number in range(count)]
        assert logins.errors_of(lambda name: logins.log_in(fresh, role, name), names, threads=4) == []
        sizes.append((journal.stat().st_size - size) / count)
    assert sizes[0] == sizes[1]
    after = state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_kill_in_the_middle_loses_nobody_who_was_let_in(fresh: Emulator, role: str) -> None:
    let_in = []

    def assume(name: str) -> None:
        let_in.append((name, logins.assume(fresh, role, name)))
        if len(let_in) == 50:
            fresh.process.kill()

    names = [f"pod-{number}" for number in range(200)]
    refused = logins.errors_of(assume, names, threads=16)
    assert len(refused) + len(let_in) == 200
    assert len(let_in) < 200
    fresh.process.wait()
    fresh.start()
    for name, credentials in let_in:
        assert logins.prove(fresh, credentials).endswith(f"/{name}")
    logins.log_in(fresh, role, "pod-after")
