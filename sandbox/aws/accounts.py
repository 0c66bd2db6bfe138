"""The sandbox's AWS accounts: an administrator's key in each, and roles that no stack creates."""

import json
import os
import secrets
from pathlib import Path

from moto.iam.models import iam_backends

PRIMARY = "111111111111"  # Vault's own
SECONDARY = "222222222222"  # holds clients too
STRANGER = "333333333333"  # has nothing to do with Vault
ALL = (PRIMARY, SECONDARY, STRANGER)

_PARTITION = "aws"
_ADMINISTRATOR = "sandbox-admin"
_ADMINISTRATOR_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
# AWS Organizations creates this role in each new account, for access from the organization's own account.
ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
# Workloads of the other accounts, without permissions in AWS: some log in, the others must be refused.
RESIDENTS = {
    SECONDARY: ("vault-secondary-app", "secondary-app", "other-app"),
    STRANGER: ("stranger-app",),
}


def create() -> dict[str, dict[str, str]]:
    """Creates each account's administrator; returns their keys by account."""
    keys = {}
    for account in ALL:
        iam = iam_backends[account][_PARTITION]
        iam.create_user("us-east-1", _ADMINISTRATOR, "/", None)
        iam.attach_user_policy(_ADMINISTRATOR_POLICY, _ADMINISTRATOR)
        key = iam.create_access_key(_ADMINISTRATOR)
        # moto's own keys are predictable.
        key.secret_access_key = secrets.token_urlsafe(30)
        keys[account] = {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}
    return keys


def ensure_roles() -> list[str]:
    """Creates missing roles of the other accounts; returns the changed accounts."""
    changed = []
    for account in (a for a in ALL if a != PRIMARY):
        iam = iam_backends[account][_PARTITION]
        wanted = (ORGANIZATION_ROLE, *RESIDENTS[account])
        missing = [name for name in wanted if name not in {role.name for role in iam.roles.values()}]
        for name in missing:
            iam.create_role(name, _TRUST_IN_PRIMARY, "/", None, "", [], None)
            if name == ORGANIZATION_ROLE:
                iam.attach_role_policy(_ADMINISTRATOR_POLICY, name)
        if missing:
            changed.append(account)
    return changed


_TRUST_IN_PRIMARY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{_PARTITION}:iam::{PRIMARY}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def write_credentials(home: Path, keys: dict[str, dict[str, str]]) -> None:
    """Writes credentials.json, readable by its owner only."""
    temporary = home / "credentials.json.new"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(keys, file, indent=2)
    temporary.replace(home / "credentials.json")
