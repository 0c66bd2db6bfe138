"""Waiting for AWS: IAM is eventually consistent, and every API throttles.

A role, a key or a policy that was just made is refused for some seconds, in the words of one that is wrong.
So a caller that must be let in is tried again, for a bounded time of the whole run.
"""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from . import refusals
from .aws import THROTTLED, UNAVAILABLE
from .errors import Refused
from .screen import Screen

SECONDS = 60.0
"""How long one run waits in all. New IAM objects are everywhere within seconds, rarely a minute."""

PAUSE = 3.0
"""Seconds between two tries."""

PROPAGATION = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "NoSuchEntity",
        "ResourceNotFoundException",
        refusals.LOOKUP_CREDENTIALS,
        refusals.LOOKUP_DENIED,
        refusals.LOOKUP_NOT_FOUND,
        refusals.STS_REFUSED,
    }
)
"""The codes of what is wrong, or is not everywhere yet."""

BUSY = frozenset({THROTTLED, UNAVAILABLE})
"""The codes of what says nothing about the caller."""

_T = TypeVar("_T")


class Patience:
    """The time that is left to wait."""

    def __init__(self) -> None:
        self._until: float | None = None

    def retried(self, what: str, attempt: Callable[[], _T], codes: frozenset[str]) -> _T:
        """What `attempt` returns, tried again while it is refused with one of these codes and time is left.

        Says so once, on standard error. Raises the last `Refused`.
        """
        said = False
        while True:
            try:
                return attempt()
            except Refused as error:
                now = time.monotonic()
                self._until = self._until or now + SECONDS
                if error.code not in codes or now + PAUSE > self._until:
                    raise
                if not said:
                    left = round(self._until - now)
                    why = "AWS may need a moment, so it is tried again"
                    Screen(sys.stderr).put(f"{what}: {error.code}; {why} for up to {left} s", hang=2)
                    said = True
            time.sleep(PAUSE)
