"""A pod's login: its service account's token becomes an IAM role's credentials (IRSA)."""

import secrets
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property

from ..chain import Credentials, assume_role_with_web_identity
from ..cluster import AUDIENCE, Cluster
from ..errors import UsageProblem
from .base import Impostor, Workload

NOT_TRUSTED = frozenset({"AccessDenied"})
NOT_VALID = frozenset({"InvalidIdentityToken"})


class ServiceAccountWorkload(Workload):
    """A pod that runs under one of the login's service accounts."""

    kind = "service-account"
    takes_service_account = True

    @cached_property
    def account(self) -> str:
        """`namespace/name`: the one asked for, else the first that the login names in full."""
        named = [account for account in self.login.service_accounts if not _is_pattern(account)]
        account = self.options.service_account or next(iter(named), "")
        if not account:
            raise UsageProblem(
                f"login {self.name!r} lets in {', '.join(self.login.service_accounts) or 'nobody'}: say "
                f"which "
                "service account to be with --service-account namespace/name"
            )
        if account.count("/") != 1 or not all(account.split("/")) or _is_pattern(account):
            raise UsageProblem(f"--service-account {account!r} is not of the form namespace/name")
        return account

    @property
    def caller(self) -> str:
        return f"service account {self.account}"

    @cached_property
    def cluster(self) -> Cluster:
        return Cluster(self.stack, self.options.kubeconfig)

    def credentials(self) -> Credentials:
        return self._assume(self.cluster.token(self.account))

    def impostors(self) -> Iterator[Impostor]:
        namespace, name = self.account.split("/")
        for account in (
            f"{namespace}/verify-{secrets.token_hex(4)}",
            self._other_namespace() + "/" + name,
            f"{namespace}/default",
        ):
            # A login that names this one, or a pattern that covers it, lets it in on purpose.
            if not any(fnmatchcase(account, allowed) for allowed in self.login.service_accounts):
                yield Impostor(f"service account {account}", lambda it=account: self._as(it), NOT_TRUSTED)  # type: ignore[misc]
        yield Impostor(
            f"{self.caller}, token for another audience",
            lambda: self._assume(self.cluster.token(self.account, "another-audience.example.com")),
            NOT_VALID,
        )
        yield Impostor(
            f"{self.caller}, token with a tampered signature",
            lambda: self._assume(tampered(self.cluster.token(self.account))),
            NOT_VALID,
        )

    def _other_namespace(self) -> str:
        """A namespace that every cluster has and the login does not use.

        A temporary namespace would need cluster-wide rights, and controllers to remove it.
        """
        used = [account.split("/")[0] for account in self.login.service_accounts]
        return next(n for n in ("kube-public", "kube-node-lease", "default") if n not in used)

    def _as(self, account: str) -> Credentials:
        with self.cluster.lent_service_account(account):
            return self._assume(self.cluster.token(account))

    def _assume(self, token: str) -> Credentials:
        cluster = self.stack.outputs.cluster
        if not self.login.iam_role_arn:
            raise UsageProblem(f"login {self.name!r} has no iamRoleArn in the stack's outputs")
        return assume_role_with_web_identity(
            self.stack.outputs.vault,
            self.login.iam_role_arn,
            token,
            session_name=f"vault-aws-auth-{self.name}",
            allowed=f"{', '.join(self.login.service_accounts) or 'no service account'} with audience "
            f"{AUDIENCE}",
            issuer=cluster.oidc_issuer if cluster else "unknown",
        )


def tampered(token: str) -> str:
    """The same token with one letter of its signature changed.

    In the middle: the last letter's low bits are padding, and changing only them changes nothing.
    """
    body, _, signature = token.rpartition(".")
    at = len(signature) // 2
    return f"{body}.{signature[:at]}{'A' if signature[at] != 'A' else 'B'}{signature[at + 1 :]}"


def _is_pattern(account: str) -> bool:
    return "*" in account or "?" in account
