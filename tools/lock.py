"""Chooses the newest allowed versions again, for Python 3.10 and newer, and writes them to constraints.txt.

`make lock` runs it in .venv, where it installs `uv`.
"""

from __future__ import annotations

if __name__ == "__main__":  # run as a file
    import sys

    sys.path[0] = __file__.rsplit("/", 2)[0]

import subprocess
import sys
import tempfile
from pathlib import Path

from cli import interrupts
from tools import command

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Every version that .venv may hold, for Python 3.10 and newer. Renewed with: make lock\n"
OPTIONS = (
    "--quiet --upgrade --universal --python-version 3.10 --no-header --no-annotate "
    "--no-emit-index-url --no-emit-find-links"
)


def main() -> int:
    """The requirements, resolved without the current constraints."""
    command.parser("python tools/lock.py", __doc__).parse_args()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"]
    subprocess.run(pip, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        for file in ROOT.glob("requirements*.txt"):
            lines = [line for line in file.read_text().splitlines() if not line.startswith("-c ")]
            (Path(scratch) / file.name).write_text("\n".join(lines) + "\n")
        chosen = Path(scratch) / "constraints.txt"
        uv = str(Path(sys.executable).with_name("uv"))
        words = [uv, "pip", "compile", *OPTIONS.split(), "requirements-dev.txt", "-o", str(chosen)]
        done = subprocess.run(words, cwd=scratch, check=False)
        if done.returncode == 0:
            (ROOT / "constraints.txt").write_text(HEAD + chosen.read_text())
    return done.returncode


if __name__ == "__main__":
    interrupts.told(lambda: sys.exit(main()))
