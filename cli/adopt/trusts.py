"""Which service accounts an IAM role is for, by its trust policy and its associations. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components import arns
from components.forms import is_wild
from components.logins.service_account import callers
from components.pod_role import EksClusterRef, PodIdentityMethod
from components.trust import (
    AUDIENCE,
    ECS_TASKS,
    pod_identity_trust,
    service_account_subject,
    web_identity_trust,
)
from components.trust_reading import ecs_task, why_not

from .estate import Cluster, Estate, Role
from .plan import Remark, chosen

_SUBJECT = service_account_subject("")
_STATEMENT = {"Effect", "Principal", "Action", "Condition", "Sid"}


@dataclass(frozen=True)
class Pods:
    """The pods that get a role."""

    cluster: Cluster
    method: str
    """`irsa` or `pod-identity`."""

    accounts: Sequence[str]
    """Service accounts, as `NAMESPACE/NAME`."""

    exact: bool
    """The trust policy lets in these service accounts, each in full, and nothing else."""

    ours: Mapping[str, Any]
    """The trust policy that a stack would write for them; empty where it would be another one."""


def pods(role: Role, estate: Estate) -> list[Pods]:
    """The pods that get a role, by cluster and method."""
    statements = [each for each in _listed(role.trust.get("Statement")) if isinstance(each, Mapping)]
    found = []
    for cluster in estate.clusters:
        host = cluster.issuer.removeprefix("https://")
        of_issuer = [each for each in statements if host and host in _principals(each, "Federated")]
        accounts = _unique(account for each in of_issuer for account in _subjects(each, host))
        if accounts:
            alone = len(statements) == len(of_issuer) == 1 and role.trust.get("Version") == "2012-10-17"
            exact = alone and _is_ours(statements[0], host)
            found.append(Pods(cluster, "irsa", accounts, exact, _ours(of_issuer[0], cluster, accounts)))
        if associated := sorted(it for it, arn in cluster.associations.items() if arn == role.arn):
            ours = pod_identity_trust(cluster.arn, associated)
            exact = same_policy(role.trust, ours)
            found.append(Pods(cluster, "pod-identity", associated, exact, ours))
    return found


def _ours(statement: Mapping[str, Any], cluster: Cluster, accounts: Sequence[str]) -> Mapping[str, Any]:
    subjects = [service_account_subject(account) for account in accounts]
    if any(is_wild(account) for account in accounts):
        return {}
    provider = str(_listed(_principal(statement)["Federated"])[0])
    return web_identity_trust(provider, cluster.issuer, subjects)


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
    """The service accounts whose pods get the role, and what is to be said of the others."""
    accounts, said = [], []
    where: EksClusterRef = {"arn": pods.cluster.arn, "oidc_issuer": pods.cluster.issuer}
    its = arns.parse(pods.cluster.arn)
    where["oidc_provider_arn"] = arns.oidc_provider_arn(its.partition, its.account, pods.cluster.issuer)
    for account in pods.accounts:
        options = {"service_accounts": [account], "method": PodIdentityMethod(pods.method)}
        (caller,) = callers(options, where, arns.parse(role.arn).account)
        has = estate.annotated.get(pods.cluster.name, {}).get(account, "")
        if why := why_not(role.trust, caller):
            said.append(chosen(role.arn, f"does not let in {account}: {why}"))
        elif pods.method == "irsa" and has not in ("", role.arn):
            said.append(chosen(role.arn, f"lets in {account}, which is annotated with {has}"))
        else:
            accounts.append(account)
    return accounts, said


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
