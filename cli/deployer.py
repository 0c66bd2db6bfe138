"""`deployer`: what the one who deploys a stack needs in AWS, Vault and Kubernetes, from its stack file."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import Refused, UsageProblem

if TYPE_CHECKING:
    from stack.deployer.report import Permissions

LINK = "stack file"


def permissions(
    kind: str,
    project: Path,
    stack: str | None,
    stack_file: Path | None,
    *,
    reading: bool = False,
    account: str = "",
    resources: Path | None = None,
) -> "Permissions":
    """The permissions of a kind, `aws`, `vault` or `kubernetes`. Neither the engine nor a server is asked.

    With `resources`, a file, they are those of what another program declares.
    """
    name, file = ("", Path()) if resources else _stack(project, stack, stack_file)
    project = project.resolve()
    if not (project / "stack" / "deployer").is_dir():
        raise UsageProblem(
            f"{project}: has no program of vault-aws-auth, from which the permissions are told; name its "
            "checkout with --project; of another program, such as a team's, give --resources, too"
        )
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    try:
        from stack.deployer import report
    except ModuleNotFoundError as error:
        hint = f"install what the program needs: pip install -r {project / 'requirements.txt'}"
        raise Refused(LINK, None, str(error), hint=hint) from None
    try:
        notes: list[str] = []
        if resources:
            program, notes = report.read_resources(resources)
        else:
            program = report.read(project, file, name)
        found = report.of_kind(kind, program, reading, account)
        return found._replace(notes=(*notes, *found.notes))
    except report.DeployerError as error:
        raise Refused(LINK, None, str(error)) from None


def _stack(project: Path, stack: str | None, file: Path | None) -> tuple[str, Path]:
    """The stack's name and its file, each from the other where only one is given."""
    stack = stack or (None if file else os.environ.get("PULUMI_STACK"))
    if file is None:
        if not stack:
            raise UsageProblem("name the stack with --stack, or its stack file with --config-file")
        return stack, project / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    if not stack:
        parts = file.name.split(".")
        if parts[0] != "Pulumi" or len(parts) < 3:
            raise UsageProblem(f"{file}: is not called Pulumi.STACK.yaml; name the stack with --stack")
        stack = ".".join(parts[1:-1])
    return stack.rpartition("/")[2], file


def write(found: "Permissions", output: Path | None) -> list[str]:
    """Writes the documents, to standard output or to files, and returns what is to be said of them."""
    notes = list(found.notes)
    if output is None:
        sys.stdout.write("".join(found.documents))
    elif len(found.documents) == 1:
        output.write_text(found.documents[0], encoding="utf-8")
    else:
        for number, text in enumerate(found.documents, 1):
            file = output.with_name(f"{output.stem}-{number}{output.suffix}")
            file.write_text(text, encoding="utf-8")
            notes.append(f"written: {file}")
    return notes
