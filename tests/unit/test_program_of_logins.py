"""The whole program: with whose rights logins are looked up, and what their pods may do."""

import json
from typing import Any

import pytest

from tests.unit.recording import Recording
from tests.unit.test_program import _enterprise, stack_config, whole  # noqa: F401 - a fixture

SECOND, THIRD = "222222222222", "333333333333"
ENDPOINT = "vault:generic/endpoint:Endpoint"
LOOKUP = {"roleArn": f"arn:aws:iam::{SECOND}:role/lookup", "externalId": "agreed-on"}


def stack(login: dict[str, Any], *, account: dict[str, Any], **changes: Any) -> Recording:
    login = {"policies": ["dev"], **login}
    changes = {"vault-aws-auth:consumers": None, "vault-aws-auth:secretsEngine": None, **changes}
    return whole(
        **{"vault-aws-auth:accounts": {SECOND: account}, "vault-aws-auth:logins": {"app": login}, **changes}
    )


def principal(arn: str) -> dict[str, Any]:
    return {"kind": "principal", "principals": [arn]}


def instance(arn: str) -> dict[str, Any]:
    return {"kind": "ec2-instance", "roleArns": [arn]}


@pytest.mark.parametrize("login", [principal, instance])
def test_vault_8209_who_logs_in_from_an_account_of_the_stack_is_looked_up_there(login: Any) -> None:
    recording = stack(login(f"arn:aws:iam::{SECOND}:role/app"), account={})
    assert recording.calls == [("aws:iam/getRole:getRole", {"name": "app"}, f"aws-{SECOND}")]
    again = recording.one("vault:aws/authBackendRole:AuthBackendRole", "app-principal-ids")
    assert again.replacement_trigger == ["AROA-app"]


def test_the_account_of_a_login_has_one_provider() -> None:
    recording = stack(principal(f"arn:aws:iam::{SECOND}:role/app"), account={})
    # Sorted: neither provider waits for the other, so either may be registered first.
    assert sorted(r.name for r in recording.of_type("pulumi:providers:aws")) == ["aws", f"aws-{SECOND}"]
    role = recording.one("aws:iam/role:Role", f"account-{SECOND}-role")
    assert role.provider == f"aws-{SECOND}"
    # The Vault role is Vault's, whosever the account is.
    (vault_role,) = recording.named("app-vault-role")
    assert vault_role.provider == "vault"


@pytest.mark.parametrize("own", ["111111111111", None])
@pytest.mark.parametrize("login", [principal, instance])
def test_nobody_looks_into_an_account_whose_role_somebody_else_made(login: Any, own: str | None) -> None:
    bound = login(f"arn:aws:iam::{SECOND}:role/app")
    recording = stack(bound, account=LOOKUP, **{"vault-aws-auth:accountId": own})
    assert recording.calls == []
    assert not recording.named("app-principal-ids")


def test_pods_with_vaults_lookups_can_not_become_vault_nor_anybody_in_another_account() -> None:
    login = json.loads(stack_config("local")["vault-aws-auth:logins"])["pod"]
    identity = {"kind": "user", "accessKey": "rotatable", "assumeRoleArns": [LOOKUP["roleArn"]]}
    recording = stack(
        {**login, "vaultLookups": True},
        account={"allLookups": True},
        **{"vault-aws-auth:vaultIdentity": identity},
    )
    policy = recording.one("aws:iam/policy:Policy", "vault-auth-lookups")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["iam:GetRole"]
    assert policy.inputs["name"] == "vault-auth-lookups"
    assert (policy.provider, policy.delete_before_replace) == ("aws", True)
    (attachment,) = recording.named("vault-auth-vault-lookups-policy")
    assert attachment.inputs["policyArn"] == "arn:aws:iam::111111111111:policy/vault-auth-lookups"


def test_a_role_trusts_what_vault_was_beside_what_it_is_while_its_identity_is_switched() -> None:
    old, new = "arn:aws:iam::111111111111:user/vault-auth", "arn:aws:iam::111111111111:role/vault-identity"
    login = principal(f"arn:aws:iam::{SECOND}:role/app-*")
    identity = {"kind": "role", "trustedServices": ["ec2.amazonaws.com"]}
    recording = stack(
        login, account={"trustedPrincipals": [old]}, **{"vault-aws-auth:vaultIdentity": identity}
    )
    role = recording.one("aws:iam/role:Role", f"account-{SECOND}-role")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"AWS": [new, old]}
    assert "sts:ExternalId" in statement["Condition"]["StringEquals"]
