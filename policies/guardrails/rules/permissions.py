"""Permissions name their actions and resources."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic, list_setting
from .documents import (
    PERMISSIONS,
    Statement,
    allowing,
    attached,
    expanded,
    is_anything,
    is_pattern,
    matches,
    permission_documents,
)
from .managed_policies import name

LOOKUPS = [
    "autoscaling:Describe*",
    "cloudwatch:PutMetricData",
    "ec2:Describe*",
    "ec2:GetInstanceTypesFromInstanceRequirements",
    "ecr:GetAuthorizationToken",
    "eks:DescribeNodegroup",
    "elasticfilesystem:Describe*",
    "elasticloadbalancing:Describe*",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "iam:GetUser",
    "pricing:GetProducts",
    "route53:ListHostedZones*",
    "route53:ListResourceRecordSets",
    "route53:ListTagsForResource*",
    "sts:GetCallerIdentity",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
]
"""How Vault's AWS auth method looks callers up, and what a cluster's controllers and agents have on the
resource * in AWS's and their own documentation. None of it reads a secret."""

OF_ONE_ACCOUNT = ("autoscaling", "ec2", "elasticloadbalancing")
"""Services that reach nothing in another account: `arn:aws:ec2:*:*:volume/*` is the volumes of one's own. A
cluster's controllers know theirs by a tag."""

TOO_MUCH = (
    "AdministratorAccess",
    "AdministratorAccess-AWSElasticBeanstalk",
    "AdministratorAccess-Amplify",
    "AWSSSOMasterAccountAdministrator",
    "AWSSSOMemberAccountAdministrator",
    "IAMFullAccess",
    "PowerUserAccess",
)
"""AWS managed policies that amount to Action *, or to all that IAM Identity Center can give."""

_LOWER = {each.lower() for each in TOO_MUCH}
BOUNDARIES = ("permissionsBoundary", "permissionsBoundaryArn")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    lookups = {action.lower() for action in settings["lookupActions"]}
    for where, document in permission_documents(resource):
        for statement in allowing(document, where):
            for what in _too_broad(statement, lookups):
                yield f"{where}, {statement.where}: {what}"
    for where, arn in attached(resource):
        if name(arn) in _LOWER:
            yield f"{where}: is {arn}"
    for where in BOUNDARIES:
        boundary = resource.get(where)
        if isinstance(boundary, str) and name(boundary) == "administratoraccess":
            yield f"{where}: is {boundary}, which bounds nothing"


def _too_broad(statement: Statement, lookups: set[str]) -> Iterator[str]:
    if statement.all_actions_but:
        yield "allows all actions but some (NotAction)"
    for action in statement.actions:
        if _all_of_a_service(action):
            yield f"allows the action {action}"
    if statement.all_resources_but:
        yield "allows all resources but some (NotResource)"
    tagged = any(test.pins and "resourcetag/" in test.key.lower() for test in statement.conditions)
    beyond = [
        action
        for action in statement.actions
        if not any(matches(each, action) for each in lookups)
        and not (tagged and action.partition(":")[0].lower() in OF_ONE_ACCOUNT)
    ]
    wide = [arn for arn in statement.resources if _everything(arn)]
    if wide and beyond:
        yield f"allows {', '.join(beyond)} on the resource {', '.join(wide)}"


def _all_of_a_service(action: str) -> bool:
    """Whether an action covers a whole service, or any service; `iam:*e*` does so as well as `iam:*`."""
    service, _, what = action.partition(":")
    return is_pattern(service) or (is_pattern(what) and len(re.sub(r"[*?]", "", what)) < 2)


def _everything(resource: str) -> bool:
    """Whether a resource covers a whole service, or accounts that are not named."""
    parts = expanded(resource).split(":", 5)
    if len(parts) < 6:  # the wildcard stands for the parts that are missing
        return is_pattern(resource)
    service, (account, what) = parts[2], parts[4:]
    if service in OF_ONE_ACCOUNT and is_anything(account) and not is_pattern(what.partition("/")[0]):
        return False
    return is_anything(re.sub("[/:]", "", what)) or is_pattern(account) or is_pattern(service)


RULE = Rule(
    name="permissions",
    topic=Topic.PERMISSIONS,
    requires="Permissions name their actions and resources: no * or whole service, except lookup actions on "
    "any resource, no account by pattern, none of AWS's administrator policies",
    why="with all permissions, an attacker who gets hold of the identity, or of Vault, owns the account.",
    fix="name the actions and ARNs. For further actions that accept no resource but *, repeat "
    "`lookupActions` with them added in the stack's configuration of this rule.",
    types=PERMISSIONS,
    check=check,
    settings={
        "lookupActions": list_setting(
            "The actions, with * for any text, that may be allowed on the resource *.", LOOKUPS
        )
    },
)
