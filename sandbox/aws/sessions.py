"""The sessions that STS has issued, in memory and in a journal that survives restarts.

A new session appends one line, so that a login costs the same however many came before. When the file has
doubled in size, it is rewritten without the sessions that expired long ago.
"""

import dataclasses
import json
import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sandbox.aws.state import Session, UnusableState

_HEADER = b"vault-aws-auth emulator sessions 1\n"
_KEPT = timedelta(days=1)  # after its expiry; until then, a session is refused as expired
_COMPACT_AT_LEAST = 1000  # lines


class Sessions:
    """The sessions, by access key ID. Thread-safe."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, Session] = {}
        self._journal = -1  # opened at the first write
        self._size = 0  # of the file, in bytes
        self._lines = 0
        self._compact_at = _COMPACT_AT_LEAST

    def load(self) -> None:
        """Reads the journal, if any, without a last line that a kill cut off, because that was never
        answered.
        """
        if not self._file.exists():
            return
        data = self._file.read_bytes()
        if not data.startswith(_HEADER):
            raise UnusableState(self._file, "it is not a journal of this emulator's sessions")
        # After the last newline, there is nothing or a cut-off line.
        for number, line in enumerate(data.removeprefix(_HEADER).split(b"\n")[:-1], start=2):
            try:
                session = _read(line)
            except (ValueError, TypeError, KeyError) as error:
                raise UnusableState(self._file, f"line {number} is damaged") from error
            self._known[session.access_key_id] = session
        with self._lock:
            self._compact(datetime.now(timezone.utc))

    def get(self, access_key_id: str) -> Session | None:
        """The session with this key; includes those expired within a day."""
        return self._known.get(access_key_id)

    def add(self, session: Session) -> None:
        """Adds a session and writes it to the journal."""
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
        except OSError:  # such as no space: half a line in the middle would damage the file
            os.ftruncate(self._journal, self._size)
            raise
        self._size += len(line)
        self._lines += 1

    def _compact(self, now: datetime) -> None:
        """Rewrites the journal with the sessions still known; a kill meanwhile leaves the old one."""
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
