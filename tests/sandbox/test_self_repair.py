"""An IAM role that somebody deletes, or makes anew under its name, locks its workload out only until `up`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import hvac
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import Sandbox

ROLE, VAULT_ROLE = "vault-auth", "dev-role-iam2"


def pod_logs_in(sandbox: Sandbox) -> dict[str, object]:
    credentials = assume_with_token(sandbox, sandbox.token("vault-auth"))
    return log_in(sandbox, credentials, VAULT_ROLE)


def unique_id(sandbox: Sandbox) -> str:
    return str(sandbox.aws("iam").get_role(RoleName=ROLE)["Role"]["RoleId"])


def pinned(sandbox: Sandbox) -> list[str]:
    answer = sandbox.vault.read(f"auth/aws/role/{VAULT_ROLE}")
    found: list[str] = answer["data"]["bound_iam_principal_id"]
    return found


def repair(sandbox: Sandbox) -> str:
    answer = sandbox.shell("pulumi up --refresh --yes --skip-preview --stack local --non-interactive")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def assert_whole(sandbox: Sandbox) -> None:
    assert pinned(sandbox) == [unique_id(sandbox)]
    assert pod_logs_in(sandbox)["token_policies"] == ["default", "dev"]


@pytest.fixture(autouse=True, scope="module")
def nothing_left_to_repair(sandbox: Sandbox) -> Iterator[None]:
    """After all of them."""
    yield
    again = repair(sandbox)
    assert re.search(r"\d+ unchanged", again)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", again), again


def test_vault_8209_an_iam_role_made_anew_under_its_name_is_taken_for_the_old_one_after_a_refresh(
    sandbox: Sandbox,
) -> None:
    """hashicorp/vault 8209: Vault pinned the unique ID of the old one, and nothing ever told."""
    iam = sandbox.aws("iam")
    before = iam.get_role(RoleName=ROLE)["Role"]
    iam.delete_role(RoleName=ROLE)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(before["AssumeRolePolicyDocument"]))
    try:
        assert unique_id(sandbox) != before["RoleId"]
        with pytest.raises(hvac.exceptions.VaultError, match=f'does not belong to the role "{VAULT_ROLE}"'):
            pod_logs_in(sandbox)
    finally:
        printed = repair(sandbox)
    # The change is there to be seen: nobody could log in by the Vault role that is replaced.
    assert re.search(r"vault:aws:AuthBackendRole dev-role-iam2-vault-role created replacement", printed), (
        printed
    )
    assert_whole(sandbox)


def test_an_iam_role_that_was_deleted_comes_back_with_its_login(sandbox: Sandbox) -> None:
    sandbox.aws("iam").delete_role(RoleName=ROLE)
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            pod_logs_in(sandbox)
    finally:
        repair(sandbox)
    assert_whole(sandbox)


def test_a_vault_that_goes_by_another_principal_is_corrected(sandbox: Sandbox) -> None:
    """Nothing changed in AWS; Vault's own record is another, as after an old backup was restored."""
    iam = sandbox.aws("iam")
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(trust))
    try:
        arn = "arn:aws:iam::111111111111:role/other"
        sandbox.vault.write(f"auth/aws/role/{VAULT_ROLE}", bound_iam_principal_arn=arn)
        assert pinned(sandbox) != [unique_id(sandbox)]
    finally:
        iam.delete_role(RoleName="other")
        repair(sandbox)
    assert_whole(sandbox)
