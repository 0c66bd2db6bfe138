"""A pod's login: its service account's token becomes an IAM role's credentials (IRSA or Pod Identity)."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from ..aws import Credentials
from ..cluster import Cluster, connected
from ..errors import UsageProblem
from ..pod_identity import PodIdentity
from ..web_identity import WebIdentity
from .base import Check, Impostor, Workload
from .service_account_checks import checks_of


class ServiceAccountWorkload(Workload):
    """A pod that runs under one of the login's service accounts."""

    kind = "service-account"
    takes_service_account = True

    @cached_property
    def account(self) -> str:
        """`namespace/name`: the one asked for, else the first that the login names in full."""
        account = self.options.service_account or next(iter(self._named()), "")
        if not account:
            raise UsageProblem(
                f"login {self.name!r} lets in {', '.join(self.login.service_accounts) or 'nobody'}: say "
                f"which "
                "service account to be with --service-account namespace/name"
            )
        if account.count("/") != 1 or not all(account.split("/")) or _is_pattern(account):
            raise UsageProblem(f"--service-account {account!r} is not of the form namespace/name")
        return account

    def _named(self) -> list[str]:
        return [account for account in self.login.service_accounts if not _is_pattern(account)]

    @property
    def caller(self) -> str:
        return f"service account {self.account}"

    @property
    def cluster(self) -> Cluster:
        return connected(self.stack.kubeconfig, self.options.kubeconfig)

    @cached_property
    def exchange(self) -> WebIdentity | PodIdentity:
        """How AWS gives the token's bearer the IAM role: the login's method."""
        vault, cluster = self.stack.outputs.vault, self.stack.outputs.cluster
        role = self.login.iam_role_arn
        if not role:
            raise UsageProblem(f"login {self.name!r} has no iamRoleArn in the stack's outputs")
        allowed = ", ".join(self.login.service_accounts) or "no service account"
        if self.login.method == "irsa":
            return WebIdentity(vault, role, cluster.oidc_issuer if cluster else "unknown", allowed)
        if self.login.method != "pod-identity":
            raise UsageProblem(
                f"login {self.name!r} has method {self.login.method!r}; this command knows irsa and "
                "pod-identity"
            )
        if not cluster:
            raise UsageProblem(
                f"login {self.name!r} needs the output `cluster`, which this stack does not have"
            )
        return PodIdentity(vault, role, cluster, allowed)

    def token(self) -> str:
        """The service account's token, for the login's method."""
        return self.cluster.token(self.account, self.exchange.audience)

    def credentials(self) -> Credentials:
        return self._exchanged(self.token())

    def each(self) -> Sequence[Workload]:
        if self.options.service_account or not self._named():
            return (self,)
        return [
            ServiceAccountWorkload(
                self.name, self.login, self.stack, replace(self.options, service_account=account)
            )
            for account in self._named()
        ]

    def impostors(self) -> Iterator[Impostor]:
        namespace, name = self.account.split("/")
        for account in (
            f"{namespace}/verify-{secrets.token_hex(4)}",
            self._other_namespace() + "/" + name,
            f"{namespace}/default",
        ):
            # A login that names this one, or a pattern that covers it, lets it in on purpose.
            if not any(fnmatchcase(account, allowed) for allowed in self.login.service_accounts):
                yield Impostor(
                    f"service account {account}",
                    lambda it=account: self._as(it),  # type: ignore[misc]
                    self.exchange.not_trusted,
                )
        yield Impostor(
            f"{self.caller}, token for another audience",
            lambda: self._exchanged(self.cluster.token(self.account, "another-audience.example.com")),
            self.exchange.not_valid,
        )
        yield Impostor(
            f"{self.caller}, token with a tampered signature",
            lambda: self._exchanged(tampered(self.token())),
            self.exchange.not_valid,
        )

    def checks(self) -> Sequence[Check]:
        return checks_of(self)

    def _other_namespace(self) -> str:
        """A namespace that every cluster has and the login does not use.

        A temporary namespace would need cluster-wide rights, and controllers to remove it.
        """
        used = [account.split("/")[0] for account in self.login.service_accounts]
        return next(n for n in ("kube-public", "kube-node-lease", "default") if n not in used)

    def _as(self, account: str) -> Credentials:
        with self.cluster.lent_service_account(account):
            return self._exchanged(self.cluster.token(account, self.exchange.audience))

    def _exchanged(self, token: str) -> Credentials:
        return self.exchange.credentials(token, f"vault-aws-auth-{self.name}")


def tampered(token: str) -> str:
    """The same token with one letter of its signature changed.

    In the middle: the last letter's low bits are padding, and changing only them changes nothing.
    """
    body, _, signature = token.rpartition(".")
    at = len(signature) // 2
    return f"{body}.{signature[:at]}{'A' if signature[at] != 'A' else 'B'}{signature[at + 1 :]}"


def _is_pattern(account: str) -> bool:
    return "*" in account or "?" in account
