"""`vault-aws-auth`: the command line. Each command is a module of its name, imported when it is called."""

if __name__ == "__main__":  # first of all, as the other imports take longest
    from . import interrupts

    interrupts.end_at_once()

import atexit
import contextlib
import gc
import json
import signal
import sys
import warnings
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import interrupts
from .console import exit_on_refusal, plain_streams, print_json
from .errors import Refused, UsageProblem
from .options import (
    CallerOptions,
    Json,
    Login,
    Project,
    RoleOptions,
    StackOptions,
    VaultOptions,
    check_writable,
    with_option_groups,
    write_secret,
)
from .screen import Screen
from .usage import Program, Version, examples

DIFFERENT = 3
"""Exit code of a comparison that found a gain or loss, if it was asked for."""

app = Program("vault-aws-auth", add_completion=True)


class AdoptUse(Enum):  # Typer knows no list of literals
    """What `adopt` leaves to its owner; `cli.adopt.plan.Use` says what each is."""

    MOUNT = "mount"
    IAM_ROLES = "iam-roles"
    POLICIES = "policies"


@app.callback()
def _settings(version: Version = False) -> None:
    """Log in to Vault as the workloads of a stack, and prove that other callers are refused.

    AWS, Kubernetes and Vault are configured by the same variables as their own CLIs: AWS_CA_BUNDLE,
    HTTPS_PROXY, KUBECONFIG, VAULT_CACERT, VAULT_SKIP_VERIFY, …
    """
    # Setting VAULT_SKIP_VERIFY or insecure-skip-tls-verify is a decision: do not repeat the warning.
    warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    # A cancelled CI job and a closed terminal end like Ctrl-C: temporary service accounts are removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # `nohup` ignores SIGHUP
            signal.signal(number, _ended)


@app.command(
    epilog=examples(
        "vault-aws-auth login pod",
        "vault-aws-auth login pod --service-account default/vault-auth --stack dev",
        "vault-aws-auth login ci --as arn:aws:iam::111111111111:role/ci",
        "vault-aws-auth login --all --json | jq 'map_values(.auth.policies)'",
        "vault-aws-auth login pod --token-file token &&",
        "  VAULT_TOKEN=$(cat token) vault kv get dev/app",
        "pulumi stack output --json --show-secrets |",
        "  vault-aws-auth login pod --outputs - --json | jq .auth.policies",
    )
)
@with_option_groups
def login(
    logins: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOGIN", help="One or more logins of the stack (its output `logins`)."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every login of the stack, in turn.")] = False,
    caller: RoleOptions,
    vault_role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Vault role to ask for. Default: the login's.")
    ] = None,
    header: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE", help="Server-id header. Default: the stack's. An empty value sends none."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the token to this file, readable only by you (mode 0600)."),
    ] = None,
    show_token: Annotated[
        bool, typer.Option("--show-token", help="Print the whole token, not just its first letters.")
    ] = False,
    source: VaultOptions,
    as_json: Json = False,
) -> None:
    """Log in as a workload and show its AWS identity and Vault token.

    The token is valid until its TTL ends, like one from `vault login`. It is masked unless you ask for it.

    Several logins are tried in turn, even if one fails, and shown as a table. With --json they are one
    object, by name. With --all, one that cannot be made from here (a node's, a function's) is reported, and
    fails nothing.
    """
    with exit_on_refusal(as_json):
        from .login import log_in_as, log_in_as_each, print_each, print_one

        names = logins or []
        if bool(names) is every:
            raise UsageProblem("name the logins, or give --all")
        single = len(names) == 1
        if not single and (caller.service_account or caller.role or vault_role or token_file):
            raise UsageProblem(
                "--service-account, --as, --vault-role and --token-file need exactly one login"
            )
        check_writable("--token-file", token_file)
        stack = source.read()
        if not single:
            attempts = log_in_as_each(names, stack, caller, header=header)
            shown = names or sorted(stack.outputs.logins)
            if print_each(attempts, shown, as_json=as_json, show_token=show_token, lenient=every):
                raise typer.Exit(1)
            return
        done = log_in_as(names[0], stack, caller, vault_role=vault_role, header=header)
        if token_file:
            write_secret(token_file, done.session.auth["client_token"])
        print_one(done, as_json=as_json, show_token=show_token)


@app.command(
    epilog=examples(
        "vault-aws-auth verify",
        "vault-aws-auth verify pod --json",
        "vault-aws-auth verify --no-refusals   # creates nothing; for a daily check",
    )
)
@with_option_groups
def verify(
    logins: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOGIN", help="Only these logins. Default: all of the stack."),
    ] = None,
    *,
    refusals: Annotated[
        bool,
        typer.Option(
            "--refusals/--no-refusals", help="Also try callers that must be refused.", show_default=False
        ),
    ] = True,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the result to this file, as JSON.")
    ] = None,
    caller: CallerOptions,
    source: VaultOptions,
    as_json: Json = False,
) -> None:
    """Prove that every login works and that other callers are refused, by AWS or by Vault.

    Exit code 0 if nothing that was tried failed. What cannot be tried from here (the role of a function, a
    node, another team's SSO role) is `not tried`, with the reason, and fails nothing. Service accounts that
    were created for an attempt are deleted again, and tokens revoked.
    """
    with exit_on_refusal(as_json):
        from .verify import document
        from .verify import verify as run
        from .verify_screen import show

        check_writable("--report", report)
        attempts = run(source.read(), logins or [], caller, with_refusals=refusals)
        findings = list(attempts) if as_json else show(attempts, Screen())
        if report:
            report.write_text(json.dumps(document(findings), indent=2) + "\n", encoding="utf-8")
        if as_json:
            print_json(document(findings))
        if any(finding.ok is False for finding in findings):
            raise typer.Exit(1)


@app.command(
    epilog=examples(
        "vault-aws-auth doctor pod",
        "vault-aws-auth doctor pod --service-account gloo-system/discovery --json",
        "# Vault's configuration, too:",
        "VAULT_TOKEN=$(cat token) vault-aws-auth doctor pod",
    )
)
@with_option_groups
def doctor(login: Login, *, caller: RoleOptions, source: VaultOptions, as_json: Json = False) -> None:
    """Check each link of a login's chain: ✓, or ✗ with the fix. Goes on after a failure where it can.

    Exit code 0 only if all links are right. Changes nothing; logs in once and revokes the token. With
    VAULT_TOKEN it also reads the Vault role, the client config and the policies, and asks IAM about Vault's
    access key.
    """
    with exit_on_refusal(as_json):
        from .doctor import OUTPUTS, Link, examine, print_links

        try:
            links = list(examine(source.read(), login, caller))
        except Refused as error:
            links = [Link(OUTPUTS, False, error.reason, error.hint)]
        print_links(links, as_json=as_json)
        if not all(link.ok for link in links):
            raise typer.Exit(1)


@app.command(
    epilog=examples(
        "vault-aws-auth access",
        "vault-aws-auth access --format html --output access.html",
        "vault-aws-auth access --compare main HEAD --stack prod",
        "# not committed yet:",
        "vault-aws-auth access --compare origin/main Pulumi.prod.yaml --exit-code",
        "# deployed, and declared:",
        "vault-aws-auth access --compare stack:prod Pulumi.prod.yaml --json",
    )
)
@with_option_groups
def access(
    *,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="OLD NEW",
            help="Show who gains what from OLD to NEW. Each is a git revision of the project (--stack: whose "
            "stack file), a stack file, a folder with one, or stack:NAME: the stack as it is deployed.",
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --compare: exit with 3 if there is a gain or loss.")
    ] = False,
    format: Annotated[
        Literal["table", "json", "html"] | None,
        typer.Option(
            metavar="FORM", help="`table`, `json`, or `html`, a self-contained page. Default: table."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file instead of standard output.")
    ] = None,
    source: VaultOptions,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Report who can log in as what, and which Vault paths they can reach.

    Reads the policies from Vault with VAULT_TOKEN, which needs `read` on sys/policies/acl/*.

    With --compare: who can newly log in and who no longer, which paths and capabilities each gains or loses,
    and what becomes as good as root. It is computed from stack files and policies alone, so it needs neither
    credentials nor Vault; only stack:NAME needs the state of the stack.
    """
    if as_json and format not in (None, "json"):
        raise UsageProblem(f"--json and --format {format} exclude each other")
    chosen = "json" if as_json else format or "table"
    if exit_code and not compare:
        raise UsageProblem("--exit-code is for --compare")
    if compare and (source.outputs or source.vault_address):
        raise UsageProblem("--compare takes no --outputs and no --vault-address: give a file as OLD or NEW")
    with exit_on_refusal(as_json=chosen == "json" and output is None):
        check_writable("--output", output)
        different = False
        with contextlib.ExitStack() as opened:
            if compare:
                from .compare import between
                from .compare.show import WRITERS as SHOWN

                found = between(*compare, source.project, source.stack)
                different = found.gains_or_losses
                write = partial(SHOWN[chosen], found)
            else:
                from .access import WRITERS, report

                stack = source.read()
                origin = None if chosen == "table" else source.origin()
                write = partial(WRITERS[chosen], report(stack, origin))
            write(opened.enter_context(output.open("w", encoding="utf-8")) if output else sys.stdout)
    if exit_code and different:
        raise typer.Exit(DIFFERENT)


@app.command(
    epilog=examples(
        "vault-aws-auth values gloo > values.yaml &&",
        "  helm upgrade --install gloo gloo/gloo -f values.yaml",
        "vault-aws-auth values operator | kubectl apply -f -   # if it has manifests",
    )
)
@with_option_groups
def values(
    consumer: Annotated[
        str, typer.Argument(metavar="CONSUMER", help="A consumer of the stack (its output `consumers`).")
    ],
    *,
    format: Annotated[
        Literal["yaml", "json"], typer.Option(metavar="FORM", help="`yaml` or `json`.")
    ] = "yaml",
    helm: Annotated[
        bool, typer.Option("--helm", help="Print Helm values even if the consumer also has manifests.")
    ] = False,
    source: StackOptions,
) -> None:
    """Print a consumer's Helm values, or its manifests, on standard output."""
    with exit_on_refusal():
        from .values import values as text_of

        stack = source.read()
        sys.stdout.write(text_of(stack.outputs, consumer, as_json=format == "json", helm=helm))


@app.command(
    epilog=examples(
        "vault-aws-auth deployer --stack dev --format aws > deployer.json",
        "vault-aws-auth deployer --stack dev --format vault |",
        "  vault policy write deployer -",
        "vault-aws-auth deployer --stack dev --format kubernetes | kubectl apply -f -",
        "vault-aws-auth deployer --stack dev --format aws --reading  # pull requests",
        "pulumi stack export |",
        "  vault-aws-auth deployer --format vault --resources -  # another program",
    )
)
@with_option_groups
def deployer(
    *,
    format: Annotated[
        Literal["aws", "vault", "kubernetes"],
        typer.Option(
            metavar="FORM",
            help="`aws`: IAM policies. `vault`: an ACL policy. `kubernetes`: roles and their bindings.",
        ),
    ],
    reading: Annotated[
        bool, typer.Option("--reading", help="Only what a preview and a refresh need.")
    ] = False,
    account: Annotated[
        str, typer.Option(metavar="ID", help="With aws: another account in which the stack makes something.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file instead of standard output; several policies to FILE-1, FILE-2, …",
        ),
    ] = None,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", metavar="STACK", help="The stack. Default: PULUMI_STACK.")
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its stack file. Default: Pulumi.STACK.yaml in the project."),
    ] = None,
    resources: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of another program, such as a team's, instead of a stack file: what `pulumi stack export` "
            "writes, or `pulumi preview --json` prints; - is standard input.",
        ),
    ] = None,
    project: Project = Path(),
) -> None:
    """Print the permissions that the deployer of a stack needs, and no other.

    They are told from what the stack file declares: no credentials, Vault, cluster or engine is needed. What
    the reader has to know beside is on standard error.
    """
    with exit_on_refusal():
        from .deployer import permissions, write

        check_writable("--output", output)
        found = permissions(
            format, project, stack, config_file, reading=reading, account=account, resources=resources
        )
        for note in write(found, output):
            Screen(sys.stderr).put(f"note: {note}", hang=6)


@app.command(
    epilog=examples(
        "vault-aws-auth adopt --out Pulumi.prod.yaml",
        "vault-aws-auth adopt --mount team/aws --cluster blue \\",
        "  --role-arn arn:aws:iam::222222222222:role/read",
        "vault-aws-auth adopt --use mount --use iam-roles --json | jq .left",
    )
)
def adopt(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the stack file there, and Vault policies below policies/vault/. Default: print the "
            "stack file on standard output.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    mount: Annotated[
        str, typer.Option(metavar="PATH", help="Path of Vault's AWS auth mount, without auth/.")
    ] = "aws",
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="AWS region of the clusters. Default: the shell's.")
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Read this profile's account as well. May be repeated."),
    ] = None,
    role_arn: Annotated[
        list[str] | None,
        typer.Option(metavar="ARN", help="Assume this role, and read its account as well. May be repeated."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="EKS cluster of the kubeconfig. Default: the only one there is."),
    ] = None,
    kubeconfig: Annotated[
        str | None, typer.Option(metavar="FILE", help="Default: KUBECONFIG, or ~/.kube/config.")
    ] = None,
    use: Annotated[
        list[AdoptUse] | None,
        typer.Option(
            metavar="WHAT",
            help="Use these as they are, instead of taking them over: `mount`, `iam-roles` or `policies`. "
            "May be repeated.",
        ),
    ] = None,
    project: Project = Path(),
    as_json: Json = False,
) -> None:
    """Write a stack file for what there is: Vault's mount, IAM roles, EKS and service accounts.

    Only reads: Vault with VAULT_ADDR and VAULT_TOKEN, AWS with the shell's credentials, Kubernetes with the
    kubeconfig. What a stack file cannot say is listed, and stays as it is. `python -m stack import-file` then
    writes the file for `pulumi import`.
    """
    with exit_on_refusal(as_json):
        from .errors import needs_checkout

        needs_checkout("adopt")
        from . import adopt as adoption

        if force and not out:
            raise UsageProblem("--force is for --out")
        check_writable("--out", out)
        if out:
            adoption.check_new(out, force=force)
        where = adoption.Where(mount, region, profile or (), role_arn or (), kubeconfig, cluster)
        plan = adoption.decide(adoption.read(where), project, [adoption.Use(it.value) for it in use or ()])
        written = adoption.save(plan, out, project, force=force) if out else []
        if as_json:
            print_json({**adoption.document(plan), "written": [str(file) for file in written]})
            return
        if not out:
            sys.stdout.write(adoption.stack_file(plan))
            return
        for line in adoption.report(plan):
            Screen().put(line, hang=len(line) - len(line.lstrip()) + 2)
        for file in written:
            print(f"wrote {file}")


def _ended(number: int, _frame: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of a closed terminal, the kernel and the shell send one
    sys.exit(128 + number)


def main() -> None:
    """Run the command line."""
    # The process ends long before its garbage matters. Collecting it, during the run and once more at exit,
    # would take a third of a login's time.
    plain_streams()
    gc.disable()
    atexit.register(gc.freeze)
    interrupts.told(lambda: app(prog_name="vault-aws-auth"))


if __name__ == "__main__":
    main()
