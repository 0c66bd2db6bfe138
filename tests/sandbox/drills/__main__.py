"""Runs the drills, and prints a table: `python -m tests.sandbox.drills`."""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cli import interrupts
from pipeline import ending
from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.surroundings import NotTried
from tests.sandbox.drills.table import DRILLS, Drill, shared


@dataclass
class Row:
    """What came of a drill."""

    kind: str
    name: str
    moments: int = 0
    """Runs that something happened to, each followed by one that had to converge."""
    in_time: int = 0
    """Of these, the runs that were still at work when it happened."""
    seconds: float = 0.0
    failure: str = ""
    """The first moment that did not converge, and what was printed; else empty."""
    not_tried: str = ""
    """Why the machine does not let it happen; else empty."""

    @property
    def result(self) -> str:
        if self.not_tried:
            return f"not tried: {self.not_tried}"
        return f"FAILED: {self.failure.splitlines()[0]}" if self.failure else "converged"


class Bench:
    """The sandbox that drills share, made when the first of them needs it, and anew after a failure."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made, self._ground = folder, 0, None

    _ground: Ground | None

    def folder(self) -> Path:
        """A new one."""
        self._made += 1
        made = self._folder / str(self._made)
        made.mkdir()
        return made

    def ground(self) -> Ground:
        """The shared sandbox."""
        if self._ground is None:
            self._ground = shared(self.folder())
        return self._ground

    def give_up(self) -> None:
        """Ends it, whatever state it is in."""
        if self._ground:
            self._ground.give_up()
        self._ground = None


def moments(drill: Drill, bench: Bench, chosen: random.Random) -> Iterator[tuple[str, bool]]:
    """A drill, once."""
    if drill.middle:
        yield from drill.middle(bench.ground(), chosen)
    if drill.around:
        yield from drill.around(bench.folder(), chosen)


def run(drill: Drill, times: int, bench: Bench, chosen: random.Random) -> Row:
    """A drill, so many times, or until it fails."""
    row, began = Row(drill.kind, drill.name), time.monotonic()
    try:
        for _ in range(times):
            for _word, in_time in moments(drill, bench, chosen):
                row.moments += 1
                row.in_time += in_time
    except NotTried as reason:
        row.not_tried = str(reason)
    except Exception as error:  # whatever went wrong, the other drills are tried
        row.failure = str(error) or type(error).__name__
        bench.give_up()
    row.seconds = round(time.monotonic() - began, 1)
    return row


def selected(words: Sequence[str]) -> list[Drill]:
    """The drills that are asked for, by kind or by a part of `kind: name`, in this order; by default all."""
    asked = [each for word in words or [""] for each in DRILLS if word in each.title]
    found = list(dict.fromkeys(asked))
    if not found:
        kinds = ", ".join(dict.fromkeys(each.kind for each in DRILLS))
        raise SystemExit(f"error: no drill is called {', '.join(words)}; the kinds are {kinds}")
    return found


def shown(row: Row) -> str:
    """A line of the table."""
    count = f"{row.in_time}/{row.moments}"
    return f"{row.kind:<11} {row.name:<42} {count:>7} {row.seconds:>6.0f} s  {row.result}"


def main() -> None:
    """Prints a line for each drill as it ends. Exit code 1 if one did not converge."""
    arguments = argparse.ArgumentParser(prog="python -m tests.sandbox.drills", description=__doc__)
    arguments.add_argument("--only", default="", help="kinds, or parts of `kind: name`, with commas between")
    arguments.add_argument("--times", type=int, default=1, help="how often each of them (default: 1)")
    arguments.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="default: random")
    arguments.add_argument(
        "--json", action="store_true", help="print JSON at the end; the lines go to stderr"
    )
    arguments.add_argument("--list", action="store_true", help="list the drills")
    given = arguments.parse_args()
    chosen = selected([word.strip() for word in given.only.split(",") if word.strip()])
    if given.list:
        for drill in chosen:
            print(drill.title)
        return
    # A shell starts what it runs in the background with SIGINT ignored, and the runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ending.interrupt_on_signals()
    lines = sys.stderr if given.json else sys.stdout
    print(f"seed {given.seed}; for each: runs disturbed in time / runs disturbed", file=lines, flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="drills-") as folder:
        bench = Bench(Path(folder))
        try:
            for drill in chosen:
                # Each drill has its own randomness: with the seed, it can be repeated alone.
                own = random.Random(f"{given.seed} {drill.title}")  # noqa: S311 - no secret
                rows.append(run(drill, given.times, bench, own))
                print(shown(rows[-1]), file=lines, flush=True)
                if rows[-1].failure:
                    print(rows[-1].failure, file=sys.stderr, flush=True)
        finally:
            bench.give_up()
    failed = [row for row in rows if row.failure]
    disturbed = sum(row.moments for row in rows)
    print(f"{len(rows) - len(failed)} of {len(rows)} drills, {disturbed} disturbed runs", file=lines)
    if given.json:
        print(
            json.dumps(
                [{**asdict(row), "converged": not row.failure and not row.not_tried} for row in rows],
                indent=2,
            )
        )
    sys.exit(1 if failed else None)


if __name__ == "__main__":
    interrupts.told(main)
