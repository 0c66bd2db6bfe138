"""IAM's eventual consistency: for some seconds after a change, some answers are those of before it.

Off unless the emulator is started with `--eventual-consistency`, or told to. As on AWS, what changes
something does so at once. What is asked is asked of a replica, which may be behind: every read, and every
decision about who a caller is and what it may do. A replica is moto's data of an account as it was,
exchanged for the time of one question.
"""

import pickle
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moto.iam.models import iam_backends


@dataclass
class _Before:
    """An account's IAM until a change."""

    until: float  # of the monotonic clock
    pickled: bytes = field(repr=False)

    @cached_property
    def backends(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """The attributes of its backends, by service, account and partition."""
        found: dict[tuple[str, str, str], dict[str, Any]] = pickle.loads(self.pickled)  # noqa: S301 - our own
        return found


class Replicas:
    """Which of IAM's answers are old. Not thread-safe: the store's lock is held around every use."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """How long a replica may be behind; 0: there are none."""
        self.seed = 0
        """Which answers are old: the same question, asked for the same time, has the same answer."""
        self._before: dict[str, list[_Before]] = {}  # by account, the oldest first
        self._asked: Counter[tuple[str, ...]] = Counter()

    def choose(self, seconds: float) -> None:
        """From now on, replicas may be behind that long."""
        self.seconds = seconds
        if not seconds:
            self._before.clear()

    def changed(self, account: str, pickled: bytes) -> None:
        """Keeps an account's IAM as it was before a change; `pickled` as the store does."""
        if self.seconds:
            now = time.monotonic()
            kept = [each for each in self._before.get(account, ()) if now - each.until < self.seconds]
            self._before[account] = [*kept, _Before(now, pickled)]

    @contextmanager
    def any(self, *question: str) -> Iterator[None]:
        """Lets what runs inside see IAM as a replica has it. It must not change anything."""
        if not self._before:
            yield
            return
        self._asked[question] += 1
        chance = random.Random(f"{self.seed}/{question}/{self._asked[question]}")  # noqa: S311 - repeatable
        since, replaced = time.monotonic() - self.seconds, []
        for account in sorted(self._before):
            recent = [each for each in self._before[account] if each.until > since]
            behind, how_far = chance.random() < 0.5, chance.random()
            if recent and behind:
                old = recent[int(how_far * len(recent))]
                replaced += [_exchange(name, attributes) for name, attributes in old.backends.items()]
        try:
            yield
        finally:
            for backend, attributes in reversed(replaced):
                vars(backend).clear()
                vars(backend).update(attributes)


def _exchange(name: tuple[str, str, str], attributes: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Gives a backend these attributes; returns it with those that it had."""
    _, account, partition = name
    backend = iam_backends[account][partition]
    had = dict(vars(backend))
    vars(backend).clear()
    vars(backend).update(attributes)
    return backend, had


REPLICAS = Replicas()
"""Of this process, as moto's own data is."""
