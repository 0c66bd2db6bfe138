"""What ends a command with one message instead of a traceback."""

from dataclasses import dataclass

import typer

from . import checkout


@dataclass(eq=False)
class Refused(Exception):
    """One link of a login's chain was refused, or could not be tried. Exit code 1."""

    link: str
    """The link: `stack outputs`, `service-account token`, `AWS identity`, `Vault login`, …"""
    by: str | None
    """Who refused: `Kubernetes`, `AWS`, `Vault` or `Pulumi`. None for a failure, such as a timeout."""
    reason: str
    """The words of the refusal or the failure."""
    code: str = ""
    """The kind of reason: AWS's error code, or for Vault one of the names in `cli.refusals`."""
    hint: str = ""
    """How to fix it."""

    def __str__(self) -> str:
        return f"{self.link}: {self.reason}"


class NotHere(Refused):
    """A login that cannot be made from where the command runs: `verify` says so, and does not fail."""


class UsageProblem(typer.BadParameter):
    """The command line asks for something that the stack does not have. Exit code 2."""


def needs_checkout(what: str) -> None:
    """Raises Refused where the project's own code, which a subcommand needs, is not there."""
    if not checkout.code():
        raise Refused(
            "this project",
            None,
            f"this command is installed without the project's program, whose rules {what} needs",
            "no-checkout",
            f"run it in a checkout: .venv/bin/vault-aws-auth {what}",
        )
