"""`pulumi-analyzer-policy-python` for machines whose Pulumi came without one: runs the guardrails.

It is the SDK's own, which would outlive an engine that was killed: the engine cannot end it then.
"""

from __future__ import annotations

import runpy

from sandbox.lifetime import end_with_engine


def main() -> None:
    """Serves the policy pack that the engine names on the command line."""
    end_with_engine()
    runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
