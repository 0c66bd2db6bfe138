"""The login of IAM roles and users: their AWS credentials are enough, wherever they are used."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from ..aws import LINK, Caller, Credentials, assume_role, caller_identity, own_credentials
from ..errors import NotHere, Refused, UsageProblem
from ..principals import Principal, is_exact_role, principal_of, resolved, same
from .base import Check, Impostor, Workload

_WHERE_IT_RUNS = (
    "run the command where the caller runs: verifyAs of the login is empty, so no role is assumed for it"
)
_NAME_A_ROLE = "name a role that your AWS credentials may assume: --as ROLE_ARN, or verifyAs of the login"


class PrincipalWorkload(Workload):
    """An IAM role that the user's own AWS credentials may assume, or the user's own principal.

    AWS refuses no impostors here: a principal's credentials are the principal.
    """

    kind = "principal"
    takes_role = True

    @cached_property
    def _assumed(self) -> list[str]:
        """The roles that AWS has let this command assume."""
        return []

    @cached_property
    def role(self) -> str | None:
        """The role to assume. None to log in with the user's own credentials."""
        chosen = self.chosen.role or next(iter(self._roles()), None)
        if chosen and not is_exact_role(chosen):
            raise UsageProblem(f"--as {chosen!r} is not the ARN of one IAM role")
        return chosen

    def _roles(self) -> list[str]:
        """The stack's `verifyAs`, else the bound roles that can be assumed by their ARN."""
        if self.login.verify_as is not None:
            return self.login.verify_as
        return [arn for arn in self.login.principals if is_exact_role(arn)]

    @property
    def _only_itself(self) -> bool:
        """Whether nobody can assume its role, so that it can log in where it runs and nowhere else."""
        return not self.chosen.role and self.login.verify_as == []

    @property
    def caller(self) -> str:
        return _short(self.role) if self.role else "the AWS credentials at hand"

    @property
    def expected_here(self) -> bool:
        """Roles that were not written may trust a service alone."""
        return self.role is None or self.role in (self.login.verify_as or ())

    def credentials(self) -> Credentials:
        if self.role:
            return self._assume(self.role)
        try:
            own, me = self._own()
        except Refused as error:
            if not self._only_itself:
                raise
            raise NotHere(error.link, error.by, error.reason, error.code, _WHERE_IT_RUNS) from error
        admitted = self._resolved(own, me).admitted_by(self.login.principals)
        # Where that depends on a path that nothing here can tell, Vault is asked.
        if admitted is False or (admitted is None and self._only_itself):
            bound = ", ".join(self.login.principals)
            raise NotHere(
                LINK,
                None,
                f"your AWS credentials are {me.arn}; the login is bound to {bound}",
                "not-bound",
                _WHERE_IT_RUNS if self._only_itself else _NAME_A_ROLE,
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
        own, me = self._own()
        kind = me.arn.split(":", 5)[5].split("/")[0]
        if kind not in ("user", "assumed-role"):
            return
        mine = self._resolved(own, me)
        admitted = mine.admitted_by(self.login.principals)
        if not admitted:
            name = mine.arn.split("/")[-1]
            yield self._must_refuse(
                f"the AWS credentials at hand ({kind} {name})", own_credentials, undecided=admitted is None
            )

    def _must_refuse(
        self, caller: str, credentials: Callable[[], Credentials], *, undecided: bool = False
    ) -> Impostor:
        return Impostor(caller, "Vault", self.refused_by_vault, lambda: self.log_in(credentials()), undecided)

    def known_arns(self) -> Sequence[str]:
        return self._assumed  # AWS assumes a role only by its whole ARN

    def _resolved(self, own: Credentials, me: Caller) -> Principal:
        return resolved(self.vault, me, own)

    def checks(self) -> Sequence[Check]:
        return [Check("AWS credentials at hand", lambda: self._own()[1].arn, needs=("STS endpoint",))]

    def _own(self) -> tuple[Credentials, Caller]:
        """The user's own credentials, and who they belong to."""
        own = own_credentials()
        return own, caller_identity(self.vault, own)

    def _assume(self, role: str) -> Credentials:
        own, me = self._own()
        if same(principal_of(me.arn), role):
            return own  # roles rarely trust themselves
        try:
            assumed = assume_role(self.vault, role, own, f"vault-aws-auth-{self.name}")
        except Refused as error:
            if error.code != "AccessDenied":
                raise
            # Whom a role trusts is its owner's to say: a function's role trusts its service, and no one else.
            raise NotHere(error.link, error.by, error.reason, error.code, error.hint) from error
        self._assumed.append(role)
        return assumed


def _short(role: str) -> str:
    """Short enough for a table; with the account, because accounts often have the same names."""
    return f"role {role.split(':', 5)[4]}:{role.split('/', 1)[1]}"
