"""Pods that log in side by side: none is lost, and the next one costs what the first did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from sandbox.aws import tokens
from sandbox.aws.front import Front
from sandbox.aws.store import Store
from sandbox.aws.sts import Sts
from tests.emulator import logins
from tests.emulator.world import Emulator


@pytest.fixture
def role(fresh: Emulator) -> str:
    return logins.prepare(fresh)


def test_two_hundred_at_once_all_get_in(fresh: Emulator, role: str) -> None:
    names = [f"pod-{number}" for number in range(200)]
    assert logins.errors_of(lambda name: logins.log_in(fresh, role, name), names, threads=200) == []


def test_a_token_is_verified_without_the_lock_and_everything_else_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles and providers may change meanwhile; an issuer that does not answer keeps nobody else waiting."""
    store = Store(tmp_path)
    held = []

    def step(answer: Any) -> Any:
        def answered(*_: Any) -> Any:
            held.append(store.lock._is_owned())  # type: ignore[attr-defined]
            return answer

        return answered

    monkeypatch.setattr(Sts, "accepted_audiences", step(("sts.amazonaws.com",)))
    monkeypatch.setattr(tokens, "verify", step(None))
    monkeypatch.setattr(Sts, "web_identity", step(Response("in")))
    answer = Client(Front(tmp_path, store, "us-east-1")).post(
        "/", data={"Action": "AssumeRoleWithWebIdentity"}
    )
    assert (answer.text, held) == ("in", [True, False, True])


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
