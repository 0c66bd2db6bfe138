"""Persistence: every change is on disk before it is answered, and survives kill -9.

One file, replaced atomically. It has a pickle for each service of each account, so that a change pickles only
what it touched.
"""

import contextlib
import hashlib
import io
import os
import pickle
import threading
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from moto.core.base_backend import BaseBackend
from moto.iam.models import AWSManagedPolicy

from sandbox.aws import moto_services
from sandbox.aws.replicas import REPLICAS
from sandbox.aws.sessions import Sessions
from sandbox.aws.state import State, UnusableState

_MAGIC = b"vault-aws-auth emulator state\n"
_GROWTH = 2**16
"""Bytes that a change may add."""
_FORMAT = f"1 moto {version('moto')}"
# Auto Scaling groups refer to EC2's instances: in separate pickles, they would become copies.
_SEGMENTS = {"compute": ("autoscaling", "ec2"), "iam": ("iam",)}
# The segments that a call of a service can change, beside the package's own state.
TOUCHED = {
    "autoscaling": ("compute", "iam"),
    "ec2": ("compute",),
    "eks": ("compute", "iam"),
    "iam": ("iam",),
}


class Store:
    """The state file of an emulator. Hold `lock` around every use of the state."""

    def __init__(self, home: Path) -> None:
        self._file = home / "state.pickle"
        self._segments: dict[str, bytes] = {}
        self._backends: set[tuple[str, str, str]] = set()  # those that the file has
        self.lock = threading.RLock()
        self.state = State()
        self.sessions = Sessions(home / "sessions.jsonl")

    def load(self) -> bool:
        """Reads the saved state; returns False if there is none."""
        if not self._file.exists():
            return False
        try:
            self._segments = self._unpack(self._file.read_bytes())
            self.state = pickle.loads(self._segments["own"])  # noqa: S301 - our own file, mode 0600
            for name, data in self._segments.items():
                if name != "own":
                    _restore(pickle.loads(data))  # noqa: S301
            self._backends = set(_existing_backends())
        except UnusableState:
            raise
        except Exception as error:
            raise UnusableState(self._file, f"it does not load ({type(error).__name__})") from error
        self.sessions.load()
        for session in vars(self.state).pop("sessions", {}).values():  # of an older version
            self.sessions.add(session)
        return True

    def make_room(self) -> None:
        """Before a change: makes sure that it can be saved. Raises OSError if the disk is full."""
        with self._open_new() as file:
            file.write(bytes(sum(map(len, self._segments.values())) + _GROWTH))

    def save(self, account: str, segments: Iterable[str] = ()) -> None:
        """Writes the package's own state, and the segments of an account that may have changed."""
        self._write({(segment, account) for segment in segments})

    def save_new_regions(self) -> None:
        """Writes what moto creates by itself: a region's default VPC, at its first use.

        On a full disk it is written with the next change: a call that only reads is answered.
        """
        found = set(_existing_backends())
        if found != self._backends:
            with contextlib.suppress(OSError):
                self._write({(segment, account) for segment, account, _ in found - self._backends})

    def _write(self, touched: set[tuple[str, str]]) -> None:
        self._segments["own"] = pickle.dumps(self.state, 5)
        for segment, account in touched:
            before = self._segments.get(f"{segment}/{account}")
            after = self._segments[f"{segment}/{account}"] = _dump(segment, account)
            if segment == "iam" and before not in (None, after):
                REPLICAS.changed(account, before)
        payload = pickle.dumps(self._segments, 5)
        with self._open_new() as file:
            file.write(_header(payload) + payload)
            file.truncate()
        self._new.replace(self._file)
        self._backends = set(_existing_backends())

    @property
    def _new(self) -> Path:
        return self._file.with_suffix(".new")

    def _open_new(self) -> IO[bytes]:
        """The next file, with what was written to it so far: that keeps the room on the disk."""
        return os.fdopen(os.open(self._new, os.O_WRONLY | os.O_CREAT, 0o600), "wb")

    def _unpack(self, data: bytes) -> dict[str, bytes]:
        if not data.startswith(_MAGIC):
            raise UnusableState(self._file, "it is not a state file of this emulator, or it is damaged")
        written, _, rest = data.removeprefix(_MAGIC).partition(b"\n")
        if written != _FORMAT.encode():
            by = written.decode(errors="replace")
            raise UnusableState(self._file, f"it was written by format {by}, this is {_FORMAT}")
        digest, _, payload = rest.partition(b"\n")
        if digest != hashlib.sha256(payload).hexdigest().encode():
            raise UnusableState(self._file, "it is truncated or damaged")
        segments: dict[str, bytes] = pickle.loads(payload)  # noqa: S301 - the digest is right
        return segments


def _header(payload: bytes) -> bytes:
    return _MAGIC + f"{_FORMAT}\n{hashlib.sha256(payload).hexdigest()}\n".encode()


class _Pickler(pickle.Pickler):
    """Pickles moto's objects without what they refer to outside of their segment.

    References to backends are pickled by name, a backend's own data as its attributes. Of AWS managed
    policies only the ARN is kept, because they are the same everywhere.
    """

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, BaseBackend):
            service = type(thing).__module__.split(".")[1]
            return _backend, (service, thing.account_id, thing.region_name)
        if isinstance(thing, AWSManagedPolicy):
            state = {"attachment_count": thing.attachment_count}
            return moto_services.managed_policy, (thing.account_id, thing.arn), state
        return NotImplemented


def _dump(segment: str, account: str) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, 5).dump(
        {
            (service, account, region): vars(backend)
            for service in _SEGMENTS[segment]
            for region, backend in moto_services.backends(service)[account].items()
        }
    )
    return buffer.getvalue()


def _restore(content: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    for (service, account, region), attributes in content.items():
        vars(_backend(service, account, region)).update(attributes)


def _backend(service: str, account: str, region: str) -> Any:
    """The backend of that name. A new one stays empty, because its content comes from the file."""
    known = moto_services.backends(service)[account]
    if service in moto_services.SAVED_SERVICES and region not in known.keys():  # noqa: SIM118
        known[region] = object.__new__(known.backend)
    return known[region]


def _existing_backends() -> Iterator[tuple[str, str, str]]:
    for segment, services in _SEGMENTS.items():
        for service in services:
            for account, regions in moto_services.backends(service).items():
                yield from ((segment, account, f"{service}/{region}") for region in regions)
