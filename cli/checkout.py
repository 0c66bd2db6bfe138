"""The project's own code: beside this command in a checkout, and not where the command is installed alone."""

import sys
from pathlib import Path

from .errors import Refused

ROOT = Path(__file__).resolve().parents[1]


def needed(what: str) -> None:
    """The same, for what cannot be done without; raises Refused."""
    if not code():
        raise Refused(
            "this project",
            None,
            f"this command is installed without the project's program, whose rules {what} needs",
            "no-checkout",
            f"run it in a checkout: .venv/bin/vault-aws-auth {what}",
        )


def code() -> bool:
    """Let the project's packages, `stack` and `policies`, be imported. False where they are not there."""
    found = (ROOT / "stack" / "draft.py").is_file()
    if found and str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return found
