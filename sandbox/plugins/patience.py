"""How long a plugin waits for IAM, where what was just made is not everywhere at once."""

from __future__ import annotations

import os


def propagation_seconds(official: float) -> float:
    """As long as the official provider does, unless SANDBOX_IAM_PATIENCE says less, for tests of what stays
    refused."""
    return min(official, float(os.environ.get("SANDBOX_IAM_PATIENCE", official)))
