"""The command `vault-aws-auth`: log in as the workloads of a stack, and prove that other callers are refused.

It reads the stack's outputs and talks to Kubernetes, AWS and Vault through their own clients. It is installed
as a package of its own, without the Pulumi SDKs, so it imports nothing else of this repository but the rules
of the guardrails, which are installed with it: the few names of EKS that `components/` has too (the role
annotation, Pod Identity's audience) are written here once more. Only `access --compare` needs a checkout.
"""

import sys

from . import interrupts


def main() -> None:
    """The console script. If a package is missing, say in one line how to install it."""
    interrupts.end_at_once()
    try:
        from .__main__ import main as run
    except ModuleNotFoundError as missing:
        if not missing.name or missing.name.partition(".")[0] == __name__:
            raise
        sys.exit(
            f"error: the package {missing.name} is missing, which the command needs; install all with: "
            "pip install 'pulumi-vault-aws-auth[cli]'"
        )
    run()
