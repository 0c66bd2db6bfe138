"""Starts a command anew where the user's shell has settings for Python that would change what it runs.

Imported before all else: what is in PYTHONPATH may have the names of modules that are imported later. And in
UTF-8 mode, because files with paths in them are read by others than Python.
"""

import os
import sys

KEPT = ("PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8")


def ensure() -> None:
    """Returns if nothing is in the way; else this process becomes the same command without it."""
    foreign = [name for name in os.environ if name.startswith("PYTHON") and name not in KEPT]
    if not foreign and sys.getfilesystemencoding() == "utf-8":
        return
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    # A terminal that has not all characters gets what it has, as before.
    printed = {"PYTHONIOENCODING": sys.stdout.encoding} if sys.stdout else {}
    words = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, words, {**printed, **kept, "PYTHONUTF8": "1"})  # noqa: S606 - no shell is wanted
