"""The project's own code: beside this command in a checkout, and not where the command is installed alone."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def code() -> bool:
    """Let the project's packages, `stack` and `policies`, be imported. False where they are not there."""
    found = (ROOT / "stack" / "draft.py").is_file()
    if found and str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return found
