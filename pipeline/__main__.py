"""`python -m pipeline`: the steps of a delivery pipeline, on one environment or on all of them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from pipeline import ENVIRONMENTS, PipelineError, delivery, engine, environment, summary
from pipeline.options import (
    ConfigDir,
    Guardrails,
    Json,
    Name,
    Names,
    Project,
    SavePlan,
    Summary,
    Unguarded,
    UsePlan,
    Verify,
)
from pipeline.output import Output, write

FAILED, DRIFTED, INTERRUPTED = 1, 3, 130

app = typer.Typer(
    name="pipeline",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all is well; 1 a step failed; 2 the command line is wrong; 3 there is drift.",
)


@app.callback()
def _about() -> None:
    """Preview, bring up, promote and watch the environments of this project, from CI of any kind.

    Credentials come from the environment, as Pulumi and its providers read them: AWS_…, VAULT_TOKEN,
    VAULT_CACERT, PULUMI_BACKEND_URL, KUBECONFIG.
    """
    # How CI cancels a job: the engine then ends what it is at, as far as CI leaves it the time.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@app.command()
def preview(
    name: Name,
    plan: SavePlan = None,
    summary_file: Summary = None,
    project: Project = Path(),
    config_dir: ConfigDir = None,
    guardrails: Guardrails = None,
    unguarded: Unguarded = False,
    as_json: Json = False,
) -> None:
    """Show what `up` would do, with the guardrails enforced. Changes nothing."""
    out = Output(as_json)
    with _one_message():
        chosen = environment.guarded(environment.find(name, project, config_dir, guardrails), unguarded)
        out.say(f"{name}: preview")
        report = engine.preview(chosen, plan and plan.resolve(), log=out.log)
        out.say("Result")
        out.line("✓" if report.ok else "✗", name, report.reason or report.counts())
        if chosen.caveat:
            out.line("!", name, chosen.caveat)
        write(summary_file, [summary.of_preview(name, report, chosen.caveat)])
        out.json({"environment": name, **asdict(report)})
    if not report.ok:
        raise typer.Exit(FAILED)


@app.command()
def up(
    name: Name,
    plan: UsePlan = None,
    verify: Verify = True,
    summary_file: Summary = None,
    project: Project = Path(),
    config_dir: ConfigDir = None,
    guardrails: Guardrails = None,
    unguarded: Unguarded = False,
    as_json: Json = False,
) -> None:
    """Preview, do exactly that, and prove the logins: the steps for one environment."""
    out = Output(as_json)
    with _one_message():
        chosen = environment.guarded(environment.find(name, project, config_dir, guardrails), unguarded)
        if plan and not plan.is_file():
            raise PipelineError(f"there is no plan {plan}; make it: preview {name} --plan {plan}")
        done = delivery.deliver(chosen, plan and plan.resolve(), verify=verify, say=out.say, log=out.log)
        out.deliveries([done], {name: chosen.caveat}, summary_file)
    if not done.ok:
        raise typer.Exit(FAILED)


@app.command()
def promote(
    names: Names = None,
    verify: Verify = True,
    summary_file: Summary = None,
    project: Project = Path(),
    config_dir: ConfigDir = None,
    guardrails: Guardrails = None,
    unguarded: Unguarded = False,
    as_json: Json = False,
) -> None:
    """Bring one environment up after the other; stop at the first that fails, and leave the rest alone.

    With the credentials at hand, for all of them. Where each has its own, call `up` once for each.
    """
    out = Output(as_json)
    with _one_message():
        found = [environment.find(name, project, config_dir, guardrails) for name in names or ENVIRONMENTS]
        chosen = [environment.guarded(each, unguarded) for each in found]
        done = list(delivery.promote(chosen, verify=verify, say=out.say, log=out.log))
        out.deliveries(done, {each.name: each.caveat for each in chosen}, summary_file)
    if not all(each.ok for each in done):
        raise typer.Exit(FAILED)


@app.command()
def drift(
    names: Names = None,
    summary_file: Summary = None,
    project: Project = Path(),
    config_dir: ConfigDir = None,
    guardrails: Guardrails = None,
    as_json: Json = False,
) -> None:
    """Say what is not as declared: deleted or edited by somebody, or not deployed yet. Changes nothing.

    Exit code 3 where there is drift, 1 where an environment could not be looked at.
    """
    out = Output(as_json)
    with _one_message():
        chosen = [environment.find(name, project, config_dir, guardrails) for name in names or ENVIRONMENTS]
        reports = {}
        for each in chosen:
            out.say(f"{each.name}: drift")
            reports[each.name] = engine.preview(each, log=out.log)
        out.say("Result")
        for name, report in reports.items():
            lines = [f"{change.type} {change.name}: {summary.words(change)}" for change in report.changes]
            well = report.ok and not lines
            out.line("✓" if well else "✗", name, report.reason or "\n".join(lines) or "no drift")
        write(summary_file, [summary.of_drift(name, report) for name, report in reports.items()])
        out.json([{"environment": name, **asdict(report)} for name, report in reports.items()])
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(FAILED)
    if any(report.changes for report in reports.values()):
        raise typer.Exit(DRIFTED)


@contextmanager
def _one_message() -> Iterator[None]:
    """A wrong command line is one message and exit code 2; an interrupt ends with 130."""
    try:
        yield
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("interrupted; the engine has ended the step that it was at", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def main(run: Any = app) -> None:
    """The command's entry."""
    run(prog_name="python -m pipeline")


if __name__ == "__main__":
    main()
