"""A cluster as the other components know it, and how its service accounts get an IAM role."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import arns, iam, quotas, trust
from .declared import Refusal, opened, refuse
from .forms import split_service_account


class PodIdentityMethod(Enum):
    """How a pod proves to AWS which service account it has."""

    IRSA = "irsa"
    """With a token of its service account, which AWS verifies with the cluster's OIDC provider."""

    POD_IDENTITY = "pod-identity"
    """Through the EKS Pod Identity agent on its node, and an association that EKS keeps."""


class EksClusterRef(TypedDict):
    """A cluster, whose service accounts and nodes log in. Take it whole from `EksCluster.ref`."""

    name: NotRequired[pulumi.Input[str]]
    """Name of the cluster in EKS, needed for the method `pod-identity`."""

    arn: NotRequired[pulumi.Input[str]]
    """ARN of the cluster, needed for the method `pod-identity`."""

    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """ARN of the OIDC provider in IAM of the cluster's issuer, needed for the method `irsa`."""

    oidc_issuer: NotRequired[pulumi.Input[str]]
    """Issuer of the cluster's service-account tokens. Default: the one that `oidc_provider_arn` names."""

    node_role_arns: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """ARNs of the node roles, by node group, needed for logins of `node_groups`. Default: none."""

    node_role_ids: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Unique IDs of the node roles that are made with the cluster, by node group. Those of the others are
    looked up by their names, which needs a role that has been there for a while. Default: none."""


NEEDED = {
    PodIdentityMethod.IRSA: ("oidc_provider_arn",),
    PodIdentityMethod.POD_IDENTITY: ("name", "arn"),
}
"""What of a cluster each method needs."""


def refusals(
    cluster: pulumi.Input[EksClusterRef],
    method: PodIdentityMethod,
    place: "tuple[str | int, ...]" = ("cluster",),
) -> Iterator[Refusal]:
    """What the method misses in a cluster, which is the argument at `place`."""
    if isinstance(cluster, dict):
        for field in NEEDED[method]:
            if not cluster.get(field):
                yield Refusal(
                    (*place, field),
                    f"is missing; the method {method.value} needs it: write EksCluster.ref",
                )
        if isinstance(arn := cluster.get("arn"), str):
            yield from unavailable(arns.parse(arn).partition, method)


def unavailable(partition: str, method: PodIdentityMethod) -> Iterator[Refusal]:
    """What is wrong with a method that a partition of AWS does not have."""
    if method is PodIdentityMethod.POD_IDENTITY and partition in arns.WITHOUT_POD_IDENTITY:
        yield Refusal(
            "method",
            f"is {method.value}, which EKS does not have in the partition {partition}; write "
            f"{PodIdentityMethod.IRSA.value}",
        )


def usable(
    cluster: pulumi.Input[EksClusterRef],
    method: PodIdentityMethod,
    place: "tuple[str | int, ...]" = ("cluster",),
) -> EksClusterRef:
    """The cluster by its fields. Of one that comes as an output, what the method misses is refused when it is
    known."""

    def check(known: EksClusterRef) -> EksClusterRef:
        refuse(refusals(known, method, place))
        return known

    return opened(cluster.apply(check) if isinstance(cluster, pulumi.Output) else cluster, EksClusterRef)


_OF_TRUST = ("arn", "oidc_provider_arn", "oidc_issuer")
"""The fields of a cluster that a trust policy may name."""


def known_refs(clusters: Sequence[EksClusterRef], method: PodIdentityMethod) -> pulumi.Output[list[Any]]:
    """What a trust policy names of each cluster, once it is known."""
    needed = {*NEEDED[method], "oidc_issuer"}
    refs = [{field: ref.get(field) for field in _OF_TRUST if field in needed} for ref in clusters]
    return pulumi.Output.all(*refs)


def role_trust(
    clusters: Sequence[EksClusterRef],
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    *,
    audience: str = trust.AUDIENCE,
    allow_wildcards: bool = False,
    limit: int = quotas.TRUST_POLICY,
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role that these service accounts of each cluster may assume, and
    nothing else may.

    One with more characters than `limit` is refused when the clusters are known.
    """

    def document(refs: list[Any]) -> str:
        for ref in refs:
            if "arn" in ref:
                refuse(unavailable(arns.parse(str(ref["arn"])).partition, method))
        refuse(trust_refusals(refs, method, service_accounts, audience, allow_wildcards, limit))
        return iam.to_json(trust_document(refs, method, service_accounts, audience, allow_wildcards))

    return known_refs(clusters, method).apply(document)


def trust_document(
    clusters: Sequence[EksClusterRef],
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    audience: str,
    allow_wildcards: bool,
) -> iam.Document:
    """The trust policy of a role for service accounts of clusters that are known."""
    if method is PodIdentityMethod.POD_IDENTITY:
        return trust.pod_identity_trust([str(ref["arn"]) for ref in clusters], service_accounts)
    subjects = [trust.service_account_subject(account) for account in service_accounts]
    # An issuer's token has the conditions of its own issuer alone, so each has a statement.
    return iam.combine(
        [
            trust.web_identity_trust(*issuer_of(ref), subjects, audience, allow_wildcards=allow_wildcards)
            for ref in clusters
        ]
    )


def issuer_of(cluster: EksClusterRef) -> tuple[str, str]:
    """The ARN of the OIDC provider, and the issuer, of a cluster that is known."""
    provider, issuer = str(cluster["oidc_provider_arn"]), cluster.get("oidc_issuer")
    return provider, str(issuer) if issuer else trust.issuer_of(provider)


def trust_refusals(
    clusters: Sequence[pulumi.Input[EksClusterRef]],
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    audience: str,
    allow_wildcards: bool,
    limit: int,
) -> Iterator[Refusal]:
    """What is wrong with the number of `service_accounts`, or of `clusters`, as far as these are known."""
    known = [cluster for cluster in clusters if isinstance(cluster, dict) and _is_known(cluster, method)]
    if not known or len(known) < len(clusters):
        return

    def of_accounts(some: Sequence[str]) -> iam.Document:
        return trust_document(known[:1], method, some, audience, allow_wildcards)

    def of_clusters(some: Sequence[EksClusterRef]) -> iam.Document:
        return trust_document(some, method, service_accounts, audience, allow_wildcards)

    with contextlib.suppress(ValueError):  # what is wrong with the document is told otherwise
        # Where the service accounts of one cluster are too many, fewer clusters would not help.
        refused = [*quotas.too_many("service_accounts", service_accounts, of_accounts, limit)]
        yield from refused or quotas.too_many_clusters(
            "clusters", known, of_clusters, limit, _less(method, known)
        )


def _less(method: PodIdentityMethod, clusters: Sequence[EksClusterRef]) -> str:
    """Where the other method needs fewer characters for each cluster: how to have it."""
    arn = str(clusters[0].get("oidc_provider_arn") or "")
    if method is PodIdentityMethod.POD_IDENTITY or arns.parse(arn).partition in arns.WITHOUT_POD_IDENTITY:
        return ""
    return ", or write {method}: pod-identity, which needs less for each cluster"


def _is_known(cluster: EksClusterRef, method: PodIdentityMethod) -> bool:
    """Whether what a trust policy names of the cluster is text already."""
    used = (cluster.get(name) for name in NEEDED[method] if name != "name")
    return all(isinstance(each, str) for each in used) and isinstance(
        cluster.get("oidc_issuer"), (str, type(None))
    )


def resource_name(account: str, noun: str) -> str:
    """How the name of a resource of a service account ends."""
    # A namespace has no dot, so a-b/c and a/b-c have different names.
    return f"{account.replace('/', '.')}-{noun}"


def associations(
    prefix: str,
    cluster: EksClusterRef,
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    role_arn: pulumi.Input[str],
    parent: pulumi.Resource,
    tags: Mapping[str, pulumi.Input[str]],
    aliases: Callable[[str], list[pulumi.Alias]] = lambda _: [],
) -> "list[aws.eks.PodIdentityAssociation]":
    """With `pod-identity`: declare that pods of these service accounts get the role. None with `irsa`, where
    an annotation of the service account says it. Their names begin with `prefix`; `aliases` are the earlier
    ones of the rest of a name."""
    if method is not PodIdentityMethod.POD_IDENTITY:
        return []
    return [
        aws.eks.PodIdentityAssociation(
            f"{prefix}{rest}",
            cluster_name=cluster["name"],
            namespace=split_service_account(account)[0],
            service_account=split_service_account(account)[1],
            role_arn=role_arn,
            # The role's trust policy goes by the session tags.
            disable_session_tags=False,
            tags=tags or None,
            opts=pulumi.ResourceOptions(
                parent=parent,
                aliases=aliases(rest),
                # With the cluster its associations are gone, and one that is made again has the same name.
                replacement_trigger=cluster.get("oidc_issuer"),
            ),
        )
        for account in service_accounts
        for rest in [resource_name(account, "pod-identity")]
    ]
