"""The login of IAM roles and users: whoever has their AWS credentials, wherever that is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from ..arns import is_bound, is_exact_role, principal_of
from ..aws import LINK, Credentials, assume_role, caller_identity, own_credentials
from ..errors import Refused, UsageProblem
from .base import Check, Stranger, Workload


class PrincipalWorkload(Workload):
    """An IAM role that the AWS credentials at hand may assume, or these credentials themselves.

    It has no impostors: whoever has a principal's credentials is that principal.
    """

    kind = "principal"
    takes_role = True

    @cached_property
    def role(self) -> str | None:
        """The role to be; None for the credentials at hand."""
        chosen = self.options.role or next(iter(self._roles()), None)
        if chosen and not is_exact_role(chosen):
            raise UsageProblem(f"--as {chosen!r} is not the ARN of one IAM role")
        return chosen

    def _roles(self) -> list[str]:
        """Those that the stack says to be, else the bound roles that can be assumed by their ARN."""
        return self.login.verify_as or [arn for arn in self.login.principals if is_exact_role(arn)]

    @property
    def caller(self) -> str:
        return _called(self.role) if self.role else "the AWS credentials at hand"

    def credentials(self) -> Credentials:
        if self.role:
            return self._as(self.role)
        own = own_credentials()
        arn = caller_identity(self.stack.outputs.vault, own).arn
        if not is_bound(principal_of(arn), self.login.principals):
            raise Refused(
                LINK,
                None,
                f"the AWS credentials at hand are {arn}; the login is bound to "
                f"{', '.join(self.login.principals)}",
                "not-bound",
                "name a role to be with --as ROLE_ARN, or in the login's verifyAs: one that your AWS "
                "credentials may assume",
            )
        return own

    def each(self) -> "Sequence[Workload]":
        if self.options.role or not self._roles():
            return (self,)
        return [
            PrincipalWorkload(self.name, self.login, self.stack, replace(self.options, role=role))
            for role in self._roles()
        ]

    def strangers(self) -> Iterator[Stranger]:
        for role in self.login.verify_not_as:
            yield Stranger(_called(role), lambda role=role: self._as(role))  # type: ignore[misc]
        # Whoever verifies is a caller like any other, unless the login admits him.
        own = own_credentials()
        arn = caller_identity(self.stack.outputs.vault, own).arn
        kind = arn.split(":", 5)[5].split("/")[0]
        if kind in ("user", "assumed-role") and not is_bound(principal_of(arn), self.login.principals):
            yield Stranger(
                f"the AWS credentials at hand ({kind} {principal_of(arn).split('/')[-1]})", own_credentials
            )

    def checks(self) -> "Sequence[Check]":
        def at_hand() -> str:
            return caller_identity(self.stack.outputs.vault, own_credentials()).arn

        return [Check("AWS credentials at hand", at_hand, needs=("STS endpoint",))]

    def _as(self, role: str) -> Credentials:
        vault, own = self.stack.outputs.vault, own_credentials()
        if principal_of(caller_identity(vault, own).arn) == role:
            return own  # a role is seldom trusted to assume itself
        return assume_role(vault, role, own, f"vault-aws-auth-{self.name}")


def _called(role: str) -> str:
    """Short enough for a table, with the account, since names are alike in several."""
    return f"role {role.split(':', 5)[4]}:{role.split('/', 1)[1]}"
