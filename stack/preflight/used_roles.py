"""The roles that exist and that logins use as they are: does each let its callers in, and do pods get it?"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components import arns
from components.forms import is_wild, split_service_account
from components.logins.base import ServiceAccountMode
from components.logins.in_cluster import ROLE_ANNOTATION
from components.logins.service_account import callers
from components.logins.used_role import is_used, not_let_in
from components.pod_role import EksClusterRef, PodIdentityMethod
from components.trust_reading import Caller, ecs_task, why_not
from stack.clusters import StackCluster
from stack.file import Declared, StackFile
from stack.preflight import in_aws, in_cluster, in_lists
from stack.preflight.web import Server
from stack.providers import Providers
from stack.reading import Problems, StackFileError, report
from stack.sections import PROJECT

_OTHER = "no-such-namespace/no-such-name"
"""A service account that no login means."""

_OURS = "pulumi-kubernetes"
"""How the field managers of the kubernetes provider begin."""


async def check(stack: StackFile, providers: Providers) -> None:
    """Raises StackFileError for roles that do not let their login's callers in, and for service accounts that
    have another role. Warns of service accounts that have none yet, and of what could not be looked up. What
    is not there at all is found when it is declared.
    """
    used = {name: login for name, login in stack.logins.items() if is_used(login.options)}
    if not used:
        return
    problems = Problems(frozenset())
    needed = {key: stack.clusters[key] for login in used.values() for key in login.clusters}
    found, policies = await asyncio.gather(
        asyncio.gather(*(_cluster(it, providers.in_region_of(it)) for it in needed.values())),
        asyncio.gather(*(_policy(stack, providers, login) for login in used.values())),
    )
    clusters = {key: ref for key, ref in zip(needed, found, strict=True) if ref}
    for (name, login), policy in zip(used.items(), policies, strict=True):
        if policy is not None:
            refs = [clusters[key] for key in login.clusters if key in clusters]
            _trust(stack, name, login, policy, refs, problems)
    for key in clusters:
        of_pods = {
            name: login
            for name, login in used.items()
            if key in login.clusters and "service_accounts" in login.options
        }
        if of_pods:
            it = stack.clusters[key]
            where = f" in the cluster {it.name}" if len(stack.clusters) > 1 else ""
            await _pods(it, where, providers.in_region_of(it), of_pods, problems)
    if problems.found:
        raise StackFileError(problems.found)


async def _cluster(cluster: StackCluster, provider: aws.Provider) -> EksClusterRef | None:
    """What trust policies know of the cluster; None where there is none yet, or it cannot be looked up."""
    found, _ = await in_aws.call("aws:eks/getCluster:getCluster", {"name": cluster.name}, provider)
    try:
        arn, issuer = str(found["arn"]), str(found["identities"][0]["oidcs"][0]["issuer"])
    except LookupError:
        return None
    partition, account = arns.parse(arn).partition, arns.parse(arn).account
    return {
        "arn": arn,
        "oidc_issuer": issuer,
        "oidc_provider_arn": arns.oidc_provider_arn(partition, account, issuer),
    }


async def _policy(stack: StackFile, providers: Providers, login: Declared) -> str | None:
    """The trust policy of a login's role; None where nothing of this stack may look, or it is not there."""
    arn = arns.parse(login.options["iam_role_arn"])
    if arn.account in stack.accounts and arn.account not in providers.of_accounts:
        return None
    provider = providers.of_accounts.get(arn.account, providers.aws_provider)
    role, _ = await in_aws.call("aws:iam/getRole:getRole", {"name": arn.name}, provider)
    return str(role.get("assumeRolePolicy")) if role.get("arn") == str(arn) else None


def _trust(
    stack: StackFile,
    name: str,
    login: Declared,
    policy: str,
    clusters: Sequence[EksClusterRef],
    problems: Problems,
) -> None:
    key, arn = f"{PROJECT}:logins.{name}", arns.parse(login.options["iam_role_arn"])
    refusals = list(not_let_in(policy, _callers(stack, login, arn, clusters), str(arn)))
    report(refusals, key, problems)
    if not refusals and clusters and "service_accounts" in login.options:
        others = {**login.options, "service_accounts": [_OTHER]}
        anyone = [caller for ref in clusters for caller in callers(others, ref, arn.account)]
        if not all(why_not(policy, caller) for caller in anyone):
            pulumi.log.warn(
                f"{key}.iamRoleArn: {arn} lets in other service accounts than the login's, so Vault lets "
                "them in, too; have its owner name those that are meant in its trust policy"
            )


def _callers(
    stack: StackFile, login: Declared, role: arns.Arn, clusters: Sequence[EksClusterRef]
) -> list[Caller]:
    if "service_accounts" not in login.options:
        return [ecs_task(role.account, login.options.get("region", stack.region))]
    return [caller for ref in clusters for caller in callers(login.options, ref, role.account)]


# Which role the pods have


async def _pods(
    cluster: StackCluster,
    where: str,
    provider: aws.Provider,
    logins: Mapping[str, Declared],
    problems: Problems,
) -> None:
    """`where` is said of service accounts, if there are several clusters."""
    annotated = {
        name: login for name, login in logins.items() if login.options["method"] is PodIdentityMethod.IRSA
    }
    if any(any(_left_to_others(login)) for login in annotated.values()):
        try:
            server = await in_cluster.connect(cluster.name, provider)
            if server:
                await asyncio.to_thread(_annotations, server, where, annotated, problems)
        except in_cluster.FAILURES as error:
            pulumi.log.warn(
                f"whether the pods of {', '.join(annotated)} get their roles could not be looked up: the "
                f"cluster {cluster.name} cannot be asked: {error}"
            )
    associated = {
        name: login
        for name, login in logins.items()
        if name not in annotated and login.options["service_account_mode"] is ServiceAccountMode.NONE
    }
    if associated:
        await asyncio.to_thread(_associations, cluster, where, associated, problems)


def _left_to_others(login: Declared) -> Iterator[str]:
    """The service accounts of a login that exist, as far as they are written in full."""
    if login.options["service_account_mode"] is not ServiceAccountMode.CREATE:
        yield from (account for account in login.options["service_accounts"] if not is_wild(account))


def _annotations(server: Server, where: str, logins: Mapping[str, Declared], problems: Problems) -> None:
    accounts = {account: None for login in logins.values() for account in _left_to_others(login)}
    paths = {account: in_cluster.service_account_path(account) for account in accounts}
    answers = server.get_all(paths.values())
    for name, login in logins.items():
        key, arn = f"{PROJECT}:logins.{name}", login.options["iam_role_arn"]
        for account in _left_to_others(login):
            answer, it = answers[paths[account]], f"{account}{where}"
            if answer.status not in (200, 404):
                pulumi.log.warn(f"{key}: the cluster answered {answer.status} about {it}")
            elif answer.status == 404:
                pulumi.log.warn(
                    f"{key}.serviceAccounts: {it} is not there yet; it needs the annotation "
                    f"{ROLE_ANNOTATION}: {arn}"
                )
            else:
                _annotation(key, account, where, login, answer.body.get("metadata") or {}, problems)


def _annotation(
    key: str, account: str, where: str, login: Declared, metadata: Mapping[str, Any], problems: Problems
) -> None:
    arn = login.options["iam_role_arn"]
    has, writers = in_cluster.role_annotation(metadata)
    writer = next(iter(writers), "")
    patched = login.options["service_account_mode"] is ServiceAccountMode.PATCH
    namespace, name = split_service_account(account)
    annotate = f"kubectl -n {namespace} annotate --overwrite serviceaccount {name} {ROLE_ANNOTATION}={arn}"
    if has == arn or (patched and (not has or writer.startswith(_OURS))):
        return
    if not has:
        pulumi.log.warn(
            f"{key}.serviceAccountMode: {account}{where} has no annotation {ROLE_ANNOTATION}, so its pods do "
            f"not get {arn}; write serviceAccountMode: patch, or have its owner write it: {annotate}"
        )
        return
    problems.add(
        f"{key}.iamRoleArn",
        f"is not the role of {account}{where}, whose annotation {ROLE_ANNOTATION}, written by "
        f"{writer or 'its owner'}, names {has}; write that one, or have its owner change it: "
        f"{annotate}",
        arn,
    )


def _associations(
    cluster: StackCluster, where: str, logins: Mapping[str, Declared], problems: Problems
) -> None:
    """Associations of EKS Pod Identity."""
    accounts = [(name, account) for name, login in logins.items() for account in _left_to_others(login)]
    try:
        found = in_lists.associations(cluster.region, cluster.name, {account for _, account in accounts})
    except in_lists.Unlisted as error:
        for name, account in accounts:
            pulumi.log.warn(
                f"{PROJECT}:logins.{name}: the association of {account} could not be looked up: {error}"
            )
        return
    for name, account in accounts:
        key, arn = f"{PROJECT}:logins.{name}", logins[name].options["iam_role_arn"]
        if account not in found:
            problems.add(
                f"{key}.serviceAccountMode",
                f"is none, and {account} has no association of EKS Pod Identity in the cluster "
                f"{cluster.name}; write patch, which makes it, or create, which makes the service account as "
                "well",
            )
        elif found[account].role_arn != arn:
            problems.add(
                f"{key}.iamRoleArn",
                f"is not the role of {account}{where}, whose association of EKS Pod Identity names "
                f"{found[account].role_arn}; write that one, or have its owner change the association",
                arn,
            )
