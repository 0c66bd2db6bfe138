"""IAM roles that somebody deletes, or makes anew under their names, lock workloads out only until `up`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import hvac
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import Sandbox


class Login(NamedTuple):
    """A login of stack `local`: its service account, its two roles and its policy."""

    namespace: str
    account: str
    role: str
    vault_role: str
    policy: str

    def try_it(self, sandbox: Sandbox) -> dict[str, object]:
        token = sandbox.token(self.account, self.namespace)
        credentials = assume_with_token(sandbox, token, f"arn:aws:iam::111111111111:role/{self.role}")
        return log_in(sandbox, credentials, self.vault_role)

    def unique_id(self, sandbox: Sandbox) -> str:
        return str(sandbox.aws("iam").get_role(RoleName=self.role)["Role"]["RoleId"])

    def pinned(self, sandbox: Sandbox) -> list[str]:
        answer = sandbox.vault.read(f"auth/aws/role/{self.vault_role}")
        found: list[str] = answer["data"]["bound_iam_principal_id"]
        return found

    def assert_whole(self, sandbox: Sandbox) -> None:
        assert self.pinned(sandbox) == [self.unique_id(sandbox)]
        assert self.try_it(sandbox)["token_policies"] == ["default", self.policy]


MADE_ANEW = Login("default", "vault-auth", "vault-auth", "dev-role-iam2", "dev")
OPERATOR = "vault-access-operator"
DELETED = Login(
    f"{OPERATOR}-system", f"{OPERATOR}-controller-manager", f"{OPERATOR}-role", OPERATOR, OPERATOR
)
MISTAKEN = Login("gloo-system", "gloo", "dev-role-iam-eks1", "dev-role-iam-eks1", "dev")


def repair(sandbox: Sandbox) -> str:
    answer = sandbox.shell("pulumi up --refresh --yes --skip-preview --stack local --non-interactive")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


class Repaired(NamedTuple):
    """What was seen while it was broken, and what the engine printed as it repaired it."""

    refusals: dict[Login, Exception]
    printed: str


@pytest.fixture(scope="module")
def repaired(sandbox: Sandbox) -> Iterator[Repaired]:
    """All of it happens, each to another login; then comes one `up`; a second one finds nothing to do."""
    refusals = {}
    try:
        make_anew(sandbox, MADE_ANEW)
        sandbox.aws("iam").delete_role(RoleName=DELETED.role)
        mistake(sandbox, MISTAKEN)
        for login in (MADE_ANEW, DELETED):
            with pytest.raises((hvac.exceptions.VaultError, ClientError)) as refused:
                login.try_it(sandbox)
            refusals[login] = refused.value
    finally:
        printed = repair(sandbox)
    yield Repaired(refusals, printed)
    again = repair(sandbox)
    assert re.search(r"\d+ unchanged", again)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", again), again


def make_anew(sandbox: Sandbox, login: Login) -> None:
    iam = sandbox.aws("iam")
    before = iam.get_role(RoleName=login.role)["Role"]
    document = json.dumps(before["AssumeRolePolicyDocument"])
    iam.delete_role(RoleName=login.role)
    iam.create_role(RoleName=login.role, AssumeRolePolicyDocument=document)
    assert login.unique_id(sandbox) != before["RoleId"]


def mistake(sandbox: Sandbox, login: Login) -> None:
    """Nothing changes in AWS; Vault's own record is another, as after an old backup was restored."""
    iam = sandbox.aws("iam")
    trust = iam.get_role(RoleName=login.role)["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(trust))
    arn = "arn:aws:iam::111111111111:role/other"
    sandbox.vault.write(f"auth/aws/role/{login.vault_role}", bound_iam_principal_arn=arn)
    iam.delete_role(RoleName="other")
    assert login.pinned(sandbox) != [login.unique_id(sandbox)]


def test_vault_8209_an_iam_role_made_anew_under_its_name_is_taken_for_the_old_one_after_a_refresh(
    sandbox: Sandbox, repaired: Repaired
) -> None:
    """hashicorp/vault 8209: Vault pinned the unique ID of the old one, and nothing ever told."""
    refusal = f'does not belong to the role "{MADE_ANEW.vault_role}"'
    assert refusal in str(repaired.refusals[MADE_ANEW])
    # The change is there to be seen: nobody could log in by the Vault role that is replaced.
    told = rf"vault:aws:AuthBackendRole {MADE_ANEW.vault_role}-vault-role created replacement"
    assert re.search(told, repaired.printed), repaired.printed
    MADE_ANEW.assert_whole(sandbox)


def test_an_iam_role_that_was_deleted_comes_back_with_its_login(sandbox: Sandbox, repaired: Repaired) -> None:
    assert "AccessDenied" in str(repaired.refusals[DELETED])
    DELETED.assert_whole(sandbox)


def test_a_vault_that_goes_by_another_principal_is_corrected(sandbox: Sandbox, repaired: Repaired) -> None:
    MISTAKEN.assert_whole(sandbox)
