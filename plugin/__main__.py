"""Serves the components to programs in every Pulumi language: the engine runs `python <this folder>`."""

import sys
from pathlib import Path

# Started as a folder, it knows nothing but this folder; the components are in the one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from pulumi.provider import main  # noqa: E402

from plugin.provider import Provider  # noqa: E402

if __name__ == "__main__":
    main(Provider(), sys.argv[1:])
