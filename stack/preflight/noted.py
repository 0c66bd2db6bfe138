"""What is there already, written down instead of refused: for the file that takes it over."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pulumi

from stack.preflight.objects import Thing

VARIABLE = "VAULT_AWS_AUTH_FOUND"
"""Names the file to which a preview writes what is there. `stack.import_file` sets it, and nothing else."""


def asked() -> bool:
    """Whether that is to be done: in a preview only. An update refuses what is there, whatever is set."""
    return bool(os.environ.get(VARIABLE)) and pulumi.runtime.is_dry_run()


def note(there: Iterable[Thing]) -> None:
    """Writes it down."""
    Path(os.environ[VARIABLE]).write_text(json.dumps([list(thing) for thing in there]), encoding="utf-8")


def read(file: Path) -> list[Thing]:
    """What was written down; nothing, if nothing is there."""
    return [Thing(*each) for each in json.loads(file.read_text(encoding="utf-8") or "[]")]
