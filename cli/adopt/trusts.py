"""Which service accounts an IAM role is for, by its trust policy and its associations. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components import arns
from components.logins.service_account import callers
from components.pod_role import EksClusterRef, PodIdentityMethod, trust_document
from components.trust import AUDIENCE, ECS_TASKS, service_account_subject
from components.trust_reading import ecs_task, why_not

from .estate import Cluster, Estate, Role
from .plan import Remark, chosen

_SUBJECT = service_account_subject("")
_STATEMENT = {"Effect", "Principal", "Action", "Condition", "Sid"}


@dataclass(frozen=True)
class Pods:
    """The pods that get a role: the same service accounts in each cluster."""

    clusters: Sequence[Cluster]
    method: str
    """`irsa` or `pod-identity`."""

    accounts: Sequence[str]
    """Service accounts, as `NAMESPACE/NAME`."""

    exact: bool
    """The trust policy lets in these service accounts, each in full, and nothing else."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the clusters, in EKS."""
        return tuple(cluster.name for cluster in self.clusters)

    @property
    def ours(self) -> Mapping[str, Any]:
        """The trust policy that a stack would write for them."""
        refs = [_ref(cluster) for cluster in self.clusters]
        return trust_document(refs, PodIdentityMethod(self.method), self.accounts, AUDIENCE, True)


def pods(role: Role, estate: Estate) -> list[Pods]:
    """The pods that get a role, by method and service accounts."""
    statements = [each for each in _listed(role.trust.get("Statement")) if isinstance(each, Mapping)]
    alike: dict[tuple[str, frozenset[str]], list[tuple[Cluster, list[str], bool]]] = {}
    for cluster in estate.clusters:
        host = cluster.issuer.removeprefix("https://")
        of_issuer = [each for each in statements if host and host in _principals(each, "Federated")]
        accounts = _unique(account for each in of_issuer for account in _subjects(each, host))
        if accounts:
            whole = len(of_issuer) == 1 and _is_ours(of_issuer[0], host)
            alike.setdefault(("irsa", frozenset(accounts)), []).append((cluster, accounts, whole))
        if associated := sorted(it for it, arn in cluster.associations.items() if arn == role.arn):
            found = alike.setdefault(("pod-identity", frozenset(associated)), [])
            found.append((cluster, associated, True))
    several = []
    for (method, _), members in alike.items():
        in_order, accounts = [cluster for cluster, _, _ in members], members[0][1]
        exact = all(whole for _, _, whole in members) and role.trust.get("Version") == "2012-10-17"
        given = Pods(in_order, method, accounts, exact)
        if method == "irsa":
            exact = exact and len(statements) == len(members)
        else:
            exact = exact and same_policy(role.trust, given.ours)
        several.append(replace(given, exact=exact))
    return several


def _ref(cluster: Cluster) -> EksClusterRef:
    its = arns.parse(cluster.arn)
    return {
        "arn": cluster.arn,
        "oidc_issuer": cluster.issuer,
        "oidc_provider_arn": arns.oidc_provider_arn(its.partition, its.account, cluster.issuer),
    }


def same_policy(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two policies are written alike, but for the order of lists."""
    return bool(_normal(one) == _normal(other))


def _normal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        normal = [_normal(item) for item in value]
        return normal[0] if len(normal) == 1 else sorted(normal, key=str)
    return value


def getting(role: Role, pods: Pods, estate: Estate) -> tuple[list[str], list[Remark]]:
    """The service accounts whose pods get the role in each cluster, and what is to be said of the others."""
    refused = dict[str, str]()
    for account in pods.accounts:
        options = {"service_accounts": [account], "method": PodIdentityMethod(pods.method)}
        for cluster in pods.clusters:
            (caller,) = callers(options, _ref(cluster), arns.parse(role.arn).account)
            has = estate.annotated.get(cluster.name, {}).get(account, "")
            if why := why_not(role.trust, caller):
                refused[account] = f"does not let in {account} of {cluster.name}: {why}"
            elif pods.method == "irsa" and has not in ("", role.arn):
                refused[account] = f"lets in {account}, which is annotated with {has}"
    said = [chosen(role.arn, text) for text in refused.values()]
    return [account for account in pods.accounts if account not in refused], said


def for_ecs(role: Role, region: str) -> bool:
    """Whether it is the role of ECS tasks of a region."""
    statements = [each for each in _listed(role.trust.get("Statement")) if isinstance(each, Mapping)]
    named = any(ECS_TASKS in _listed(_principal(each).get("Service")) for each in statements)
    return named and not why_not(role.trust, ecs_task(arns.parse(role.arn).account, region))


def _is_ours(statement: Mapping[str, Any], host: str) -> bool:
    """Whether a statement is as this project writes it, but for the order of service accounts."""
    condition = statement.get("Condition")
    keys = {f"{host}:sub", f"{host}:aud"}
    return (
        {*statement} <= _STATEMENT
        and statement.get("Effect") == "Allow"
        and {*_principal(statement)} == {"Federated"}
        and len(_listed(_principal(statement)["Federated"])) == 1
        and _listed(statement.get("Action")) == ["sts:AssumeRoleWithWebIdentity"]
        and isinstance(condition, Mapping)
        and {*condition} == {"StringEquals"}
        and {*condition["StringEquals"]} == keys
        and _listed(condition["StringEquals"][f"{host}:aud"]) == [AUDIENCE]
    )


def _subjects(statement: Mapping[str, Any], host: str) -> Iterator[str]:
    if statement.get("Effect") != "Allow":
        return
    for tests in (statement.get("Condition") or {}).values():
        for key, values in tests.items():
            if str(key).lower() == f"{host}:sub".lower():
                for value in map(str, _listed(values)):
                    namespace, _, name = value.removeprefix(_SUBJECT).partition(":")
                    if value.startswith(_SUBJECT) and namespace and name:
                        yield f"{namespace}/{name}"


def _principals(statement: Mapping[str, Any], kind: str) -> list[str]:
    """The issuers of a statement's OIDC providers."""
    return [str(arn).partition(":oidc-provider/")[2] for arn in _listed(_principal(statement).get(kind))]


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal")
    return principal if isinstance(principal, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _unique(accounts: Iterator[str]) -> list[str]:
    """In the order of the trust policy, which is compared with the one that the stack would write."""
    return list(dict.fromkeys(accounts))
