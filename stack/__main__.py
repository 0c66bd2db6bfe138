"""`python -m stack`: the command line. It only reads options; the work is in the modules it calls."""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cli import interrupts
from cli.console import plain_streams
from cli.screen import Screen, say_error
from cli.usage import Program, Version
from stack import import_file as importing
from stack import recover as recovery
from stack.preflight.report import describe
from stack.split import SplitError, files
from stack.split import run as steps
from stack.split import teams as division
from stack.split.move import Handover

app = Program("python -m stack")


@app.callback()
def _commands(version: Version = False) -> None:
    """Work on stacks as a whole."""


@app.command()
def split(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="STACK_FILE", help="The stack file, Pulumi.STACK.yaml. It becomes the platform's."
        ),
    ],
    into: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="The Pulumi project of the teams' stacks. Where none is, it is made from the example's.",
        ),
    ],
    by_namespace: Annotated[
        bool,
        typer.Option("--by-namespace", help="A team for each namespace of service accounts, with its name."),
    ] = False,
    teams: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML, TEAM: [PATTERN, ...]: with * and ?, of service accounts, NAMESPACE/NAME, or of the "
            "names of logins.",
        ),
    ] = None,
    stack: Annotated[
        str | None, typer.Option(metavar="STACK", help="Name of the stack. Default: that of STACK_FILE.")
    ] = None,
    project: Annotated[
        Path, typer.Option("--project", "-C", metavar="DIR", help="The Pulumi project of the stack.")
    ] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what goes where, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Split a stack into a platform and teams, each with its own logins; no login fails meanwhile.

    Stack files are written, and resources handed from state to state; nothing in AWS, Kubernetes or Vault is
    touched. See to it that nobody deploys these stacks meanwhile. Killed half-way: run it again.
    """
    if by_namespace == (teams is not None):
        raise SplitError(["say who gets what: either --by-namespace or --teams FILE"])
    parts = file.name.split(".")
    named = ".".join(parts[1:-1]) if parts[0] == "Pulumi" and len(parts) > 2 else None
    if not (stack or named):
        raise SplitError([f"{file}: is not called Pulumi.STACK.yaml; name the stack with --stack"])
    patterns = division.read(teams) if teams else None
    prepared = steps.prepare(
        steps.Wanted(file.resolve(), stack or str(named), project.resolve(), into.resolve(), patterns)
    )
    _tell(prepared)
    if dry_run or not prepared.plan.teams:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise SplitError(["nobody can be asked here; look with --dry-run, and say --yes"])
        if not typer.confirm("\nSplit it so?"):
            raise SplitError(["nothing was changed"])
    typer.echo()
    steps.carry_out(prepared, lambda line: typer.echo(f"  ✓ {line}"))
    typer.echo(
        "\nNothing is deployed by that. Look at it, the platform first:\n"
        f"  pulumi preview --stack {prepared.wanted.stack}\n"
        + "".join(
            f"  pulumi preview --stack {team.name} -C {_shown(prepared.wanted.into)}\n"
            for team in prepared.plan.teams
        )
        + "and then do the same with pulumi up, which also writes the outputs of the teams' stacks."
    )


@app.command()
def recover(
    state: Annotated[
        Path, typer.Argument(metavar="STATE", help="What `pulumi stack export --file STATE` has written.")
    ],
    exists: Annotated[
        list[str] | None,
        typer.Option(metavar="URN=ID", help="This one was created, with this ID. May be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the mended state here, to be imported."),
    ] = None,
) -> None:
    """Name what a killed run was changing, and take over what it has created.

    Reads and writes files only. What was being created and does not exist is created by the next `pulumi up`.
    """
    if output and output.exists() and not output.is_file():
        raise recovery.RecoverError(f"--output {output}: is not a file; name one")
    found = recovery.read(state)
    made = {}
    for each in exists or ():
        urn, _, identifier = each.partition("=")
        if not urn or not identifier:
            raise recovery.RecoverError(f"--exists {each}: write URN=ID")
        made[urn] = identifier
    mended = recovery.adopted(found, made)
    for operation in recovery.pending(found):
        typer.echo(f"{operation}{f' is {made[operation.urn]}' if operation.urn in made else ''}")
    if not any(recovery.pending(found)):
        typer.echo("nothing was being changed")
    if output:
        files.write(output, json.dumps(mended, indent=2), 0o600)


@app.command("import-file")
def import_file(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Write the file there.")
    ] = Path("adopt.json"),
    stack: Annotated[
        str | None,
        typer.Option("--stack", "-s", metavar="STACK", help="The stack. Default: the selected one."),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The stack file. Default: Pulumi.STACK.yaml in the project."),
    ] = None,
    project: Annotated[
        Path, typer.Option("--project", "-C", metavar="DIR", help="Folder of the Pulumi project.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the file for `pulumi import`: what the stack would make and what is there already, with its ID.

    Runs a preview, and changes nothing.
    """
    if output.exists() and not force:
        raise importing.ImportFileError(f"--output {output}: is there already; --force writes over it")
    words = ["-C", str(project), *(["--stack", stack] if stack else [])]
    words += ["--config-file", str(config_file.resolve())] if config_file else []
    found = importing.of_stack(words)
    if not found.taken:
        typer.echo("nothing of what the stack would make is there: there is nothing to take over")
        return
    if output.exists():  # one that is there keeps its mode
        output.chmod(0o600)
    files.write(output, json.dumps(found.file, indent=2) + "\n", 0o600)
    for title, lines in (("is there", found.taken), ("will be made by the next pulumi up", found.made)):
        for line in lines:
            Screen().put(f"{title}: {line}", hang=2)
    for thing in found.refused:
        Screen().put(f"is there, and cannot be taken over: {describe(thing)}; leave it to its owner", hang=2)
    choice = f" --stack {stack}" if stack else ""
    typer.echo(
        f"wrote {output}. To take it over:\n"
        f"  pulumi import --file {output} --generate-code=false --protect=false{choice}\n"
        f"  pulumi preview --diff{choice}"
    )


def _tell(split: steps.Split) -> None:
    """Say what goes where, and what is left to do."""
    plan, stack, out = split.plan, split.wanted.stack, Screen()
    if not plan.teams:
        typer.echo(f"Nothing to split: no login of {_shown(split.wanted.file)} goes to a team.")
    for handover in split.handovers:
        team, file = handover.team, split.team_file(handover.team.name)
        written = "there already"
        if team.name in split.team_texts:
            written = "more for it" if file.exists() else "new"
        out.put(f"{team.name}: {_shown(file)} ({written}), {_left(handover)}", hang=2)
        out.put(f"  logins: {', '.join(team.logins)}", hang=4)
        if team.consumers:
            out.put(f"  consumers: {', '.join(team.consumers)}", hang=4)
    if plan.teams:
        out.put(f"{stack}, the platform: {_shown(split.wanted.file)}", hang=2)
        for (section, key), value in plan.added.items():
            out.put(f"  gets for its teams: {section}.{key}: {str(value).replace(chr(39), '')}", hang=4)
    for name, why in plan.staying.items():
        out.put(f"  login {name} stays: {why}", hang=4)


def _left(handover: Handover) -> str:
    if handover.done:
        return "which has its resources"
    if handover.forget and not handover.move:
        return f"which has its {handover.resources} resources; the platform forgets them"
    return f"{handover.resources} resources"


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main(run: Callable[[], None] = app) -> None:
    """The command line: every expected failure is one line for each problem, and exit code 1."""
    plain_streams()
    try:
        run()
    except SplitError as error:
        for problem in error.problems:
            say_error(problem)
        sys.exit(1)
    except (recovery.RecoverError, importing.ImportFileError) as error:
        say_error(str(error))
        sys.exit(1)


if __name__ == "__main__":
    interrupts.told(main, "interrupted; run the same command again, it goes on from there")
