"""What ends a command with one message instead of a traceback."""

from dataclasses import dataclass


@dataclass(eq=False)
class Refused(Exception):
    """One link of the chain said no, or could not be asked."""

    link: str
    """The link that failed: `stack outputs`, `service-account token`, `AWS identity`, `Vault login`, …"""
    by: str | None
    """Who refused: `Kubernetes`, `AWS`, `Vault`, `Pulumi`; None when nobody did, and it failed by itself."""
    reason: str
    """The refuser's own words, or those of the failure."""
    code: str = ""
    """The class of the reason: AWS's error code, or one of `cli.refusals`' names for Vault's."""
    hint: str = ""
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.link}: {self.reason}"


class UsageProblem(Exception):
    """The command line asks for something that the stack does not have; exit code 2."""
