"""The console script: it starts the command where everything that the command imports is installed."""

import sys


def main() -> None:
    """Run the command; without its packages, say in one line which to install."""
    try:
        from .__main__ import main as run
    except ModuleNotFoundError as missing:
        if not missing.name or missing.name.partition(".")[0] == __package__.partition(".")[0]:
            raise
        sys.exit(
            f"error: the package {missing.name} is missing, which the command needs; install all with: "
            "pip install 'pulumi-vault-aws-auth[cli]'"
        )
    run()
