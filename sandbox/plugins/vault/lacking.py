"""AWS's "not authorized" behind a refusal of Vault's, told as what is to be done about it.

Vault looks up a bound principal when a Vault role is written, as the AWS identity that it runs as. When
that identity may not, Vault passes AWS's words on, in which who lacks what is easily overlooked.
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


def lacking(told: str) -> str | None:
    """Which identity lacks which action, and how it is granted; None if Vault told of something else."""
    found = _REFUSAL.search(told)
    if found is None:
        return None
    who, action = _identity(found["who"]), found["action"]
    where = f" on {found['on']}" if found["on"] else ""
    field = _PERMISSIONS.get(action)
    ours = f" (`{field}` among the `permissions` of the stack's Vault identity)" if field else ""
    also = "; the role's trust policy must name that identity, too" if action == "sts:AssumeRole" else ""
    return (
        f"the AWS identity that Vault runs as, {who}, lacks {action}{where}. "
        f"Allow {action} in an IAM policy of that identity{ours}{also}. Vault said: {told}"
    )


def _identity(arn: str) -> str:
    """A session is shown with the role that it is of, because a policy is attached to the role."""
    session = re.fullmatch(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.+", arn)
    return f"role {session[3]} of account {session[2]} (session {arn})" if session else arn
