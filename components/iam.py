"""What Vault's AWS identity may do: permission policies. (Who may assume a role is in `trust.py`, what the
identity of Vault's AWS secrets engine may do in `secrets_engine/permissions.py`.)

Pure functions; no resources.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from typing_extensions import NotRequired, TypedDict

from . import arns
from .declared import Default
from .forms import RoleArn

Document = dict[str, Any]


class VaultPermissions(TypedDict):
    """What the logins of a stack ask of the AWS identity that Vault runs as."""

    resolve_roles: NotRequired[Annotated[bool, Default(False)]]
    """A Vault role is bound to an IAM role, whose unique ID Vault looks up."""

    resolve_users: NotRequired[Annotated[bool, Default(False)]]
    """A Vault role is bound to an IAM user, whose unique ID Vault looks up."""

    infer_ec2_instances: NotRequired[Annotated[bool, Default(False)]]
    """A Vault role infers the EC2 instance that logs in."""

    assume_role_arns: NotRequired[Annotated[Sequence[RoleArn], Default(())]]
    """The roles in other accounts that Vault assumes to look up principals there."""

    tagged_sessions: NotRequired[Annotated[bool, Default(False)]]
    """The identity's sessions carry tags, as those of EKS Pod Identity do: they go along into every role that
    it assumes, which it must be granted, too."""

    manage_own_key: NotRequired[Annotated[bool, Default(False)]]
    """Vault may renew the access key of the IAM user that it runs as (`auth/aws/config/rotate-root`)."""

    all_lookups: NotRequired[Annotated[bool, Default(False)]]
    """Vault may look up principals of every kind, whatever the logins need: for Vault roles that
    are written by hand."""


def vault_permissions(needs: VaultPermissions, *, own_arn: str | None = None) -> Document:
    """The permission policy of Vault's AWS identity: what the declared logins need and nothing else.

    `own_arn` is the identity's own ARN, needed with `manage_own_key`.
    Raises ValueError when nothing is needed, or when the identity has no key of its own.
    """
    actions: list[str] = []
    everything = needs.get("all_lookups", False)
    if needs.get("resolve_roles") or everything:
        actions.append("iam:GetRole")  # bound role ARN -> unique ID, when the Vault role is written
    if needs.get("resolve_users") or everything:
        actions.append("iam:GetUser")  # the same for a bound user ARN
    if needs.get("infer_ec2_instances") or everything:
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
                "Action": assume_actions(needs.get("tagged_sessions", False)),
                "Resource": list(needs["assume_role_arns"]),
            }
        )
    if not statements:
        raise ValueError("no login needs anything of Vault's AWS identity; declare a login first")
    if needs.get("manage_own_key"):
        if own_arn is None:
            raise ValueError("manage_own_key: only an IAM user has an access key; leave it out for a role")
        statements.append(
            {"Sid": "RenewOwnKey", "Effect": "Allow", "Action": list(OWN_KEY_ACTIONS), "Resource": own_arn}
        )
    return document(statements)


def vault_lookups(needs: VaultPermissions) -> Document:
    """The lookups among these permissions, and no more: for who is to look up as Vault does, but must not
    become whom Vault can become, by its own key or in another account."""
    looks: VaultPermissions = {
        "resolve_roles": needs.get("resolve_roles", False),
        "resolve_users": needs.get("resolve_users", False),
        "infer_ec2_instances": needs.get("infer_ec2_instances", False),
        "all_lookups": needs.get("all_lookups", False),
    }
    return vault_permissions(looks)


def assume_actions(tagged_sessions: bool) -> str | list[str]:
    """What it takes to assume a role; from a session with tags it is more, on both sides."""
    return ["sts:AssumeRole", "sts:TagSession"] if tagged_sessions else "sts:AssumeRole"


OWN_KEY_ACTIONS = (
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:GetAccessKeyLastUsed",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
)
"""What it takes to renew one's own access key, and to find out which one is in use."""


def merge_permissions(needs: Sequence[VaultPermissions]) -> VaultPermissions:
    """The union of what several logins need."""
    return {
        "resolve_roles": any(need.get("resolve_roles", False) for need in needs),
        "resolve_users": any(need.get("resolve_users", False) for need in needs),
        "infer_ec2_instances": any(need.get("infer_ec2_instances", False) for need in needs),
        "assume_role_arns": sorted({arn for need in needs for arn in need.get("assume_role_arns", [])}),
        "tagged_sessions": any(need.get("tagged_sessions", False) for need in needs),
        "manage_own_key": any(need.get("manage_own_key", False) for need in needs),
        "all_lookups": any(need.get("all_lookups", False) for need in needs),
    }


def permissions_of_principals(principals: Sequence[str]) -> VaultPermissions:
    """What Vault needs to know callers by these ARNs of IAM roles and users, each may end in `*`.

    A pattern asks for the same as a full ARN: Vault then looks the caller up at each login. Raises ValueError
    for anything else.
    """
    kinds = set()
    for arn in principals:
        try:
            kinds.add(arns.parse_iam(arn, "role", "user", wildcard=True).kind)
        except ValueError as error:
            raise ValueError(f"principals: {arn!r} {error}") from None
    return {"resolve_roles": "role" in kinds, "resolve_users": "user" in kinds}


def to_json(document: Document) -> str:
    """A document as AWS takes it. Keys keep their order, so that equal documents are equal strings."""
    return json.dumps(document)


def combine(documents: Sequence[Document]) -> Document:
    """One document with the statements of all."""
    return document([statement for each in documents for statement in each["Statement"]])


def document(statements: list[Document]) -> Document:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}
