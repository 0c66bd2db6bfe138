"""The version of this project: that of the checkout which the command is in, else of what is installed."""

import re
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "pulumi-vault-aws-auth"
_DECLARED = Path(__file__).resolve().parents[1] / "components" / "version.py"


def version() -> str:
    """Such as `0.2.0`."""
    # Read as text: to import it would import the components, and with them Pulumi's SDKs.
    if _DECLARED.is_file() and (found := re.search(r'^VERSION = "(.+)"', _DECLARED.read_text(), re.M)):
        return found[1]
    return metadata.version(DISTRIBUTION)
