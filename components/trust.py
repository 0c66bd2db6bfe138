"""Who may assume an IAM role: trust policies.

Pure functions; no resources.
"""

from collections.abc import Sequence

from . import arns
from .iam import Document, document

AUDIENCE = "sts.amazonaws.com"
"""The audience of service-account tokens meant for AWS. It is the same in every partition, aws-cn too: EKS
puts this audience into the tokens it projects, whatever the host name of STS is."""


def service_account_subject(namespace: str, name: str) -> str:
    """The `sub` claim of a service account's tokens."""
    return f"system:serviceaccount:{namespace}:{name}"


def web_identity_trust(
    provider_arn: str,
    issuer: str,
    subjects: Sequence[str],
    audience: str = AUDIENCE,
    *,
    allow_wildcards: bool = False,
) -> Document:
    """The trust policy of a role that the named subjects of an OIDC issuer may assume, and nobody else.

    Both `sub` and `aud` are always demanded. A subject with `*` or `?` is refused unless `allow_wildcards`:
    it would let in service accounts that do not exist yet.
    """
    if not provider_arn or not issuer_of(provider_arn) == arns.issuer_host(issuer):
        raise ValueError(
            f"oidc_provider_arn {provider_arn!r} is not the OIDC provider of the issuer {issuer!r}"
        )
    if not subjects or not all(subjects):
        raise ValueError("subjects: name at least one; a role without one could be assumed by every pod")
    wild = [subject for subject in subjects if "*" in subject or "?" in subject]
    if wild and not allow_wildcards:
        raise ValueError(
            f"subjects: {wild[0]!r} has a wildcard; write it in full, or allow wildcards explicitly"
        )
    if not audience or "*" in audience:
        raise ValueError(f"audience: {audience!r} is not one; write e.g. {AUDIENCE}")
    host = arns.issuer_host(issuer)
    conditions: Document = {"StringEquals": {f"{host}:aud": audience}}
    conditions.setdefault("StringLike" if wild else "StringEquals", {})[f"{host}:sub"] = _one_or_list(
        subjects
    )
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": conditions,
            }
        ]
    )


def service_trust(service: str) -> Document:
    """The trust policy of a role for an AWS service, such as `ec2.amazonaws.com`."""
    return document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def pod_identity_trust(cluster_arn: str, service_accounts: Sequence[tuple[str, str]]) -> Document:
    """The trust policy of a role that the named service accounts, as (namespace, name), of one cluster get
    through EKS Pod Identity, and nobody else.

    EKS assumes the role for a pod and tags the session with cluster, namespace and service account; in the
    trust policy these are the tags of the request. Without the conditions, whoever may make an association
    in any cluster of the account could give the role to any pod.
    """
    if not cluster_arn:
        raise ValueError("cluster_arn: is empty; write the ARN of the EKS cluster")
    if not service_accounts or not all(all(pair) for pair in service_accounts):
        raise ValueError("service_accounts: name at least one; a role without one could be any pod's")
    by_namespace: dict[str, list[str]] = {}
    for namespace, name in service_accounts:
        by_namespace.setdefault(namespace, []).append(name)
    # One statement for each namespace: in a single one every name would hold in every namespace. And not
    # more of them than that, for a trust policy may have 2,048 characters.
    return document(
        [
            {
                "Effect": "Allow",
                # The same in every partition, aws-cn too.
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/eks-cluster-arn": cluster_arn,
                        "aws:RequestTag/kubernetes-namespace": namespace,
                        "aws:RequestTag/kubernetes-service-account": _one_or_list(named),
                    }
                },
            }
            for namespace, named in by_namespace.items()
        ]
    )


def _one_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def issuer_of(provider_arn: str) -> str:
    """The issuer, without scheme, of an IAM OIDC provider's ARN."""
    return provider_arn.partition(":oidc-provider/")[2]
