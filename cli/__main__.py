"""`vault-aws-auth`: the command line. It only reads options; the work is in the modules it calls."""

import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import Refused, UsageProblem

if TYPE_CHECKING:  # these bring pydantic and Rich, which --help can do without
    from .outputs import Stack

app = typer.Typer(
    name="vault-aws-auth",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a traceback with local variables would show credentials
    context_settings={"help_option_names": ["-h", "--help"]},
)

ServiceAccount = Annotated[
    str | None,
    typer.Option(
        metavar="NAMESPACE/NAME", help="Be this service account; default: the first that the login names."
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


@app.callback()
def _settings() -> None:
    """Log in to Vault as the workloads of a stack, and prove that nobody else can.

    AWS, Kubernetes and Vault are reached with the settings that their own tools use:
    AWS_CA_BUNDLE, HTTPS_PROXY, KUBECONFIG, VAULT_CACERT, VAULT_SKIP_VERIFY, …
    """
    # Whoever sets VAULT_SKIP_VERIFY or insecure-skip-tls-verify knows it.
    warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    # A cancelled CI job ends like Ctrl-C does: what was created for the moment is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@app.command(
    epilog="Examples:\n\n"
    "vault-aws-auth login pod\n\n"
    "vault-aws-auth login pod --service-account default/vault-auth --stack dev\n\n"
    "vault-aws-auth login pod --token-file token && VAULT_TOKEN=$(cat token) vault kv get dev/app\n\n"
    "pulumi stack output --json --show-secrets | vault-aws-auth login pod --outputs - --json | jq "
    ".auth.policies"
)
def login(
    login: Annotated[
        str, typer.Argument(metavar="LOGIN", help="A login of the stack (its output `logins`).")
    ],
    service_account: ServiceAccount = None,
    vault_role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Ask for this Vault role; default: the login's.")
    ] = None,
    header: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE", help="Server-id header; default: the stack's. An empty value sends none."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the token there, readable by you only (mode 0600)."),
    ] = None,
    show_token: Annotated[
        bool, typer.Option("--show-token", help="Print the token itself, not its first letters.")
    ] = False,
    stack: StackName = None,
    project: Project = Path(),
    outputs: Outputs = None,
    kubeconfig: Kubeconfig = None,
    vault_address: VaultAddress = None,
    as_json: Json = False,
) -> None:
    """Be a workload: get its AWS identity, log in to Vault with it, show both.

    The token works until its TTL ends, as that of `vault login` does. It is not shown unless asked for.
    """
    with _one_message(as_json):
        from . import render
        from .chain import log_in
        from .workloads import Options, workload

        _check_writable(token_file)
        found = _stack(outputs, project, stack, vault_address)
        vault = found.outputs.vault
        who = workload(login, found, Options(service_account, kubeconfig))
        role = vault_role or who.login.vault_role
        session = log_in(vault, role, who.credentials(), vault.server_id_header if header is None else header)
        if token_file:
            _write_secret(token_file, session.auth["client_token"])
        if as_json:
            render.login_json(who, role, session, show_token=show_token)
        else:
            render.login_table(who, session, show_token=show_token)


@app.command(
    epilog="Examples:\n\n"
    "vault-aws-auth verify\n\n"
    "vault-aws-auth verify pod --json\n\n"
    "vault-aws-auth verify --no-refusals   (creates nothing; for a daily check)"
)
def verify(
    logins: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOGIN", help="Only these logins; default: all of the stack."),
    ] = None,
    refusals: Annotated[
        bool, typer.Option("--refusals/--no-refusals", help="Also try the callers that must be refused.")
    ] = True,
    service_account: ServiceAccount = None,
    stack: StackName = None,
    project: Project = Path(),
    outputs: Outputs = None,
    kubeconfig: Kubeconfig = None,
    vault_address: VaultAddress = None,
    as_json: Json = False,
) -> None:
    """Prove that every login works and that everyone else is refused, by AWS or by Vault.

    Exit code 0 only if all is as expected. Service accounts created for the attempts are removed again,
    and tokens revoked.
    """
    with _one_message(as_json):
        from . import render
        from .verify import verify as findings_of
        from .workloads import Options

        found = _stack(outputs, project, stack, vault_address)
        findings = list(
            findings_of(found, logins or [], Options(service_account, kubeconfig), with_refusals=refusals)
        )
        (render.findings_json if as_json else render.findings_table)(findings)
        if not all(finding.ok for finding in findings):
            raise typer.Exit(1)


def _stack(outputs: str | None, project: Path, stack: str | None, vault_address: str | None) -> "Stack":
    from dataclasses import replace

    from .outputs import from_file, from_pulumi

    if outputs and stack:
        raise UsageProblem("--outputs and --stack exclude each other")
    found = from_file(outputs) if outputs else from_pulumi(project, stack)
    if vault_address:
        vault = found.outputs.vault.model_copy(update={"address": vault_address})
        found = replace(found, outputs=found.outputs.model_copy(update={"vault": vault}))
    return found


def _check_writable(path: Path | None) -> None:
    """Before the login, so that no token is made that then has nowhere to go."""
    if path and ((path.exists() and not path.is_file()) or not os.access(path.parent, os.W_OK)):
        raise UsageProblem(f"--token-file {path}: not a file, or its folder is missing or not writable")


def _write_secret(path: Path, secret: str) -> None:
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
def _one_message(as_json: bool) -> Iterator[None]:
    """A failed link is one message and exit code 1; a wrong command line is one and exit code 2."""
    try:
        yield
    except Refused as error:
        from . import render

        render.refusal(error, as_json=as_json)
        raise typer.Exit(1) from None
    except UsageProblem as error:
        raise typer.BadParameter(str(error)) from None


def main() -> None:
    """The console script's entry."""
    app(prog_name="vault-aws-auth")


if __name__ == "__main__":
    main()
