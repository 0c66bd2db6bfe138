"""How service accounts of an EKS cluster get an IAM role: with IRSA, or with EKS Pod Identity."""

from collections.abc import Sequence
from enum import Enum

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired, TypedDict

from . import iam, names, trust


class PodIdentityMethod(Enum):
    """How a pod proves to AWS which service account it has."""

    IRSA = "irsa"
    """With a token of its service account, which AWS verifies with the cluster's OIDC provider."""

    POD_IDENTITY = "pod-identity"
    """Through the EKS Pod Identity agent on its node, and an association that EKS keeps."""


class ServiceAccountRef(TypedDict):
    """A service account."""

    namespace: str
    """Its namespace."""

    name: str
    """Its name."""


class PodIdentitySource(TypedDict):
    """The cluster whose service accounts may assume a role, and how."""

    method: NotRequired[PodIdentityMethod]
    """How its pods get the role. Default: `irsa`."""

    oidc_issuer: NotRequired[pulumi.Input[str]]
    """Issuer of the cluster's service-account tokens, needed for `irsa`. Default: none.
    Source: `EksCluster.oidc_issuer`."""

    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """ARN of the issuer's OIDC provider in IAM, needed for `irsa`. Default: none.
    Source: `EksCluster.oidc_provider_arn`."""

    cluster_name: NotRequired[pulumi.Input[str]]
    """Name of the cluster in EKS, needed for `pod-identity`. Default: none. Source: `EksCluster.name`."""

    cluster_arn: NotRequired[pulumi.Input[str]]
    """ARN of the cluster, needed for `pod-identity`. Default: none. Source: `EksCluster.arn`."""


_NEEDED = {
    PodIdentityMethod.IRSA: ("oidc_issuer", "oidc_provider_arn"),
    PodIdentityMethod.POD_IDENTITY: ("cluster_name", "cluster_arn"),
}


def method_of(source: PodIdentitySource) -> PodIdentityMethod:
    """The method, of which a component's host may hand over the value alone.

    Raises ValueError that names the field.
    """
    value = source.get("method", PodIdentityMethod.IRSA)
    try:
        return PodIdentityMethod(value)
    except ValueError:
        known = ", ".join(method.value for method in PodIdentityMethod)
        raise ValueError(f"method: {value!r} is not one of {known}") from None


def check(
    source: PodIdentitySource,
    service_accounts: Sequence[ServiceAccountRef],
    *,
    audience: str = trust.AUDIENCE,
    allow_wildcards: bool = False,
) -> None:
    """Raise ValueError, naming the field, for what `role_trust` and `associate` cannot take."""
    method = method_of(source)
    for field in _NEEDED[method]:
        if not source.get(field):
            raise ValueError(f"{field}: is needed for the method {method.value}; take it from EksCluster")
    if method is PodIdentityMethod.POD_IDENTITY and audience != trust.AUDIENCE:
        raise ValueError(
            f"audience: {audience!r} has no meaning for the method pod-identity; leave it out, "
            "or set method to irsa"
        )
    if not service_accounts:
        raise ValueError("service_accounts: name at least one")
    seen = set()
    for account in service_accounts:
        where = f"service_accounts: {account['namespace']}/{account['name']}"
        wild = any(character in where for character in "*?")
        if wild and method is PodIdentityMethod.POD_IDENTITY:
            raise ValueError(
                f"{where} has a wildcard, and an association of EKS Pod Identity is for one service account; "
                "write it in full, or set method to irsa"
            )
        if wild and not allow_wildcards:
            raise ValueError(f"{where} has a wildcard; write it in full, or set allow_wildcards")
        if not account["namespace"].strip("*?"):
            raise ValueError(f"{where} is of every namespace; name it, or write how it begins, e.g. team-*")
        if where in seen:
            raise ValueError(f"{where} is named twice; leave one out")
        seen.add(where)
        if not wild:
            try:
                names.check_namespace(account["namespace"])
                names.check_service_account(account["name"])
            except ValueError as error:
                raise ValueError(f"{where} {error}") from None


def role_trust(
    source: PodIdentitySource,
    service_accounts: Sequence[ServiceAccountRef],
    *,
    audience: str = trust.AUDIENCE,
    allow_wildcards: bool = False,
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role that these service accounts may assume and nobody else.

    Raises ValueError, naming the field, for what `check` refuses.
    """
    check(source, service_accounts, audience=audience, allow_wildcards=allow_wildcards)
    pairs = [(account["namespace"], account["name"]) for account in service_accounts]
    if method_of(source) is PodIdentityMethod.POD_IDENTITY:
        return pulumi.Output.from_input(source["cluster_arn"]).apply(
            lambda cluster_arn: iam.to_json(trust.pod_identity_trust(cluster_arn, pairs))
        )
    subjects = [trust.service_account_subject(*pair) for pair in pairs]
    return pulumi.Output.all(source["oidc_provider_arn"], source["oidc_issuer"]).apply(
        lambda values: iam.to_json(
            trust.web_identity_trust(
                values[0], values[1], subjects, audience, allow_wildcards=allow_wildcards
            )
        )
    )


def associate(
    name: str,
    source: PodIdentitySource,
    service_accounts: Sequence[ServiceAccountRef],
    role_arn: pulumi.Input[str],
    parent: pulumi.Resource,
) -> "list[aws.eks.PodIdentityAssociation]":
    """With `pod-identity`: declare that pods of these service accounts get the role. None with `irsa`,
    where an annotation of the service account says it."""
    if method_of(source) is not PodIdentityMethod.POD_IDENTITY:
        return []
    return [
        aws.eks.PodIdentityAssociation(
            # A namespace has no dot: so a-b/c and a/b-c have not the same name.
            f"{name}-{account['namespace']}.{account['name']}-pod-identity",
            cluster_name=source["cluster_name"],
            namespace=account["namespace"],
            service_account=account["name"],
            role_arn=role_arn,
            # The session tags are what the role's trust policy goes by.
            disable_session_tags=False,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for account in service_accounts
    ]
