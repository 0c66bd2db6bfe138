"""The login of IAM roles and users: their AWS credentials are enough, wherever they are used."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from ..aws import (
    LINK,
    Caller,
    Credentials,
    assume_role,
    caller_identity,
    is_bound,
    is_exact_role,
    own_credentials,
    principal_of,
)
from ..errors import Refused, UsageProblem
from .base import Check, Impostor, Workload


class PrincipalWorkload(Workload):
    """An IAM role that the user's own AWS credentials may assume, or the user's own principal.

    AWS refuses no impostors here: a principal's credentials are the principal.
    """

    kind = "principal"
    takes_role = True

    @cached_property
    def role(self) -> str | None:
        """The role to assume. None to log in with the user's own credentials."""
        chosen = self.chosen.role or next(iter(self._roles()), None)
        if chosen and not is_exact_role(chosen):
            raise UsageProblem(f"--as {chosen!r} is not the ARN of one IAM role")
        return chosen

    def _roles(self) -> list[str]:
        """The stack's `verifyAs`, else the bound roles that can be assumed by their ARN."""
        return self.login.verify_as or [arn for arn in self.login.principals if is_exact_role(arn)]

    @property
    def caller(self) -> str:
        return _short(self.role) if self.role else "the AWS credentials at hand"

    def credentials(self) -> Credentials:
        if self.role:
            return self._assume(self.role)
        own, me = self._own()
        if not is_bound(principal_of(me.arn), self.login.principals):
            bound = ", ".join(self.login.principals)
            raise Refused(
                LINK,
                None,
                f"your AWS credentials are {me.arn}; the login is bound to {bound}",
                "not-bound",
                "name a role that your AWS credentials may assume: --as ROLE_ARN, or verifyAs of the login",
            )
        return own

    def each(self) -> Sequence[Workload]:
        if self.chosen.role or not self._roles():
            return (self,)
        return [
            PrincipalWorkload(self.name, self.login, self.stack, replace(self.chosen, role=role))
            for role in self._roles()
        ]

    def impostors(self) -> Iterator[Impostor]:
        for role in self.login.verify_not_as:
            yield self._must_refuse(_short(role), partial(self._assume, role))
        # The user is a caller like any other, unless the login admits them.
        _, me = self._own()
        kind, principal = me.arn.split(":", 5)[5].split("/")[0], principal_of(me.arn)
        if kind in ("user", "assumed-role") and not is_bound(principal, self.login.principals):
            name = principal.split("/")[-1]
            yield self._must_refuse(f"the AWS credentials at hand ({kind} {name})", own_credentials)

    def _must_refuse(self, caller: str, credentials: Callable[[], Credentials]) -> Impostor:
        return Impostor(caller, "Vault", self.refused_by_vault, lambda: self.log_in(credentials()))

    def checks(self) -> Sequence[Check]:
        return [Check("AWS credentials at hand", lambda: self._own()[1].arn, needs=("STS endpoint",))]

    def _own(self) -> tuple[Credentials, Caller]:
        """The user's own credentials, and who they belong to."""
        own = own_credentials()
        return own, caller_identity(self.vault, own)

    def _assume(self, role: str) -> Credentials:
        own, me = self._own()
        if principal_of(me.arn) == role:
            return own  # roles rarely trust themselves
        return assume_role(self.vault, role, own, f"vault-aws-auth-{self.name}")


def _short(role: str) -> str:
    """Short enough for a table; with the account, because accounts often have the same names."""
    return f"role {role.split(':', 5)[4]}:{role.split('/', 1)[1]}"
