"""What the AWS identity of Vault's AWS secrets engine may do: make and remove users of its own and of its
roles alone, attach what they declare, assume what they name.

Pure functions; no resources.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import iam


class EngineRole(NamedTuple):
    """What one role of Vault's AWS secrets engine hands out."""

    credential_type: str
    """`iam_user`, `assumed_role` or `federation_token`."""

    policy_arns: Sequence[str] = ()
    """Managed policies of the credentials."""

    inline_policy: bool = False
    """The credentials have a policy of their own, too."""

    role_arns: Sequence[str] = ()
    """Roles that may be assumed."""

    permissions_boundary: str | None = None
    """ARN of the policy that bounds the credentials."""

    tagged: bool = False
    """The engine tags the users that it makes."""


USER = "vault-token-"
"""How the name of every IAM user begins that the engine makes; the Vault role's name follows."""

USER_LENGTH = 44
"""Beginnings of user names are cut to this length; time and a random word follow, and IAM takes 64."""

SESSION = "vault-"
"""How the names of the engine's federated users begin."""

_REMOVE_USER = (
    "iam:DeleteAccessKey",
    "iam:DeleteUser",
    "iam:DeleteUserPolicy",
    "iam:DetachUserPolicy",
    "iam:ListAccessKeys",
    "iam:ListAttachedUserPolicies",
    "iam:ListGroupsForUser",
    "iam:ListUserPolicies",
)


def engine_permissions(
    roles: Mapping[str, EngineRole], *, partition: str, account: str, tagged_sessions: bool = False
) -> iam.Document:
    """The permission policy of the engine's identity, by the engine's roles. `tagged_sessions`: it has
    sessions with tags, those of EKS Pod Identity, which it brings into every role that it assumes.

    What an inline policy of such a user allows is not known; a `permissions_boundary` bounds it, and then
    the engine can neither make a user without it nor give a policy to one.
    """
    makers = {name: role for name, role in roles.items() if role.credential_type == "iam_user"}
    users = f"arn:{partition}:iam::{account}:user/"
    statements: list[iam.Document] = []
    if makers:
        # Not by role: users of a role that is not declared any more must be removable.
        statements.append(_allow("RemoveUsers", _REMOVE_USER, [f"{users}{USER}*"]))
    for number, (name, role) in enumerate(makers.items(), 1):
        statements += _make_users(str(number), role, [f"{users}{prefix(name)}*"])
    assumed = {
        arn for role in roles.values() if role.credential_type == "assumed_role" for arn in role.role_arns
    }
    if assumed:
        actions = ["sts:AssumeRole", *(["sts:TagSession"] if tagged_sessions else [])]
        statements.append(_allow("AssumeRoles", actions, sorted(assumed)))
    if any(role.credential_type == "federation_token" for role in roles.values()):
        sessions = f"arn:{partition}:sts::{account}:federated-user/{SESSION}*"
        statements.append(_allow("FederateUsers", ["sts:GetFederationToken"], [sessions]))
    if not statements:
        raise ValueError("roles: declare at least one; an engine without any has nothing to hand out")
    return iam.document(statements)


def _make_users(number: str, role: EngineRole, users: list[str]) -> Iterator[iam.Document]:
    """What it takes to make the users of one role. A boundary is demanded of what can widen their rights."""
    bound: iam.Document = {}
    if role.permissions_boundary:
        bound = {"StringEquals": {"iam:PermissionsBoundary": role.permissions_boundary}}
    yield _allow(f"MakeUsers{number}", ["iam:CreateUser"], users, bound)
    yield _allow(
        f"GiveKeys{number}", ["iam:CreateAccessKey", *(["iam:TagUser"] if role.tagged else [])], users
    )
    if role.inline_policy:
        yield _allow(f"WritePolicies{number}", ["iam:PutUserPolicy"], users, bound)
    if role.policy_arns:
        declared = {"ArnEquals": {"iam:PolicyARN": list(role.policy_arns)}}
        yield _allow(f"AttachPolicies{number}", ["iam:AttachUserPolicy"], users, {**declared, **bound})


def prefix(role: str) -> str:
    """How the names of the users begin that the engine makes for a role, up to the time."""
    return f"{USER}{role}"[:USER_LENGTH] + "-"


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: iam.Document | None = None
) -> iam.Document:
    statement: iam.Document = {"Sid": sid, "Effect": "Allow"}
    statement |= {"Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": condition} if condition else statement
