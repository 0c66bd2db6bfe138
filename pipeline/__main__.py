"""`python -m pipeline`: the steps of a delivery pipeline, for one environment or all of them."""

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli import interrupts
from cli.console import plain_streams
from cli.options import with_option_groups
from cli.screen import say_error
from cli.usage import Program, Version
from pipeline import ENVIRONMENTS, PipelineError, delivery, ending, engine, environment, summary
from pipeline.environment import Environment
from pipeline.output import Output

FAILED, DRIFTED = 1, 3

Name = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The environment: the name of a stack.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="ENVIRONMENT", help=f"In this order. Default: {', '.join(ENVIRONMENTS)}."),
]
Logins = Annotated[
    list[str] | None,
    typer.Option(
        "--verify",
        metavar="LOGIN",
        help="Then prove this login only; give it again for more. Default: prove that every login works and "
        "that other callers are refused. What cannot be tried from here is `not tried`, and fails nothing.",
    ),
]
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Do not prove the logins.")]


@dataclass
class Options:
    """The options of every command."""

    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the result to this file, as Markdown.")
    ] = None
    project: Annotated[
        Path,
        typer.Option(
            "--project", "-C", metavar="DIR", file_okay=False, exists=True, help="The Pulumi project."
        ),
    ] = Path()
    config_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Folder of the stack files, Pulumi.ENVIRONMENT.yaml. Default: the project.",
        ),
    ] = None
    guardrails: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The policy pack. Default: policies/guardrails of the project. Its configuration for an "
            "environment is stacks/ENVIRONMENT.json in it.",
        ),
    ] = None
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON on standard output, and all else on standard error."),
    ] = False

    def find(self, name: str) -> Environment:
        """The environment of this name."""
        return environment.find(name, self.project, self.config_dir, self.guardrails)

    def finish(self, out: Output, sections: list[str], document: object) -> None:
        """Write the summary and the JSON, if asked for."""
        if self.summary:
            self.summary.write_text("\n".join(sections) + "\n", encoding="utf-8")
        out.json(document)


@dataclass
class GuardedOptions(Options):
    """The same, for commands that require guardrails unless told otherwise."""

    no_guardrails: Annotated[
        bool, typer.Option("--no-guardrails", help="Run without a policy pack. The result says so.")
    ] = False

    def find(self, name: str) -> Environment:
        """The environment of this name, with its guardrails or explicitly without."""
        return environment.guarded(super().find(name), self.no_guardrails)


app = Program(
    "python -m pipeline",
    epilog="Exit codes: 0 success; 1 a step failed; 2 wrong command line; 3 drift.",
)


@app.callback()
def _about(version: Version = False) -> None:
    """Preview, deploy and promote the environments of this project, and detect drift, from CI of any kind.

    Credentials come from the environment, as for Pulumi and its providers: AWS_…, VAULT_TOKEN, VAULT_CACERT,
    PULUMI_BACKEND_URL, KUBECONFIG.
    """


@app.command()
@with_option_groups
def preview(
    name: Name,
    *,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the plan to this file, for `up --plan`.")
    ] = None,
    options: GuardedOptions,
) -> None:
    """Show what `up` would do, with the guardrails enforced. Changes nothing."""
    out = Output(options.as_json)
    with _one_message():
        chosen = options.find(name)
        out.heading(f"{name}: preview")
        report = engine.preview(chosen, plan and plan.resolve(), log=out.log)
        out.heading("Result")
        out.line("✓" if report.ok else "✗", name, report.reason or report.counts())
        if chosen.caveat:
            out.line("!", name, chosen.caveat)
        section = summary.of_preview(name, report, chosen.caveat)
        options.finish(out, [section], {"environment": name, **asdict(report)})
    if not report.ok:
        raise typer.Exit(FAILED)


@app.command()
@with_option_groups
def up(
    name: Name,
    *,
    plan: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Apply the plan that `preview --plan` saved, without a preview."),
    ] = None,
    verify: Logins = None,
    no_verify: NoVerify = False,
    options: GuardedOptions,
) -> None:
    """Preview one environment, apply exactly that, and prove the logins."""
    out = Output(options.as_json)
    with _one_message():
        chosen = options.find(name)
        if plan and not plan.is_file():
            raise PipelineError(f"there is no plan {plan}; create it with: preview {name} --plan {plan}")
        done = delivery.deliver(
            chosen, plan and plan.resolve(), verify=not no_verify, out=out, logins=_logins(verify, no_verify)
        )
        _finish([done], [chosen], options, out)


@app.command()
@with_option_groups
def promote(
    names: Names = None,
    *,
    verify: Logins = None,
    no_verify: NoVerify = False,
    options: GuardedOptions,
) -> None:
    """Run `up` for one environment after the other. Stop at the first that fails; leave the rest untouched.

    Uses the same credentials for all. If each environment has its own, call `up` for each instead.
    """
    out = Output(options.as_json)
    with _one_message():
        chosen = [options.find(name) for name in names or ENVIRONMENTS]
        logins = _logins(verify, no_verify)
        done = delivery.promote(chosen, verify=not no_verify, out=out, logins=logins)
        _finish(list(done), chosen, options, out)


@app.command()
@with_option_groups
def access(
    name: Name,
    *,
    base: Annotated[
        str,
        typer.Option(metavar="REVISION", help="The revision to compare with: a pull request's base, HEAD^1."),
    ],
    options: Options,
) -> None:
    """Show who gains what in Vault by the changes since a revision. Needs no credentials.

    It is computed from the stack file and the policies, as by `vault-aws-auth access --compare`.
    """
    from cli.compare import show
    from cli.errors import Refused
    from pipeline import access as changes

    out = Output(options.as_json)
    with _one_message():
        chosen = options.find(name)
        out.heading(f"{name}: who gains what in Vault")
        try:
            found = changes.since(base, chosen)
        except Refused as error:
            reason = "\n".join(filter(None, [error.reason, error.hint]))
            out.line("✗", name, reason)
            document = {"environment": name, "error": asdict(error)}
            options.finish(out, [changes.failure(name, error)], document)
            raise typer.Exit(FAILED) from None
        show.write_text(found, sys.stderr if options.as_json else sys.stdout)
        options.finish(out, [changes.section(name, found)], {"environment": name, **show.document(found)})


@app.command()
@with_option_groups
def drift(names: Names = None, *, options: Options) -> None:
    """Show what differs from its declaration: changed or deleted by others, or not deployed. Changes nothing.

    Exit code 3 if there is drift, 1 if an environment could not be checked.
    """
    out = Output(options.as_json)
    with _one_message():
        chosen = [options.find(name) for name in names or ENVIRONMENTS]
        reports = {}
        for each in chosen:
            out.heading(f"{each.name}: drift")
            reports[each.name] = engine.preview(each, log=out.log)
        out.heading("Result")
        for name, report in reports.items():
            lines = [f"{change.type} {change.name}: {summary.describe(change)}" for change in report.changes]
            good = report.ok and not lines
            out.line("✓" if good else "✗", name, report.reason or "\n".join(lines) or "no drift")
        sections = [summary.of_drift(name, report) for name, report in reports.items()]
        options.finish(
            out, sections, [{"environment": name, **asdict(report)} for name, report in reports.items()]
        )
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(FAILED)
    if any(report.changes for report in reports.values()):
        raise typer.Exit(DRIFTED)


def _logins(verify: list[str] | None, no_verify: bool) -> list[str]:
    """The logins to prove; empty for all."""
    if verify and no_verify:
        raise PipelineError("--verify and --no-verify exclude each other")
    return verify or []


def _finish(done: list[delivery.Delivery], chosen: list[Environment], options: Options, out: Output) -> None:
    """Print how far each environment came, why not further, and which guardrails were not enforced."""
    out.heading("Result")
    lines = []
    for each, target in zip(done, chosen, strict=True):
        mark = "✓" if each.ok else "–" if each.step == "none" else "✗"
        for sign, text in ((mark, each.describe()), ("!", target.caveat)):
            if text:
                out.line(sign, each.environment, text)
                lines.append(f"- {sign} `{each.environment}` {' '.join(text.split())}")
    options.finish(out, lines, [{**asdict(each), "touched": each.touched} for each in done])
    if not all(each.ok for each in done):
        raise typer.Exit(FAILED)


@contextmanager
def _one_message() -> Iterator[None]:
    """A wrong command line is one message and exit code 2; an interrupt is exit code 130."""
    try:
        yield
    except PipelineError as error:
        say_error(str(error))
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        interrupts.say("interrupted; the engine has finished its current step")
        raise typer.Exit(interrupts.EXIT_CODE) from None


def main() -> None:
    """Runs the command line."""
    plain_streams()
    # CI cancels a job with SIGTERM, or kills the shell that runs it: the engine then finishes its step, if CI
    # gives it the time.
    ending.interrupt_on_signals()
    app(prog_name="python -m pipeline")


if __name__ == "__main__":
    interrupts.told(main)
