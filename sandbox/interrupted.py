"""What killed engines were changing, and killed plugins creating: whether they did, nothing can tell.

It is kept for `down` until the sandbox goes, because the states that say so go before: with one of several
stacks, or in a `down` that is killed, too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.home import Home, write_private


def note(home: Home, urns: Sequence[str]) -> None:
    """Adds resources that a killed engine was changing."""
    known = noted(home)
    if new := [urn for urn in urns if urn not in known]:
        write_private(_file(home), json.dumps([*known, *new]))


def noted(home: Home) -> list[str]:
    """Their URNs, of all stacks that there have been in this sandbox."""
    found: list[str] = home.read_json(_file(home)) if _file(home).exists() else []
    return found


def forget(home: Home) -> None:
    """Once it is known that nothing of them is left."""
    _file(home).unlink(missing_ok=True)


def _file(home: Home) -> Path:
    return home.root / "interrupted.json"


def told(urns: Sequence[str]) -> str:
    """What has happened to them, for a message."""
    names = ", ".join(urn.rsplit("::", 1)[-1] for urn in urns)
    return f"an earlier run was killed, or got no answer, while it changed {names}"


# An engine whose plugin is killed, or has no answer, takes the object for not created: its state has nothing
# of it, and the next run would meet a name that is taken. So the local plugins note down what they create.


@contextmanager
def creating(urn: str, is_answer: Callable[[Exception], bool]) -> Iterator[None]:
    """For a plugin: notes down what it creates until the API has said whether that was done.

    `is_answer` says of an error whether it is such an answer. Without a sandbox there is no note.
    """
    folder = Path(os.environ.get("SANDBOX_HOME") or os.devnull, "pulumi")
    if not folder.is_dir():
        yield
        return
    note = _creations(folder) / hashlib.sha256(urn.encode()).hexdigest()[:32]
    with suppress(OSError):  # of a full disk: what is created is worth more than its note
        note.parent.mkdir(exist_ok=True)
        note.write_text(urn, encoding="utf-8")
    try:
        yield
    except Exception as error:
        if is_answer(error):
            note.unlink(missing_ok=True)
        raise
    note.unlink(missing_ok=True)


def creations(home: Home, stack: str) -> list[str]:
    """The URNs that plugins were creating in a stack when they were killed, or had no answer."""
    urns = [note.read_text(encoding="utf-8") for note in _creations(home.root / "pulumi").glob("*")]
    return sorted(urn for urn in urns if urn.startswith(f"urn:pulumi:{stack}::"))


def forget_creations(home: Home, stack: str) -> None:
    """Once they are noted, or known to do no harm."""
    for note in _creations(home.root / "pulumi").glob("*"):
        if note.read_text(encoding="utf-8").startswith(f"urn:pulumi:{stack}::"):
            note.unlink()


def _creations(folder: Path) -> Path:
    return folder / "creating"
