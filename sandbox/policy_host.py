"""`pulumi-analyzer-policy-python` for machines whose Pulumi came without one: runs the guardrails.

It is the SDK's own, which would outlive an engine that was killed: the engine cannot end it then.
"""

from __future__ import annotations

import os
import runpy
import threading
import time


def _end_with(engine: int) -> None:
    while os.getppid() == engine:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    """Serves the policy pack that the engine names on the command line."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
