"""Explains a refusal by Vault that comes from AWS's "not authorized".

When a Vault role is written, Vault looks up its bound principals. If Vault's own AWS identity may not do
that, Vault passes on AWS's message, in which identity and permission are easily overlooked.
"""

import re

_REFUSAL = re.compile(
    r"User: (?P<who>arn:\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<on>.+?))?(?= because | with an explicit |[\n,]|$)"
)

_PERMISSIONS = {
    "ec2:DescribeInstances": "infer_ec2_instances",
    "iam:GetInstanceProfile": "infer_ec2_instances",
    "iam:GetRole": "resolve_roles",
    "iam:GetUser": "resolve_users",
    "sts:AssumeRole": "assume_role_arns",
}
"""The field of `VaultPermissions` that grants an action."""


def missing_permission(text: str) -> str | None:
    """Which identity lacks which action, and how to grant it; None for any other error."""
    found = _REFUSAL.search(text)
    if found is None:
        return None
    who, action = _identity(found["who"]), found["action"]
    where = f" on {found['on']}" if found["on"] else ""
    field = _PERMISSIONS.get(action)
    ours = f" (`{field}` among the `permissions` of the stack's Vault identity)" if field else ""
    also = "; the role's trust policy must name that identity too" if action == "sts:AssumeRole" else ""
    return (
        f"the AWS identity that Vault runs as, {who}, lacks {action}{where}. "
        f"Allow {action} in an IAM policy of that identity{ours}{also}. Vault said: {text}"
    )


def _identity(arn: str) -> str:
    """A session is shown with its role, because that is what a policy is attached to."""
    session = re.fullmatch(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.+", arn)
    return f"role {session[3]} of account {session[2]} (session {arn})" if session else arn
