"""The sandbox's AWS accounts and the key of an administrator in each."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from moto.iam.models import iam_backends

PRIMARY = "111111111111"  # Vault's own
SECONDARY = "222222222222"  # holds clients too
STRANGER = "333333333333"  # trusted by nobody
ALL = (PRIMARY, SECONDARY, STRANGER)

_PARTITION = "aws"
_ADMINISTRATOR = "sandbox-admin"
_ADMINISTRATOR_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"


def create() -> dict[str, dict[str, str]]:
    """Makes each account's administrator; their keys by account."""
    keys = {}
    for account in ALL:
        iam = iam_backends[account][_PARTITION]
        iam.create_user("us-east-1", _ADMINISTRATOR, "/", None)
        iam.attach_user_policy(_ADMINISTRATOR_POLICY, _ADMINISTRATOR)
        key = iam.create_access_key(_ADMINISTRATOR)
        # moto draws keys from a generator that is made to be predictable.
        key.secret_access_key = secrets.token_urlsafe(30)
        keys[account] = {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}
    return keys


def write_credentials(home: Path, keys: dict[str, dict[str, str]]) -> None:
    """Writes credentials.json, readable by its owner only."""
    temporary = home / "credentials.json.new"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(keys, file, indent=2)
    temporary.replace(home / "credentials.json")
