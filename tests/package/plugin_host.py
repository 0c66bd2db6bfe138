"""A Python language host that starts plugins from their folder, as `PulumiPlugin.yaml` tells the engine.

The vendor's host cannot be had here, and the sandbox's own runs programs only. This one does what the vendor
documents of the toolchain pip: a plugin runs with the virtual environment of that name in its folder.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Started as a file, it knows nothing but its own folder.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from google.protobuf import json_format  # noqa: E402
from pulumi.runtime.proto import language_pb2  # noqa: E402

from sandbox import language  # noqa: E402


class PluginHost(language.LanguageHost):
    """Runs `<virtualenv>/bin/python <plugin folder>`."""

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        options = json_format.MessageToDict(request.info.options)
        if options.get("toolchain") != "pip":
            raise ValueError(f"toolchain: {options.get('toolchain')} is not pip")
        python = Path(request.info.root_directory) / options["virtualenv"] / "bin" / "python"
        plugin = subprocess.Popen(
            [str(python), "-u", request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(variable.split("=", 1) for variable in request.env),
            stdout=subprocess.PIPE,
        )
        context.add_callback(plugin.terminate)  # the engine is done with it
        for line in plugin.stdout or ():
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())


if __name__ == "__main__":
    language.LanguageHost = PluginHost  # type: ignore[misc]  # what `main` serves
    language.main()
