"""IAM documents: who may assume a role, and what Vault's AWS identity may do.

Pure functions; no resources.
"""

import json
from collections.abc import Sequence
from typing import Any

from typing_extensions import NotRequired, TypedDict

from . import arns

AUDIENCE = "sts.amazonaws.com"
"""The audience of service-account tokens meant for AWS. It is the same in every partition, aws-cn too: EKS
puts this audience into the tokens it projects, whatever the host name of STS is."""

Document = dict[str, Any]


class VaultPermissions(TypedDict):
    """What the logins of a stack ask of the AWS identity that Vault runs as."""

    resolve_roles: NotRequired[bool]
    """A Vault role is bound to an IAM role, whose unique ID Vault looks up. Default: false."""

    resolve_users: NotRequired[bool]
    """A Vault role is bound to an IAM user, whose unique ID Vault looks up. Default: false."""

    infer_ec2_instances: NotRequired[bool]
    """A Vault role infers the EC2 instance that logs in. Default: false."""

    assume_role_arns: NotRequired[Sequence[str]]
    """The roles in other accounts that Vault assumes to look up principals there. Default: none."""


def vault_permissions(needs: VaultPermissions) -> Document:
    """The permission policy of Vault's AWS identity: what the declared logins need and nothing else."""
    actions: list[str] = []
    if needs.get("resolve_roles"):
        actions.append("iam:GetRole")  # bound role ARN -> unique ID, when the Vault role is written
    if needs.get("resolve_users"):
        actions.append("iam:GetUser")  # the same for a bound user ARN
    if needs.get("infer_ec2_instances"):
        actions.append("ec2:DescribeInstances")  # session name -> running instance, at each login
        actions.append("iam:GetInstanceProfile")  # the instance's profile -> its role, at each login
    # The resource is *: DescribeInstances takes no other, and a principal that is bound later (or in a
    # role that Vault's operators write by hand) must not need a change of this policy.
    statements: list[Document] = []
    if actions:
        statements.append({"Sid": "LookUpCallers", "Effect": "Allow", "Action": actions, "Resource": "*"})
    if needs.get("assume_role_arns"):
        statements.append(
            {
                "Sid": "LookUpCallersOfOtherAccounts",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": list(needs["assume_role_arns"]),
            }
        )
    if not statements:
        raise ValueError("no login needs anything of Vault's AWS identity; declare a login first")
    return _document(statements)


def merge_permissions(needs: Sequence[VaultPermissions]) -> VaultPermissions:
    """The union of what several logins need."""
    return {
        "resolve_roles": any(need.get("resolve_roles", False) for need in needs),
        "resolve_users": any(need.get("resolve_users", False) for need in needs),
        "infer_ec2_instances": any(need.get("infer_ec2_instances", False) for need in needs),
        "assume_role_arns": sorted({arn for need in needs for arn in need.get("assume_role_arns", [])}),
    }


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
    values = list(subjects) if len(subjects) > 1 else subjects[0]
    conditions: Document = {"StringEquals": {f"{host}:aud": audience}}
    conditions.setdefault("StringLike" if wild else "StringEquals", {})[f"{host}:sub"] = values
    return _document(
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
    return _document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def issuer_of(provider_arn: str) -> str:
    """The issuer, without scheme, of an IAM OIDC provider's ARN."""
    return provider_arn.partition(":oidc-provider/")[2]


def to_json(document: Document) -> str:
    """A document as AWS takes it. Keys keep their order, so that equal documents are equal strings."""
    return json.dumps(document)


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
