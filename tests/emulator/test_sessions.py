"""The journal of sessions: what a kill, a full disk or damage leaves of it, and how it stays small."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sandbox.aws.sessions import Sessions
from sandbox.aws.state import Session, UnusableState
from sandbox.aws.store import Store

NOW = datetime.now(timezone.utc)


def session(key: str, expiration: datetime = NOW + timedelta(hours=1)) -> Session:
    return Session(
        access_key_id=key,
        secret_access_key="not one",
        session_token="neither",
        issued=NOW,
        expiration=expiration,
        account="111111111111",
        partition="aws",
        kind="role",
        owner_id="AROAEXAMPLE",
        owner_arn="arn:aws:iam::111111111111:role/app",
        name="tester",
        tags={"team": "blue ü\n"},
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        transitive=("team",),
    )


def reread(file: Path) -> Sessions:
    sessions = Sessions(file)
    sessions.load()
    return sessions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.jsonl"


def test_a_restart_reads_every_field_again(file: Path) -> None:
    Sessions(file).add(session("ASIA1"))
    assert reread(file).get("ASIA1") == session("ASIA1")


def test_a_line_that_a_kill_cut_off_is_dropped_and_does_not_spoil_the_next(file: Path) -> None:
    sessions = Sessions(file)
    sessions.add(session("ASIA1"))
    whole = file.stat().st_size
    sessions.add(session("ASIA2"))
    for kept in (whole + 1, whole + 100, file.stat().st_size - 1):
        cut = file.with_name(f"cut-{kept}")
        cut.write_bytes(file.read_bytes()[:kept])
        again = reread(cut)
        assert (again.get("ASIA1"), again.get("ASIA2")) == (session("ASIA1"), None)
        again.add(session("ASIA3"))
        assert reread(cut).get("ASIA3") == session("ASIA3")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"account":"1', b'"account:"1', "line 2 is damaged"),
        (b'"account":', b'"another":', "line 2 is damaged"),
        (b"sessions 1", b"sessions 9", "it is not a journal of this emulator's sessions"),
    ],
)
def test_damage_elsewhere_is_said(file: Path, old: bytes, new: bytes, reason: str) -> None:
    Sessions(file).add(session("ASIA1"))
    file.write_bytes(file.read_bytes().replace(old, new, 1))
    before = file.read_bytes()
    with pytest.raises(UnusableState, match=f"{file} cannot be used: {reason}"):
        reread(file)
    assert file.read_bytes() == before


def test_a_full_disk_refuses_a_session_and_keeps_the_others(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(file)
    sessions.add(session("ASIA1"))
    write = os.write

    def fill(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:-50])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fill)
        with pytest.raises(OSError, match="No space"):
            sessions.add(session("ASIA2"))
    assert sessions.get("ASIA2") is None
    sessions.add(session("ASIA3"))
    again = reread(file)
    found = [again.get(key) is not None for key in ("ASIA1", "ASIA2", "ASIA3")]
    assert found == [True, False, True]


def test_it_is_written_anew_ever_more_seldom(file: Path) -> None:
    sessions = Sessions(file)
    files = []
    for number in range(9000):
        sessions.add(session(f"ASIA{number}"))
        files.append(file.stat().st_ino)
    replaced = [number for number in range(1, 9000) if files[number] != files[number - 1]]
    assert replaced == [1000, 2000, 4000, 8000]
    again = reread(file)
    assert all(again.get(f"ASIA{number}") for number in range(9000))


def test_what_expired_a_day_ago_is_forgotten_and_not_before(file: Path) -> None:
    sessions = Sessions(file)
    sessions.add(session("ASIALONGAGO", NOW - timedelta(hours=25)))
    sessions.add(session("ASIAEXPIRED", NOW - timedelta(hours=23)))
    again = reread(file)
    assert again.get("ASIALONGAGO") is None
    assert again.get("ASIAEXPIRED") is not None
    assert b"ASIALONGAGO" not in file.read_bytes()


def test_it_is_for_its_owner_only(file: Path) -> None:
    Sessions(file).add(session("ASIA1"))
    assert file.stat().st_mode & 0o777 == 0o600


def test_sessions_that_an_older_version_kept_in_the_state_go_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    vars(store.state)["sessions"] = {"ASIA1": session("ASIA1")}
    store.save("111111111111")
    later = Store(tmp_path)
    assert later.load()
    assert later.sessions.get("ASIA1") == session("ASIA1")
    assert reread(tmp_path / "sessions.jsonl").get("ASIA1") is not None
