"""Who may assume an IAM role: trust policies.

Pure functions; no resources.
"""

import re
from collections.abc import Sequence

from . import arns
from .iam import Document, document

AUDIENCE = "sts.amazonaws.com"
"""The audience of service-account tokens meant for AWS. It is the same in every partition, aws-cn too: EKS
puts this audience into the tokens it projects, whatever the host name of STS is."""

# Services, whose names are the same in every partition, aws-cn too.
ECS_TASKS = "ecs-tasks.amazonaws.com"
POD_IDENTITY = "pods.eks.amazonaws.com"


def service_account_subject(account: str) -> str:
    """The `sub` claim of the tokens of a service account, `NAMESPACE/NAME`."""
    return f"system:serviceaccount:{account.replace('/', ':')}"


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
        raise ValueError("subjects: name at least one; a role without one is every token's of the issuer")
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


def issuer_of(provider_arn: str) -> str:
    """The issuer, without scheme, of an IAM OIDC provider's ARN."""
    return provider_arn.partition(":oidc-provider/")[2]


def service_trust(service: str) -> Document:
    """The trust policy of a role for an AWS service, such as `ec2.amazonaws.com`."""
    return document([_may_assume({"Service": service})])


def ecs_task_trust(account: str, region: str) -> Document:
    """The trust policy of a role for the ECS tasks of one account and region.

    Without the conditions, ECS could be led to use the role for a task of another account. ECS does not say
    which cluster a task is of, so a trust policy cannot narrow it further.
    """
    source = f"arn:{arns.partition_of(region)}:ecs:{region}:{account}:*"
    own = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}}
    return document([_may_assume({"Service": ECS_TASKS}, own)])


def pod_identity_trust(cluster_arns: str | Sequence[str], service_accounts: Sequence[str]) -> Document:
    """The trust policy of a role that the service accounts of a cluster, or of each of several, get through
    EKS Pod Identity, and nothing else does. Service accounts are written as `NAMESPACE/NAME`.

    EKS assumes the role for a pod and tags the session with cluster, namespace and service account; in the
    trust policy these are the tags of the request. Without the conditions, permission to make an association
    in any cluster of the account would give the role to any pod.
    """
    clusters = [cluster_arns] if isinstance(cluster_arns, str) else cluster_arns
    if not clusters or not all(clusters):
        raise ValueError("cluster_arns: is empty; write the ARN of each EKS cluster")
    by_namespace: dict[str, list[str]] = {}
    for account in service_accounts:
        namespace, _, name = account.partition("/")
        if not namespace or not name:
            raise ValueError(f"service_accounts: {account!r} is not NAMESPACE/NAME")
        by_namespace.setdefault(namespace, []).append(name)
    if not by_namespace:
        raise ValueError("service_accounts: write at least one; without one, any pod could have the role")
    # One statement for each namespace: in a single one every name would hold in every namespace. And not
    # more of them than that, for a trust policy may have 2,048 characters.
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": POD_IDENTITY},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/eks-cluster-arn": _one_or_list(clusters),
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


def plugin_subject(namespace_id: str, kind: str, accessor: str) -> str:
    """The `sub` claim of the identity tokens that Vault makes for one of its mounts.

    `namespace_id` is the ID of the mount's namespace, `root` or what `vault namespace lookup` shows as `id`;
    `kind` is `auth` or `secret`; `accessor` is the mount's. Raises ValueError that names the field.
    """
    if kind not in ("auth", "secret"):
        raise ValueError(f"kind: {kind!r} is not one of auth, secret")
    if not re.fullmatch(r"\w+", namespace_id, re.ASCII):
        raise ValueError(
            f"namespace_id: {namespace_id!r} is not the ID of a namespace; write root, or what "
            "`vault namespace lookup` shows as id"
        )
    if not re.fullmatch(r"\w+", accessor, re.ASCII):
        raise ValueError(f"accessor: {accessor!r} is not a mount's accessor; write e.g. auth_aws_1a2b3c4d")
    return f"plugin-identity:{namespace_id}:{kind}:{accessor}"


def cross_account_trust(
    external_id: str,
    *,
    principals: Sequence[str] = (),
    services: Sequence[str] = (),
    hcp_principal: str = "",
    tagged_sessions: bool = False,
) -> Document:
    """The trust policy of the role that a Vault of another account assumes.

    `principals` are the ARNs of that Vault's own IAM roles and users. A Vault of HCP is trusted by its
    account's root, narrowed to the principals like `hcp_principal`, for only HCP can name a role of its own.
    Both must give the external ID. `services` are those of the role's own account, such as
    `ec2.amazonaws.com`, for a Vault that runs there; no service can give an external ID. With
    `tagged_sessions`, the principals' sessions may bring their tags along.
    """
    if not principals and not services and not hcp_principal:
        raise ValueError("nothing could assume the role; write principals, services or hcp_principal")
    known = {"StringEquals": {"sts:ExternalId": external_id}}
    statements: list[Document] = []
    if principals:
        trusted = {"AWS": _one_or_list(principals)}
        statements.append(_may_assume(trusted, known))
        if tagged_sessions:
            # A statement of its own: AWS has no sts:ExternalId for this action, so the condition would never
            # hold. Alone it gives nobody the role.
            statements.append({"Effect": "Allow", "Principal": trusted, "Action": "sts:TagSession"})
    if hcp_principal:
        hcp = arns.parse(hcp_principal)
        like = {"ArnLike": {"aws:PrincipalArn": hcp_principal}}
        root = f"arn:{hcp.partition}:iam::{hcp.account}:root"
        statements.append(_may_assume({"AWS": root}, {**like, **known}))
    if services:
        statements.append(_may_assume({"Service": _one_or_list(services)}))
    return document(statements)


def _may_assume(principal: Document, condition: Document | None = None) -> Document:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {**statement, "Condition": condition} if condition else statement
