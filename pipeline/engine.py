"""Runs `pulumi` on an environment, and reads what it did from the engine's event log.

Not through Pulumi's Automation API, although that passes the events to a callback. It gives no handle on the
`pulumi` process, so a cancelled job could not tell the engine to finish its step. It also selects the stack
in the checkout, runs five more commands per update, and reads the outputs with `--show-secrets`. Its events
come from the same hidden option `--event-log`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipeline import PipelineError, ending, guardrails
from pipeline.environment import Environment
from pipeline.report import Report, read

REPOSITORY = Path(__file__).resolve().parents[1]


def preview(environment: Environment, plan: Path | None = None, *, log: int) -> Report:
    """What `up` would do, with the guardrails enforced. Changes nothing; saves a plan if asked to.

    `log` is the file descriptor for the engine's own output.
    """
    saved = ["--save-plan", str(plan)] if plan else []
    return _run(environment, ["preview", "--refresh", *saved], log)


def up(environment: Environment, plan: Path, *, log: int) -> Report:
    """Apply the plan and nothing else: a step that is not in it ends the update."""
    return _run(environment, ["up", "--refresh", "--yes", "--skip-preview", "--plan", str(plan)], log)


def verify(
    environment: Environment, logins: Sequence[str] = (), report: Path | None = None, *, log: int
) -> bool:
    """Whether the logins work, by default all of the stack, and other callers are refused.

    The findings are written to `report`, as JSON.
    """
    words = ["-m", "cli", "verify", *logins, "--stack", environment.name]
    words += ["--project", str(environment.project), *(["--report", str(report)] if report else [])]
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, "PYTHONPATH": path}
    return ending.run_to_its_end([sys.executable, *words], env=env, stdout=log) == 0


def _run(environment: Environment, words: list[str], log: int) -> Report:
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:  # readable by its owner only
        events = Path(folder) / "events.json"
        command = [*words, *environment.stack_options, "--event-log", str(events)]
        program = shutil.which("pulumi")
        if not program:
            raise PipelineError("there is no pulumi on PATH; install it: https://www.pulumi.com")
        with ending.guarded(
            [program, *command, "--non-interactive", "--suppress-outputs"],
            cwd=environment.project,
            env={
                **os.environ,
                "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log, which `--help` hides
                **guardrails.variables(environment.guardrail_options),
            },
            stdout=log,
            stderr=subprocess.PIPE,
        ) as process:
            errors = process.communicate()[1]
        sys.stderr.write(errors)
        return read(events, process.returncode == 0, errors)
