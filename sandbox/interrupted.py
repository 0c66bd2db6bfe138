"""What killed engines were changing: whether they did, nothing can tell.

It is kept for `down` until the sandbox goes, because the states that say so go before: with one of several
stacks, or in a `down` that is killed, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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


def names(urns: Sequence[str]) -> str:
    """They as a list, for a message."""
    return ", ".join(urn.rsplit("::", 1)[-1] for urn in urns)
