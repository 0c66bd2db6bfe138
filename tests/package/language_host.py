"""Which plugins Pulumi's Python language host asks for, by the rule of its `determinePackageDependency`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

WITHOUT_PLUGINS = {"pulumi_policy", "pulumi_esc_sdk"}
"""The distributions that the host knows to have none."""


def required_plugins(python: Path) -> dict[str, str]:
    """The plugins, by the distribution that asks for each, of a virtual environment's Python."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "list", "-v", "--format", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = {}
    for distribution in json.loads(answer.stdout):
        # The host expects the package to have the distribution's name, beside its metadata.
        package = distribution["name"].replace("-", "_")
        file = Path(distribution["location"]) / package / "pulumi-plugin.json"
        said = json.loads(file.read_text()) if file.exists() else {"resource": package.startswith("pulumi_")}
        if said.get("resource") and package not in WITHOUT_PLUGINS:
            found[package] = said.get("name") or package.removeprefix("pulumi_")
    return found
