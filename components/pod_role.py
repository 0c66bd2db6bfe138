"""A cluster as the other components know it, and how its service accounts get an IAM role."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import iam, renames, trust
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
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role that these service accounts may assume and nothing else may."""
    if method is PodIdentityMethod.POD_IDENTITY:
        return pulumi.Output.from_input(cluster["arn"]).apply(
            lambda arn: iam.to_json(trust.pod_identity_trust(arn, service_accounts))
        )
    subjects = [trust.service_account_subject(account) for account in service_accounts]
    return pulumi.Output.all(cluster["oidc_provider_arn"], cluster.get("oidc_issuer")).apply(
        lambda known: iam.to_json(
            trust.web_identity_trust(
                known[0],
                known[1] or trust.issuer_of(known[0]),
                subjects,
                audience,
                allow_wildcards=allow_wildcards,
            )
        )
    )


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
