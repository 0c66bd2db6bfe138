"""Permissions to become another IAM identity, or to change one, name it."""

import re
from collections.abc import Iterator, Set

from .base import Resource, Rule, Settings, Topic, list_setting
from .documents import (
    PERMISSIONS,
    Statement,
    allowing,
    attached,
    expanded,
    is_pattern,
    matches,
    permission_documents,
)
from .managed_policies import takes_over
from .values import listed

TAKES_OVER = (
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:UpdateAccessEntry",
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
"""Each is enough to get what another identity may do. Taking a policy away can take a denial away, a tag may
be what is trusted, and who administers a cluster can be any of its service accounts."""

_NAMED = re.compile(
    r"(?:role|user|group|policy|instance-profile|oidc-provider|saml-provider|cluster|access-entry)/[^*?]{2}"
)
"""A name, or how it begins: `role/team-*`, `role/team/*`. One letter is no beginning of a name."""

_ADMINISTRATORS = {
    "admin",
    "administrator",
    "administrators",
    "admins",
    "awscloudformationstacksetexecutionrole",
    "awscontroltowerexecution",
    "organizationaccountaccessrole",
}
"""The names, without case, that AWS or its documentation gives to an account's administrators."""


_MEMBERS = {
    "aws:iam/groupMembership:GroupMembership": ("group",),
    "aws:iam/userGroupMembership:UserGroupMembership": ("groups",),
}
"""Types that put users into groups, and the field of these."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    declared = settings["allowed"]
    for where, document in permission_documents(resource):
        for statement in allowing(document, where):
            services = {_service(action) for action in TAKES_OVER if statement.may(action)}
            wide = [
                arn for arn in statement.resources if _any_identity(arn, services) and arn not in declared
            ]
            if wide and services:
                actions = ", ".join(_taking_over(statement))
                yield f"{where}, {statement.where}: allows {actions} on {', '.join(wide)}"
    for arn in listed(resource.get("roleArns")):
        if isinstance(arn, str) and (is_pattern(arn) or "${" in arn) and arn not in declared:
            yield f"roleArns: {arn} is a pattern"
    for field in ("roleArns", "iamGroups", *_MEMBERS.get(resource.type, ())):
        for given in listed(resource.get(field)):
            if isinstance(given, str) and _name(given) in _ADMINISTRATORS and given not in declared:
                yield f"{field}: {given} is an account's administrator by its name"
    for field, arn in attached(resource):
        if takes_over(arn) and arn not in declared:
            yield f"{field}: {arn} lets its holder become another identity"


def _name(given: str) -> str:
    """The name of a role or group, from its ARN or alone, as names are compared."""
    return given.rpartition("/")[2].strip().lower()


def _taking_over(statement: Statement) -> list[str]:
    """The actions of such a statement as it writes them."""
    if statement.all_actions_but:
        return ["all actions but some"]
    return [given for given in statement.actions if any(matches(given, action) for action in TAKES_OVER)]


def _service(action: str) -> str:
    """Whose ARNs an action takes: STS assumes IAM's roles."""
    return action.partition(":")[0].replace("sts", "iam")


def _any_identity(arn: str, services: Set[str]) -> bool:
    """Whether it reaches identities of these services without the beginning of their name."""
    arn = expanded(arn).lower()
    if not is_pattern(arn):
        return False
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return True
    service, what = parts[2], parts[5]
    reached = service.replace("sts", "iam") in services
    return is_pattern(service) or (reached and is_pattern(what) and not _NAMED.match(what))


RULE = Rule(
    name="reachable-identities",
    topic=Topic.PERMISSIONS,
    requires="Permissions to assume or pass a role, to change an identity's keys and policies, or to give "
    "access to a cluster name it or how its name begins; no AWS managed policy has them for any identity; "
    "the AWS secrets engine names its roles in full; no user or role that is handed out is an administrator",
    why="who reaches any role or user of an account can do what the most powerful of them may.",
    fix="name the ARNs, or how the names begin, e.g. arn:aws:iam::<account>:role/<team>-*. List an ARN or "
    "group that the stack needs under `allowed` in its configuration of this rule, as written here.",
    types=(*PERMISSIONS, *_MEMBERS),
    check=check,
    settings={
        "allowed": list_setting(
            "The ARNs with a wildcard, AWS managed policies, and roles and groups of "
            "administrators that this stack may reach."
        )
    },
)
