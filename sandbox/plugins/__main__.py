"""Runs one local plugin: `python -m sandbox.plugins NAME [ENGINE ADDRESS]`, as its launcher does.

Only that plugin's module is imported. A plugin that is not a table (a component package) has its own `serve`.
"""

import importlib
import sys


def main() -> None:
    """Serves the plugin named on the command line."""
    module = importlib.import_module(f"sandbox.plugins.{sys.argv[1]}")
    if hasattr(module, "serve"):
        module.serve(sys.argv[2:])
        return
    from sandbox.plugins.server import Provider
    from sandbox.plugins.serving import serve

    serve(Provider(module.PLUGIN))


main()
