"""The login of a pod: its token becomes an IAM role's credentials, by IRSA or Pod Identity."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property, partial

from ..aws import LINK, Credentials
from ..cluster import Cluster, connected
from ..errors import NotHere, Refused, UsageProblem
from ..kubeconfigs import LINK as TOKEN_LINK
from ..kubeconfigs import Wanted
from ..outputs import ClusterOutput
from .base import Check, Impostor, Workload
from .pod_identity import PodIdentity
from .service_account_checks import checks_of
from .web_identity import WebIdentity, claims_of


class ServiceAccountWorkload(Workload):
    """A pod that runs under one of the login's service accounts."""

    kind = "service-account"
    takes_service_account = True

    strangers: "Sequence[ServiceAccountWorkload]" = ()
    """The same service account in the stack's clusters that the login is not in: these must be refused."""

    @cached_property
    def account(self) -> str:
        """`namespace/name`: the one chosen, else the first that the login names in full."""
        account = self.chosen.service_account or next(iter(self._named()), "")
        if not account:
            allowed = ", ".join(self.login.service_accounts) or "no service account"
            raise UsageProblem(
                f"login {self.name!r} lets in {allowed}: name one with --service-account NAMESPACE/NAME"
            )
        if account.count("/") != 1 or not all(account.split("/")) or _is_pattern(account):
            raise UsageProblem(f"--service-account {account!r} does not have the form NAMESPACE/NAME")
        return account

    def _named(self) -> list[str]:
        return [account for account in self.login.service_accounts if not _is_pattern(account)]

    @cached_property
    def key(self) -> str:
        """Key of its cluster: the one chosen, else the login's first. Empty if none is known."""
        return self.chosen.cluster or next(iter(self._clusters), "")

    @property
    def place(self) -> str:
        return self.key if len(self.stack.outputs.clusters) > 1 else ""

    @property
    def caller(self) -> str:
        return self._caller(self.account)

    def _caller(self, account: str) -> str:
        return f"service account {account}{f' on {self.place}' if self.place else ''}"

    @property
    def eks(self) -> ClusterOutput | None:
        """What the stack tells of that cluster."""
        return self.stack.outputs.clusters.get(self.key)

    @property
    def _clusters(self) -> dict[str, ClusterOutput]:
        return self.stack.outputs.clusters_of(self.login)

    @property
    def cluster(self) -> Cluster:
        wanted = Wanted(self.key, self.eks, only=not self.place)
        return connected(self.stack.kubeconfig, self.chosen.kubeconfig, wanted)

    @cached_property
    def exchange(self) -> WebIdentity | PodIdentity:
        """How AWS exchanges the token for the IAM role: the login's method."""
        cluster, role = self.eks, self.login.iam_role_arn
        problem = f"login {self.name!r}"
        if not role:
            raise UsageProblem(f"{problem} has no iamRoleArn in the stack's outputs")
        allowed = ", ".join(self.login.service_accounts) or "no service account"
        if self.login.method == "irsa":
            return WebIdentity(self.vault, role, cluster.oidc_issuer if cluster else "unknown", allowed)
        if self.login.method != "pod-identity":
            known = "this command knows irsa and pod-identity"
            raise UsageProblem(f"{problem} has method {self.login.method!r}; {known}")
        if not cluster:
            raise UsageProblem(f"{problem} needs the output `clusters`, which this stack does not have")
        return PodIdentity(self.vault, role, cluster, allowed)

    def token(self) -> str:
        """The service account's token, for the login's method."""
        token = self.cluster.token(self.account, self.exchange.audience)
        # The role may trust other clusters too: such a token would prove nothing of this one.
        if self.place and self.eks and not self.eks.has_issuer(issuer := str(claims_of(token).get("iss"))):
            raise Refused(
                TOKEN_LINK,
                None,
                f"{self.cluster.origin} is of another cluster: its tokens have issuer {issuer}, those of "
                f"{self.key} have {self.eks.oidc_issuer}",
                hint=f"name the context after the cluster ({self.eks.name}), or use --kubeconfig stack",
            )
        return token

    def credentials(self) -> Credentials:
        return self._exchanged(self.token())

    def each(self) -> Sequence[Workload]:
        accounts = [self.chosen.service_account] if self.chosen.service_account else self._named()
        clusters: Sequence[str | None] = [self.chosen.cluster or None]
        if not self.chosen.cluster and self._clusters:
            clusters = [*self._clusters]
        if not accounts:
            allowed = ", ".join(self.login.service_accounts) or "no service account"
            raise NotHere(
                LINK,
                None,
                f"the login names no service account in full, only {allowed}",
                "no-caller",
                f"`vault-aws-auth verify {self.name} --service-account NAMESPACE/NAME` tries it as one",
            )
        made = [self._as(account, cluster) for cluster in clusters for account in accounts]
        if not self.chosen.cluster:
            others = [key for key in self.stack.outputs.clusters if key not in self._clusters]
            made[0].strangers = [self._as(accounts[0], key) for key in others]
        return made

    def _as(self, account: str, cluster: str | None) -> "ServiceAccountWorkload":
        chosen = replace(self.chosen, service_account=account, cluster=cluster)
        return ServiceAccountWorkload(self.name, self.login, self.stack, chosen)

    def known_arns(self) -> Sequence[str]:
        return [self.login.iam_role_arn] if self.login.iam_role_arn else []

    def impostors(self) -> Iterator[Impostor]:
        namespace, name = self.account.split("/")
        exchange = self.exchange

        def refused(account: str, codes: frozenset[str], attempt: Callable[[], object]) -> Impostor:
            return Impostor(self._caller(account), "AWS", codes, attempt)

        for account in (
            f"{namespace}/verify-{secrets.token_hex(4)}",
            f"{self._other_namespace()}/{name}",
            f"{namespace}/default",
        ):
            # A login may name this account, or cover it by a pattern: then it is let in on purpose.
            if not any(fnmatchcase(account, allowed) for allowed in self.login.service_accounts):
                yield refused(account, exchange.not_trusted, partial(self._credentials_of, account))
        yield Impostor(
            f"{self.caller}, token for another audience",
            "AWS",
            exchange.not_valid,
            lambda: self._exchanged(self.cluster.token(self.account, "another-audience.example.com")),
        )
        yield Impostor(
            f"{self.caller}, token with a tampered signature",
            "AWS",
            exchange.not_valid,
            lambda: self._exchanged(_tampered(self.token())),
        )
        for stranger in self.strangers:
            codes = exchange.not_trusted | exchange.not_valid | exchange.not_there
            yield Impostor(stranger.caller, "AWS", codes, partial(stranger._credentials_of, self.account))

    def checks(self) -> Sequence[Check]:
        return checks_of(self)

    def _other_namespace(self) -> str:
        """A namespace that every cluster has and the login does not use.

        Creating one would need cluster-wide rights, and controllers to remove it.
        """
        used = [account.split("/")[0] for account in self.login.service_accounts]
        return next(n for n in ("kube-public", "kube-node-lease", "default") if n not in used)

    def _credentials_of(self, account: str) -> Credentials:
        with self.cluster.temporary_service_account(account):
            return self._exchanged(self.cluster.token(account, self.exchange.audience))

    def _exchanged(self, token: str) -> Credentials:
        return self.exchange.credentials(token, f"vault-aws-auth-{self.name}")


def _tampered(token: str) -> str:
    """The same token with one letter changed in the middle of its signature.

    Not the last letter: its low bits are padding, and changing only those changes nothing.
    """
    body, _, signature = token.rpartition(".")
    at = len(signature) // 2
    return f"{body}.{signature[:at]}{'A' if signature[at] != 'A' else 'B'}{signature[at + 1 :]}"


def _is_pattern(account: str) -> bool:
    return "*" in account or "?" in account
