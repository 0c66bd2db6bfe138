"""The options that several commands have, and what they lead to."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import Refused, UsageProblem

if TYPE_CHECKING:  # these bring pydantic and Rich, which --help can do without
    from .outputs import Stack

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="A login of the stack (its output `logins`).")]
ServiceAccount = Annotated[
    str | None,
    typer.Option(
        metavar="NAMESPACE/NAME", help="Be this service account; default: the first that the login names."
    ),
]
Role = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="ROLE_ARN",
        help="Be this IAM role, which your AWS credentials may assume; default: the first that the "
        "login names.",
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", "-s", metavar="STACK", help="The Pulumi stack; default: the selected one, or PULUMI_STACK."
    ),
]
Project = Annotated[
    Path,
    typer.Option(
        "--project", "-C", metavar="DIR", file_okay=False, exists=True, help="The Pulumi project's folder."
    ),
]
Outputs = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="The stack's outputs as JSON instead of asking `pulumi`; - reads standard input."
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A kubeconfig, or the word `stack` for the stack's own. Default: KUBECONFIG or "
        "~/.kube/config, else the pod's service account, else the stack's own.",
    ),
]
VaultAddress = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Reach the stack's Vault here instead, e.g. through a port-forward."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def read_stack(
    outputs: str | None, project: Path, stack: str | None, vault_address: str | None = None
) -> "Stack":
    """The stack that the options name."""
    from dataclasses import replace

    from .outputs import from_file, from_pulumi

    if outputs and stack:
        raise UsageProblem("--outputs and --stack exclude each other")
    found = from_file(outputs) if outputs else from_pulumi(project, stack)
    if vault_address:
        vault = found.outputs.vault.model_copy(update={"address": vault_address})
        found = replace(found, outputs=found.outputs.model_copy(update={"vault": vault}))
    return found


def check_writable(option: str, path: Path | None) -> None:
    """Before the work, so that nothing is made that then has nowhere to go."""
    if path and ((path.exists() and not path.is_file()) or not os.access(path.parent, os.W_OK)):
        raise UsageProblem(f"{option} {path}: not a file, or its folder is missing or not writable")


def write_secret(path: Path, secret: str) -> None:
    """Write `path` so that nobody else can read it at any moment."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def one_message(as_json: bool = False) -> Iterator[None]:
    """A failed link is one message and exit code 1; a wrong command line is one and exit code 2."""
    try:
        yield
    except Refused as error:
        from . import render

        render.refusal(error, as_json=as_json)
        raise typer.Exit(1) from None
    except UsageProblem as error:
        raise typer.BadParameter(str(error)) from None
