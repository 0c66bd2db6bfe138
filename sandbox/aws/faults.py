"""Faults on demand: throttling, errors, lost connections and slow answers, as AWS has on a bad day.

`PUT /sandbox/faults` with a list of faults makes them happen from then on, in place of those before; an empty
list ends them. Health, metadata and what else is no API of AWS is spared.
"""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.aws.errors import AwsError

KINDS = ("throttle", "error", "reset", "lost", "slow")
"""A refusal for too many requests; an internal error; a connection that is reset before the request is done,
or after it, so that only the answer is lost; an answer that comes late."""

_THROTTLED = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "iam": ("Throttling", "Rate exceeded", 400),
    "sts": ("Throttling", "Rate exceeded", 400),
    "autoscaling": ("Throttling", "Rate exceeded", 400),
}
_THROTTLED_JSON = ("ThrottlingException", "Rate exceeded", 400)
_FAILED = ("InternalFailure", "The request processing has failed because of an unknown error.", 500)
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """One way to fail."""

    kind: str
    service: str | None = None
    """As in a request's signature; None: every service."""
    share: float = 1.0
    """Of the requests, from 0 to 1."""
    seconds: float = 1.0
    """How late a slow answer is."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}")
        if not 0 <= self.share <= 1 or not 0 <= self.seconds <= 600:
            raise ValueError("share is a number from 0 to 1, seconds one from 0 to 600")


class Lost(ConnectionResetError):
    """There is no answer: the server closes the connection, and goes on."""


class Faults:
    """Those that were asked for, and which of them meets a request. Safe with several threads."""

    def __init__(self) -> None:
        self._chosen: tuple[Fault, ...] = ()
        self._random = random.Random(0)  # noqa: S311 - no secret
        self._lock = threading.Lock()

    def choose(self, wanted: Sequence[dict[str, Any]]) -> None:
        """Raises ValueError or TypeError for what is no fault."""
        self._chosen = tuple(Fault(**each) for each in wanted)

    @contextmanager
    def around(self, service: str, environ: dict[str, Any]) -> Iterator[None]:
        """A request to a service: raises AwsError or Lost if it fails; waits if it is slow."""
        met = {each.kind: each for each in self._chosen if self._meets(each, service)}
        if slow := met.get("slow"):
            time.sleep(slow.seconds)
        if "throttle" in met:
            raise AwsError(*_THROTTLED.get(service, _THROTTLED_JSON))
        if "error" in met:
            raise AwsError(*_FAILED)
        if "reset" in met:
            _reset(environ)
        yield
        if "lost" in met:
            _reset(environ)

    def _meets(self, fault: Fault, service: str) -> bool:
        with self._lock:
            return fault.service in (None, service) and self._random.random() < fault.share


def _reset(environ: dict[str, Any]) -> None:
    """Ends the request's connection as a broken network does: by a reset, with no answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, connection.fileno())  # the last descriptor of the connection: closing it resets it
    os.close(nowhere)
    raise Lost("a fault that was asked for")
