"""The settings of other accounts: what is wrong is told, and what is secret is not repeated."""

from typing import Any

import pytest

from stack.file import StackFile, parse
from stack.reading import StackFileError

POLICIES = {"dev": ""}


def parsed(**account: Any) -> StackFile:
    config: dict[str, Any] = {
        "aws:region": "us-east-1",
        "vault-aws-auth:accountId": "111111111111",
        "vault-aws-auth:vault": {"address": "https://vault.example.com:8200"},
        "vault-aws-auth:accounts": {"222222222222": account},
        "vault-aws-auth:logins": {
            "app": {
                "kind": "principal",
                "principals": ["arn:aws:iam::222222222222:role/app"],
                "policies": ["dev"],
            }
        },
    }
    return parse(config, POLICIES)


def problem(**account: Any) -> str:
    with pytest.raises(StackFileError) as error:
        parsed(**account)
    (told,) = error.value.problems
    return told.removeprefix("vault-aws-auth:accounts.222222222222")


@pytest.mark.parametrize("written", ["hunter2 hunter2", ["hunter2"], {"value": "hunter2"}])
def test_an_external_id_that_is_malformed_is_not_repeated(written: Any) -> None:
    told = problem(externalId=written)
    assert told.startswith(".externalId: ")
    assert "hunter2" not in told


def test_further_principals_can_be_trusted_and_are_somebody() -> None:
    old = "arn:aws:iam::111111111111:user/vault-auth"
    assert parsed(trustedPrincipals=[old]).accounts["222222222222"]["trusted_principals"] == [old]
    assert parsed(trustedPrincipals=[old], trustVaultIdentity=False)
    assert "nothing can assume; write trustVaultIdentity: true, trusted" in problem(trustVaultIdentity=False)


@pytest.mark.parametrize("arn", ["arn:aws:iam::111111111111:role/*", "arn:aws:iam::111111111111:root"])
def test_nobody_but_a_role_or_user_in_full_is_trusted(arn: str) -> None:
    assert problem(trustedPrincipals=[arn]).startswith(f'.trustedPrincipals[0]: "{arn}" ')
