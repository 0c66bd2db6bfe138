"""The sessions that STS has issued, in memory and in a journal, from which a restart reads them.

A new session is one line at the end of a file, so that a login costs the same however many came before it.
When the file has grown to twice its size it is written anew, without what expired long ago.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sandbox.aws.state import Session, UnusableState

_HEADER = b"vault-aws-auth emulator sessions 1\n"
_KEPT = timedelta(days=1)  # after its expiry; until then a session is known, and refused as expired
_COMPACT_AT_LEAST = 1000  # lines


class Sessions:
    """The sessions, by access key ID. Safe to use from several threads without another lock."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, Session] = {}
        self._journal = -1  # the open file, once there is something to write
        self._size = 0  # of the file, in bytes
        self._lines = 0
        self._compact_at = _COMPACT_AT_LEAST

    def load(self) -> None:
        """Reads the journal, if there is one; less a last line that a kill cut off: it was never answered."""
        if not self._file.exists():
            return
        data = self._file.read_bytes()
        if not data.startswith(_HEADER):
            raise UnusableState(self._file, "it is not a journal of this emulator's sessions")
        # What follows the last newline is empty, or cut off.
        for number, line in enumerate(data.removeprefix(_HEADER).split(b"\n")[:-1], start=2):
            try:
                session = _read(line)
            except (ValueError, TypeError, KeyError) as error:
                raise UnusableState(self._file, f"line {number} is damaged") from error
            self._known[session.access_key_id] = session
        with self._lock:
            self._compact(datetime.now(timezone.utc))

    def get(self, access_key_id: str) -> Session | None:
        """The session with this key; an expired one, too, for a day."""
        return self._known.get(access_key_id)

    def add(self, session: Session) -> None:
        """Keeps a new session. It is in the journal when this returns."""
        with self._lock:
            if self._lines >= self._compact_at or self._journal < 0:
                self._compact(session.issued)
            self._append(_line(session))
            self._known[session.access_key_id] = session

    def _append(self, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.write(self._journal, line[written:])
        except OSError:  # no space, for one: half a line in the middle would damage the file
            os.ftruncate(self._journal, self._size)
            raise
        self._size += len(line)
        self._lines += 1

    def _compact(self, now: datetime) -> None:
        """Writes the journal anew, with what is still known; a kill in between leaves the old one."""
        kept = {key: session for key, session in self._known.items() if now < session.expiration + _KEPT}
        content = _HEADER + b"".join(map(_line, kept.values()))
        new = self._file.with_suffix(".new")
        journal = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            with os.fdopen(os.dup(journal), "wb") as file:
                file.write(content)
            new.replace(self._file)
        except OSError:
            os.close(journal)
            raise
        if self._journal >= 0:
            os.close(self._journal)
        self._journal, self._known = journal, kept
        self._size, self._lines = len(content), len(kept)
        self._compact_at = max(_COMPACT_AT_LEAST, 2 * len(kept))


def _line(session: Session) -> bytes:
    content = {
        **vars(session),
        "issued": session.issued.isoformat(),
        "expiration": session.expiration.isoformat(),
    }
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


_FIELDS = {item.name for item in dataclasses.fields(Session)}


def _read(line: bytes) -> Session:
    content: dict[str, Any] = json.loads(line)
    if content.keys() != _FIELDS:
        raise ValueError("not the fields of a session")
    times = {name: datetime.fromisoformat(content[name]) for name in ("issued", "expiration")}
    tuples = {name: tuple(content[name]) for name in ("policy_arns", "transitive")}
    return Session(**{**content, **times, **tuples})
