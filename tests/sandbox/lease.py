"""A sandbox that runs already, lent to one test after the other, each of which finds it as new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import environment
from sandbox.home import Home
from tests.sandbox.kit import Sandbox


class Pool:
    """At most one sandbox at a time, started when the first borrower needs it.

    Every borrower ends with `down --keep`: its stacks are destroyed, and AWS, Kubernetes and Vault are asked
    whether they hold what they held before. A sandbox that they do not is thrown away, and the test fails.
    """

    def __init__(self, folder: Path, *, started: bool = True) -> None:
        self._folder = folder
        self._started = started
        """Whether the first borrower finds it running, or an empty folder."""
        self._free: Path | None = None
        self._lent = False
        self._made = 0

    @contextmanager
    def lease(self) -> Iterator[Sandbox]:
        """The sandbox, without any stack."""
        assert not self._lent, "a test that has a leased sandbox asks for another one"
        lent = self._again(self._free) if self._free else self._new()
        self._free, self._lent = None, True
        try:
            yield lent
        finally:
            self._lent = False
            answer = lent.run("down", "--keep")
            if answer.returncode == 0:
                self._free = lent.home if Home(lent.home).has_data else None
            else:
                lent.run("down", "--force")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def close(self) -> None:
        """Stops the sandbox and deletes its data; what it was used for is proved already."""
        if self._free:
            Sandbox(self._free).run("down", "--force")
            self._free = None

    def _again(self, home: Path) -> Sandbox:
        environment.write_shell_file(Home(home))  # without the stack of the last borrower
        return Sandbox(home)

    def _new(self) -> Sandbox:
        self._made += 1
        made = Sandbox(self._folder / str(self._made))
        if self._started:
            try:
                made.start()
            except BaseException:
                made.run("down", "--force")
                raise
        return made
