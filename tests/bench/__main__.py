"""`make bench`: how long the things that people wait for take, side by side in one run.

Machines are noisy, so nothing here passes or fails; each figure stands beside a baseline of the same run
(starting a bare Python), and the ratio is what compares between machines.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
REPEAT = 5


def seconds(words: list[str], repeat: int = REPEAT, env: dict[str, str] | None = None) -> float:
    """The fastest of several runs of a command that must succeed."""
    best = float("inf")
    for _ in range(repeat):
        began = time.perf_counter()
        answer = subprocess.run(words, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise SystemExit(f"{' '.join(words)} failed:\n{answer.stdout}{answer.stderr}")
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    """Measures and prints one table."""
    python = sys.executable
    rows = [
        ("bare Python", seconds([python, "-c", "pass"])),
        ("import components", seconds([python, "-c", "import components"])),
        ("import settings", seconds([python, "-c", "import settings"])),
        ("vault-aws-auth --help", seconds([python, "-m", "cli", "--help"])),
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = str(Path(folder) / "sandbox")
        env = {**os.environ, "SANDBOX_HOME": home}

        def sandbox(*words: str) -> list[str]:
            return [python, "-m", "sandbox", *words]

        def shell(command: str) -> list[str]:
            return ["bash", "-c", f"source {home}/env && {command}"]

        try:
            rows.append(("up, from nothing", seconds(sandbox("up"), 1, env)))
            rows.append(("up again", seconds(sandbox("up"), 3, env)))
            preview = "pulumi preview --stack local --expect-no-changes"
            rows.append(("pulumi preview", seconds(shell(preview), 3, env)))
            rows.append(
                ("vault-aws-auth login pod", seconds(shell("vault-aws-auth login pod --stack local"), 3, env))
            )
            seconds(sandbox("stop"), 1, env)
            rows.append(("up, the sandbox stopped", seconds(sandbox("up"), 1, env)))
        finally:
            rows.append(("down", seconds(sandbox("down"), 1, env)))
    baseline = rows[0][1]
    table = Table("what", "seconds", "x bare Python", box=None)
    for name, taken in rows:
        table.add_row(name, f"{taken:.2f}", f"{taken / baseline:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
