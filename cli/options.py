"""The options that several commands share."""

import inspect
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer

from .errors import UsageProblem

if TYPE_CHECKING:  # brings pydantic, which --help does without
    from .origin import Origin
    from .outputs import Stack

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="A login of the stack (its output `logins`).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Project = Annotated[
    Path,
    typer.Option(
        "--project", "-C", metavar="DIR", file_okay=False, exists=True, help="Folder of the Pulumi project."
    ),
]


@dataclass
class StackOptions:
    """Which stack the command is about."""

    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="STACK",
            help="Pulumi stack. Default: PULUMI_STACK, else the selected one.",
        ),
    ] = None
    project: Project = Path()
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Read the stack's outputs from this JSON file instead of `pulumi`; - reads standard input.",
        ),
    ] = None

    def read(self) -> "Stack":
        """The stack's outputs."""
        from .outputs import from_file, from_pulumi

        if self.outputs and self.stack:
            raise UsageProblem("--outputs and --stack exclude each other")
        return from_file(self.outputs) if self.outputs else from_pulumi(self.project, self.stack)

    def origin(self) -> "Origin":
        """What a report says of where it comes from."""
        from .origin import of_file, of_stack

        return of_file(self.outputs) if self.outputs else of_stack(self.project, self.stack)


@dataclass
class VaultOptions(StackOptions):
    """Which stack, and how to reach its Vault."""

    vault_address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Reach the stack's Vault at this URL, e.g. through a port-forward."),
    ] = None

    def read(self) -> "Stack":
        """The stack's outputs, with the address of Vault that was asked for."""
        found = super().read()
        if not self.vault_address:
            return found
        vault = found.outputs.vault.model_copy(update={"address": self.vault_address})
        return replace(found, outputs=found.outputs.model_copy(update={"vault": vault}))


@dataclass(frozen=True)
class CallerOptions:
    """Which of a login's callers to log in as."""

    service_account: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE/NAME",
            help="Service account to log in as. Default: the first that the login names.",
        ),
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Cluster that the service account is in, as the stack calls it (its output `clusters`). "
            "Default: the login's first; `verify` tries each.",
        ),
    ] = None
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A kubeconfig, or the word `stack` for the stack's own. Default: KUBECONFIG or "
            "~/.kube/config, else the pod's service account, else the stack's own. With several clusters: "
            "the context named after the cluster, else the stack's own.",
        ),
    ] = None
    role: str | None = None  # an option in `RoleOptions` only


@dataclass(frozen=True)
class RoleOptions(CallerOptions):
    """The same, where an IAM role can be chosen."""

    role: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ROLE_ARN",
            help="IAM role to log in as; your AWS credentials must be allowed to assume it. Default: the "
            "first that the login names.",
        ),
    ] = None


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take dataclasses of options, which Typer does not know: it is shown their fields."""
    shown: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for parameter in inspect.signature(command).parameters.values():
        if is_dataclass(parameter.annotation):
            group: Any = parameter.annotation
            groups[parameter.name] = group
            members = inspect.signature(group).parameters.values()
            shown += [member for member in members if get_origin(member.annotation) is Annotated]
        else:
            shown.append(parameter)

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            values = {field.name: given.pop(field.name) for field in fields(group) if field.name in given}
            given[name] = group(**values)
        command(**given)

    keyword_only = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in shown]
    run.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


def check_writable(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written before the work is done that it is for."""
    if path and ((path.exists() and not path.is_file()) or not os.access(path.parent, os.W_OK)):
        raise UsageProblem(f"{option} {path}: not a file, or its folder is missing or not writable")


def write_secret(path: Path, secret: str) -> None:
    """Write a file that no other user can read at any moment."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
