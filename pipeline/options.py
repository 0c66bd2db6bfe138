"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import ENVIRONMENTS

Name = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The environment, which is a stack.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ENVIRONMENT]...", help=f"In this order. Default: {', '.join(ENVIRONMENTS)}."),
]
Project = Annotated[
    Path,
    typer.Option("--project", "-C", metavar="DIR", file_okay=False, exists=True, help="The Pulumi project."),
]
ConfigDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Where the stack files are, Pulumi.ENVIRONMENT.yaml. Default: the project.",
    ),
]
Guardrails = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The policy pack. Default: policies/guardrails of the project. "
        "Its configuration for an environment is stacks/ENVIRONMENT.json in it.",
    ),
]
Unguarded = Annotated[bool, typer.Option("--no-guardrails", help="Enforce none. The result says so.")]
Summary = Annotated[
    Path | None,
    typer.Option("--summary", metavar="FILE", help="Write what was found there, too, as Markdown."),
]
SavePlan = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Keep what was found, for `up --plan`.")
]
UsePlan = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="Do what this preview found; else preview first."),
]
Verify = Annotated[bool, typer.Option(help="Afterwards prove every login, and that others are refused.")]
Json = Annotated[
    bool, typer.Option("--json", help="JSON on standard output; the engine's display on standard error.")
]
