"""Permissions to become another IAM identity, or to change one, name it."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .documents import PERMISSIONS, Statement, allowing, expanded, is_pattern, matches, permission_documents
from .values import listed

TAKES_OVER = (
    "sts:AssumeRole",
    "sts:AssumeRoot",
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateServiceSpecificCredential",
    "iam:DeactivateMFADevice",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:RemoveUserFromGroup",
    "iam:ResetServiceSpecificCredential",
    "iam:SetDefaultPolicyVersion",
    "iam:TagRole",
    "iam:TagUser",
    "iam:UntagRole",
    "iam:UntagUser",
    "iam:UpdateAccessKey",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "iam:UpdateSAMLProvider",
    "iam:UploadSSHPublicKey",
    "iam:UploadSigningCertificate",
)
"""Each is enough to get what another identity may do. Taking a policy away can take a denial away, and
a tag may be what is trusted."""

_NAMED = re.compile(r"(?:role|user|group|policy|instance-profile|oidc-provider|saml-provider)/[^*?]{2}")
"""A name, or how it begins: `role/team-*`, `role/team/*`. One letter is no beginning of a name."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    declared = settings["allowed"]
    for where, document in permission_documents(resource):
        for statement in allowing(document, where):
            wide = [arn for arn in statement.resources if _any_identity(arn) and arn not in declared]
            actions = _taking_over(statement)
            if wide and actions:
                yield f"{where}, {statement.where}: allows {', '.join(actions)} on {', '.join(wide)}"
    for arn in listed(resource.get("roleArns")):
        if isinstance(arn, str) and (is_pattern(arn) or "${" in arn) and arn not in declared:
            yield f"roleArns: {arn} is a pattern"


def _taking_over(statement: Statement) -> list[str]:
    """Its actions as it writes them."""
    if statement.all_actions_but:
        return ["all actions but some"] if any(map(statement.may, TAKES_OVER)) else []
    return [given for given in statement.actions if any(matches(given, action) for action in TAKES_OVER)]


def _any_identity(arn: str) -> bool:
    """Whether it reaches identities without the beginning of their name."""
    arn = expanded(arn)
    if not is_pattern(arn):
        return False
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return True
    service, what = parts[2], parts[5]
    return is_pattern(service) or (service in ("iam", "sts") and is_pattern(what) and not _NAMED.match(what))


RULE = Rule(
    name="reachable-identities",
    topic=Topic.PERMISSIONS,
    requires="Permissions to assume or pass a role, or to change an identity's keys and policies, name the "
    "identity or how its name begins; the AWS secrets engine names its roles in full",
    why="who reaches any role or user of an account can do what the most powerful of them may.",
    fix="name the ARNs, or how the names begin, e.g. arn:aws:iam::<account>:role/<team>-*. List an ARN that "
    "the stack needs under `allowed` in its configuration of this rule, as written here.",
    types=PERMISSIONS,
    check=check,
    settings={
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "The ARNs with a wildcard that this stack may reach.",
        }
    },
)
