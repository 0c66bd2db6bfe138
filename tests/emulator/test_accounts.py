"""The other accounts: the organization's way in, and the workloads that live there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.emulator.world import (
    REPOSITORY,
    SECONDARY,
    STRANGER,
    Emulator,
    allow,
    error_of,
    make_user,
    session_of,
)

RESIDENTS = {
    SECONDARY: ["vault-secondary-app", "secondary-app", "other-app"],
    STRANGER: ["stranger-app"],
}


@pytest.mark.parametrize("account", [SECONDARY, STRANGER])
def test_the_primary_account_administers_the_others(emulator: Emulator, account: str) -> None:
    arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    deploys = make_user(emulator, f"deploys-{account}", allow("sts:AssumeRole", arn))
    keys = session_of(emulator, arn, deploys)
    assert emulator.client("iam", keys).list_users()["Users"][0]["Arn"].startswith(f"arn:aws:iam::{account}:")
    nobody = emulator.client("sts", make_user(emulator, f"nobody-{account}"))
    assert error_of(nobody.assume_role, RoleArn=arn, RoleSessionName="tester")[0] == "AccessDenied"
    between = emulator.client("sts", emulator.keys(STRANGER if account == SECONDARY else SECONDARY))
    assert error_of(between.assume_role, RoleArn=arn, RoleSessionName="tester")[0] == "AccessDenied"


def test_the_primary_account_has_no_such_role(emulator: Emulator) -> None:
    name = "OrganizationAccountAccessRole"
    assert error_of(emulator.client("iam").get_role, RoleName=name)[0] == "NoSuchEntity"


@pytest.mark.parametrize(("account", "name"), [(a, n) for a, names in RESIDENTS.items() for n in names])
def test_a_resident_is_somebody_who_may_nothing(emulator: Emulator, account: str, name: str) -> None:
    keys = session_of(emulator, f"arn:aws:iam::{account}:role/{name}")
    identity = emulator.client("sts", keys).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{name}/tester"
    assert error_of(emulator.client("iam", keys).get_role, RoleName=name)[0] == "AccessDenied"


_OLDER = """
import pathlib, sys
from moto.iam.models import iam_backends
from sandbox.aws.store import Store
store = Store(pathlib.Path(sys.argv[1]))
store.load()
for account in ("222222222222", "333333333333"):
    roles = iam_backends[account]["aws"].roles
    for role in [r for r in roles.values() if r.name != "secondary-app"]:
        del roles[role.id]
    store.save(account, ("iam",))
"""


def test_an_older_state_gets_what_it_lacks_and_keeps_the_rest(fresh: Emulator) -> None:
    iam = fresh.client("iam", fresh.keys(SECONDARY))
    kept = iam.get_role(RoleName="secondary-app")["Role"]["RoleId"]
    made = fresh.client("iam").create_user(UserName="kept")["User"]["UserId"]
    for _ in range(2):
        fresh.stop()
        subprocess.run([sys.executable, "-c", _OLDER, str(fresh.home)], cwd=REPOSITORY, check=True)
        fresh.start()
        session_of(fresh, f"arn:aws:iam::{SECONDARY}:role/OrganizationAccountAccessRole")
    session_of(fresh, f"arn:aws:iam::{STRANGER}:role/stranger-app")
    fresh.stop()
    fresh.start()
    assert iam.get_role(RoleName="secondary-app")["Role"]["RoleId"] == kept
    assert fresh.client("iam").get_user(UserName="kept")["User"]["UserId"] == made
