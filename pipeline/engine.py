"""Runs `pulumi` on an environment, and reads what it did."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline import PipelineError
from pipeline.environment import Environment
from pipeline.report import Report, read

REPOSITORY = Path(__file__).resolve().parents[1]


def preview(environment: Environment, plan: Path | None = None, *, log: int) -> Report:
    """What `up` would do, guardrails enforced. Changes nothing; writes what it found as a plan.

    `log` is the file descriptor that the engine's own display goes to.
    """
    saved = ["--save-plan", str(plan)] if plan else []
    return _run(environment, ["preview", "--refresh", *saved], log)


def up(environment: Environment, plan: Path, *, log: int) -> Report:
    """Does what the plan says and nothing else: a step that is not in it ends the update."""
    return _run(environment, ["up", "--refresh", "--yes", "--skip-preview", "--plan", str(plan)], log)


def verify(environment: Environment, *, log: int) -> bool:
    """Whether every login of the stack works, and everyone else is refused."""
    words = ["-m", "cli", "verify", "--stack", environment.name, "--project", str(environment.project)]
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=log,
        check=False,
    )
    return done.returncode == 0


def _run(environment: Environment, words: list[str], log: int) -> Report:
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:  # for its owner only
        events = Path(folder) / "events.json"
        command = ["pulumi", *words, *environment.engine_options, "--event-log", str(events)]
        try:
            process = subprocess.Popen(
                [*command, "--non-interactive", "--suppress-outputs"],
                cwd=environment.project,
                # The event log is one of the options that the Automation API lives by and `--help` hides.
                env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise PipelineError("there is no pulumi on PATH; install it: https://www.pulumi.com") from None
        errors = _finish(process)
        sys.stderr.write(errors)
        return read(events, process.returncode == 0, errors)


def _finish(process: subprocess.Popen[str]) -> str:
    """Waits for the engine and returns its messages. Interrupted, it ends what it is at, and then stops:
    killed in the middle of a step, nobody could tell whether that step was done."""
    try:
        return process.communicate()[1]
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(KeyboardInterrupt):  # pressed again: no more patience
            process.communicate()
        if process.poll() is None:
            process.kill()
        raise
