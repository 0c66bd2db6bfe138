"""`vault-aws-auth`: the command line. It only reads options; the work is in the modules it calls."""

import atexit
import gc
import signal
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .errors import Refused, UsageProblem
from .options import (
    Json,
    Kubeconfig,
    Login,
    Outputs,
    Project,
    Role,
    ServiceAccount,
    StackName,
    VaultAddress,
    check_writable,
    one_message,
    read_stack,
    write_secret,
)

app = typer.Typer(
    name="vault-aws-auth",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a traceback with local variables would show credentials
    context_settings={"help_option_names": ["-h", "--help"]},
)


class AccessFormat(Enum):
    """How `access` shows its report."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


class ValuesFormat(Enum):
    """How `values` writes."""

    YAML = "yaml"
    JSON = "json"


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
    "vault-aws-auth login ci --as arn:aws:iam::111111111111:role/ci\n\n"
    "vault-aws-auth login --all --json | jq 'map_values(.auth.policies)'\n\n"
    "vault-aws-auth login pod --token-file token && VAULT_TOKEN=$(cat token) vault kv get dev/app\n\n"
    "pulumi stack output --json --show-secrets | vault-aws-auth login pod --outputs - --json | jq "
    ".auth.policies"
)
def login(
    logins: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOGIN", help="A login of the stack (its output `logins`), or several."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every login of the stack, in turn.")] = False,
    service_account: ServiceAccount = None,
    role: Role = None,
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

    Of several logins each is tried, whatever becomes of the others; with --json they are one object, by name.
    """
    with one_message(as_json):
        from . import logins as being
        from . import render_login
        from .workloads import Options

        names = logins or []
        if bool(names) is every:
            raise UsageProblem("name the logins, or give --all")
        single = len(names) == 1
        if not single and (service_account or role or vault_role or token_file):
            raise UsageProblem("--service-account, --as, --vault-role and --token-file are for one login")
        check_writable("--token-file", token_file)
        found = read_stack(outputs, project, stack, vault_address)
        options = Options(service_account, kubeconfig, role)
        if not single:
            made = being.log_in_as_each(names, found, options, header=header)
            if render_login.several(made, as_json=as_json, show_token=show_token):
                raise typer.Exit(1)
            return
        done = being.log_in_as(names[0], found, options, vault_role=vault_role, header=header)
        if token_file:
            write_secret(token_file, done.session.auth["client_token"])
        render_login.one(done, as_json=as_json, show_token=show_token)


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
    with one_message(as_json):
        from . import render
        from .verify import verify as findings_of
        from .workloads import Options

        found = read_stack(outputs, project, stack, vault_address)
        findings = list(
            findings_of(found, logins or [], Options(service_account, kubeconfig), with_refusals=refusals)
        )
        (render.findings_json if as_json else render.findings_table)(findings)
        if not all(finding.ok for finding in findings):
            raise typer.Exit(1)


@app.command(
    epilog="Examples:\n\n"
    "vault-aws-auth doctor pod\n\n"
    "vault-aws-auth doctor pod --service-account gloo-system/discovery --json\n\n"
    "VAULT_TOKEN=… vault-aws-auth doctor pod   (looks into Vault, too)"
)
def doctor(
    login: Login,
    service_account: ServiceAccount = None,
    role: Role = None,
    stack: StackName = None,
    project: Project = Path(),
    outputs: Outputs = None,
    kubeconfig: Kubeconfig = None,
    vault_address: VaultAddress = None,
    as_json: Json = False,
) -> None:
    """Look at each link of a login's chain: ✓, or ✗ with the fix. Goes on as far as it can.

    Exit code 0 only if all is right. Nothing is changed; the token of the one login is revoked. With
    VAULT_TOKEN also the Vault role, the client config and the policies are read.
    """
    with one_message(as_json):
        from . import render
        from .doctor import OUTPUTS, Link, examine
        from .workloads import Options

        try:
            found = read_stack(outputs, project, stack, vault_address)
            links = list(examine(found, login, Options(service_account, kubeconfig, role)))
        except Refused as error:
            links = [Link(OUTPUTS, False, error.reason, error.hint)]
        (render.examination_json if as_json else render.examination_table)(links)
        if not all(link.ok for link in links):
            raise typer.Exit(1)


@app.command(
    epilog="Examples:\n\n"
    "VAULT_TOKEN=… vault-aws-auth access\n\n"
    "VAULT_TOKEN=… vault-aws-auth access --format html --output access.html"
)
def access(
    format: Annotated[AccessFormat, typer.Option(help="table, json, or a self-contained html page.")] = (
        AccessFormat.TABLE
    ),
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to standard output.")
    ] = None,
    stack: StackName = None,
    project: Project = Path(),
    outputs: Outputs = None,
    vault_address: VaultAddress = None,
) -> None:
    """Report who can log in as what, and which Vault paths they then reach.

    The policies' texts are read from Vault with VAULT_TOKEN, which needs `read` on sys/policies/acl/*.
    """
    with one_message(as_json=format is AccessFormat.JSON and output is None):
        from . import access as reporting
        from . import render_access

        check_writable("--output", output)
        report = reporting.report(read_stack(outputs, project, stack, vault_address))
        text = getattr(render_access, format.value)(report, terminal=output is None)
        if output:
            output.write_text(text)
        else:
            sys.stdout.write(text)


@app.command(
    epilog="Examples:\n\n"
    "vault-aws-auth values gloo > values.yaml && helm upgrade --install gloo gloo/gloo -f values.yaml\n\n"
    "vault-aws-auth values operator | kubectl apply -f -   (where the consumer has manifests)"
)
def values(
    consumer: Annotated[
        str, typer.Argument(metavar="CONSUMER", help="A consumer of the stack (its output `consumers`).")
    ],
    format: Annotated[ValuesFormat, typer.Option(help="yaml or json.")] = ValuesFormat.YAML,
    helm: Annotated[
        bool, typer.Option("--helm", help="The Helm values of a consumer that has manifests, too.")
    ] = False,
    stack: StackName = None,
    project: Project = Path(),
    outputs: Outputs = None,
) -> None:
    """Print a consumer's Helm values, or its manifests, on standard output."""
    with one_message():
        from .values import values as written

        found = read_stack(outputs, project, stack).outputs
        sys.stdout.write(written(found, consumer, as_json=format is ValuesFormat.JSON, helm=helm))


def main() -> None:
    """The console script's entry."""
    # A command ends long before its garbage matters. Looking for it, and when Python ends once more among all
    # that was imported, is a third of a login.
    gc.disable()
    atexit.register(gc.freeze)
    app(prog_name="vault-aws-auth")


if __name__ == "__main__":
    main()
