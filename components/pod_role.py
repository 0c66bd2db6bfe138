"""A cluster as the other components know it, and how its service accounts get an IAM role."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import arns, iam, quotas, renames, trust
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


def refusals(cluster: pulumi.Input[EksClusterRef], method: PodIdentityMethod) -> Iterator[Refusal]:
    """What the method misses in a cluster, the argument `cluster`."""
    if isinstance(cluster, dict):
        for field in NEEDED[method]:
            if not cluster.get(field):
                yield Refusal(
                    ("cluster", field),
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


def usable(cluster: pulumi.Input[EksClusterRef], method: PodIdentityMethod) -> EksClusterRef:
    """The cluster by its fields. Of one that comes as an output, what the method misses is refused when it is
    known."""

    def check(known: EksClusterRef) -> EksClusterRef:
        refuse(refusals(known, method))
        return known

    return opened(cluster.apply(check) if isinstance(cluster, pulumi.Output) else cluster, EksClusterRef)


def role_trust(
    cluster: EksClusterRef,
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    *,
    audience: str = trust.AUDIENCE,
    allow_wildcards: bool = False,
    limit: int = quotas.TRUST_POLICY,
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role that these service accounts may assume and nothing else may.

    One with more characters than `limit` is refused when the cluster is known.
    """
    fields = ("arn", "oidc_provider_arn", "oidc_issuer")

    def document(known: Sequence[Any]) -> str:
        ref: Any = dict(zip(fields, known, strict=True))
        if "arn" in needed:
            refuse(unavailable(arns.parse(str(ref["arn"])).partition, method))
        refuse(trust_refusals(ref, method, service_accounts, audience, allow_wildcards, limit))
        return iam.to_json(trust_document(ref, method, service_accounts, audience, allow_wildcards))

    needed = {*NEEDED[method], "oidc_issuer"}
    values = (cluster.get(field) if field in needed else None for field in fields)
    return pulumi.Output.all(*values).apply(document)


def trust_document(
    cluster: EksClusterRef,
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    audience: str,
    allow_wildcards: bool,
) -> iam.Document:
    """The trust policy of a role for service accounts of a cluster that is known."""
    if method is PodIdentityMethod.POD_IDENTITY:
        return trust.pod_identity_trust(str(cluster["arn"]), service_accounts)
    provider, issuer = str(cluster["oidc_provider_arn"]), cluster.get("oidc_issuer")
    subjects = [trust.service_account_subject(account) for account in service_accounts]
    issuer = str(issuer) if issuer else trust.issuer_of(provider)
    return trust.web_identity_trust(provider, issuer, subjects, audience, allow_wildcards=allow_wildcards)


def trust_refusals(
    cluster: pulumi.Input[EksClusterRef],
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    audience: str,
    allow_wildcards: bool,
    limit: int,
) -> Iterator[Refusal]:
    """What is wrong with the number of `service_accounts`, as far as the cluster is known."""
    if not isinstance(cluster, dict):
        return
    used = {name: cluster.get(name) for name in (*NEEDED[method], "oidc_issuer")}
    if not all(isinstance(used[name], str) for name in NEEDED[method] if name != "name"):
        return
    if not isinstance(used["oidc_issuer"], (str, type(None))):
        return
    known: EksClusterRef = cluster

    def document(some: Sequence[str]) -> iam.Document:
        return trust_document(known, method, some, audience, allow_wildcards)

    with contextlib.suppress(ValueError):  # what is wrong with the document is told otherwise
        yield from quotas.too_many("service_accounts", service_accounts, document, limit)


def associations(
    name: str,
    cluster: EksClusterRef,
    method: PodIdentityMethod,
    service_accounts: Sequence[str],
    role_arn: pulumi.Input[str],
    parent: pulumi.Resource,
    tags: Mapping[str, pulumi.Input[str]],
    prefix: str | None = None,
) -> "list[aws.eks.PodIdentityAssociation]":
    """With `pod-identity`: declare that pods of these service accounts get the role. None with `irsa`, where
    an annotation of the service account says it. Their names begin with `prefix`, else with `name`."""
    if method is not PodIdentityMethod.POD_IDENTITY:
        return []
    return [
        aws.eks.PodIdentityAssociation(
            # A namespace has no dot, so a-b/c and a/b-c have different names.
            f"{prefix or name}-{account.replace('/', '.')}-pod-identity",
            cluster_name=cluster["name"],
            namespace=split_service_account(account)[0],
            service_account=split_service_account(account)[1],
            role_arn=role_arn,
            # The role's trust policy goes by the session tags.
            disable_session_tags=False,
            tags=tags or None,
            opts=pulumi.ResourceOptions(
                parent=parent,
                aliases=renames.of_login(name, prefix or name, f"{account.replace('/', '.')}-pod-identity"),
            ),
        )
        for account in service_accounts
    ]
