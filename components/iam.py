"""What Vault's AWS identity may do: permission policies. (Who may assume a role is in `trust.py`.)

Pure functions; no resources.
"""

import json
from collections.abc import Sequence
from typing import Any

from typing_extensions import NotRequired, TypedDict

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
    return document(statements)


def merge_permissions(needs: Sequence[VaultPermissions]) -> VaultPermissions:
    """The union of what several logins need."""
    return {
        "resolve_roles": any(need.get("resolve_roles", False) for need in needs),
        "resolve_users": any(need.get("resolve_users", False) for need in needs),
        "infer_ec2_instances": any(need.get("infer_ec2_instances", False) for need in needs),
        "assume_role_arns": sorted({arn for need in needs for arn in need.get("assume_role_arns", [])}),
    }


def to_json(document: Document) -> str:
    """A document as AWS takes it. Keys keep their order, so that equal documents are equal strings."""
    return json.dumps(document)


def document(statements: list[Document]) -> Document:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}
