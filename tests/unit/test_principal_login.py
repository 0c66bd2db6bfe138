"""Logins of IAM roles and users that somebody else made."""

import json
from typing import Any

import pulumi
import pytest

from components.logins.principal import PrincipalLogin
from tests.unit.recording import Recording, providers, record

VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
ENDPOINT = "vault:generic/endpoint:Endpoint"
APP = "arn:aws:iam::111111111111:role/app"
CI = "arn:aws:iam::111111111111:user/ci"
SECONDARY = "arn:aws:iam::222222222222:role/vault-secondary*"
BOTH_ACCOUNTS = ["111111111111", "222222222222"]


def login(
    *principals: str, accounts: list[str] | None = None, answers: Any = None, **changes: Any
) -> Recording:
    connection = {"path": "aws", **({"accounts": accounts} if accounts else {})}
    args: Any = {
        "connection": connection,
        "principals": list(principals),
        "token": {"policies": ["admin"]},
        **changes,
    }
    return record(lambda: PrincipalLogin("people", args, providers()), answers=answers)


def pinned(recording: Recording) -> Any:
    return json.loads(recording.one(ENDPOINT, "people-principal-ids").inputs["dataJson"])


def test_the_vault_role_is_bound_to_the_principals() -> None:
    role = login(APP, CI, vault_role="dev-role", token={"policies": ["dev"], "max_ttl": "2h"}).one(
        VAULT_ROLE, "people-vault-role"
    )
    assert role.inputs == {
        "backend": "aws",
        "role": "dev-role",
        "authType": "iam",
        "boundIamPrincipalArns": [APP, CI],
        "resolveAwsUniqueIds": True,
        "tokenPolicies": ["dev"],
        "tokenTtl": 7200,
        "tokenMaxTtl": 7200,
    }
    assert (role.parent, role.provider, role.delete_before_replace) == ("people", "vault", True)


def test_nothing_but_the_vault_role_is_made() -> None:
    only = {(VAULT_ROLE, "people-vault-role")}
    assert login(SECONDARY, accounts=BOTH_ACCOUNTS).children("people") == only
    # Where Vault keeps no unique ID, there is none to declare.
    assert login("arn:aws:iam::111111111111:role/team-*").children("people") == only


def test_vault_8209_a_principal_made_anew_can_log_in_after_the_next_update() -> None:
    recording = login(APP, "arn:aws:iam::111111111111:role/team-*", CI)
    assert pinned(recording) == {
        "bound_iam_principal_arn": [APP, "arn:aws:iam::111111111111:role/team-*", CI],
        # What ends in * has none: Vault compares it with the caller's ARN.
        "bound_iam_principal_id": ["AROA-app", "AIDA-ci"],
    }
    assert recording.calls == [
        ("aws:iam/getRole:getRole", {"name": "app"}, "aws"),
        ("aws:iam/getUser:getUser", {"userName": "ci"}, "aws"),
    ]


def test_principals_of_another_account_are_looked_up_only_where_that_is_asked_for() -> None:
    other = "arn:aws:iam::222222222222:role/app"
    assert login(other, accounts=BOTH_ACCOUNTS).calls == []
    assert login(APP, accounts=BOTH_ACCOUNTS, look_up=False).calls == []

    def role(args: dict[str, Any]) -> dict[str, Any]:
        return {"uniqueId": "AROA-other", "arn": other}

    answers = {"aws:iam/getRole:getRole": role}
    recording = login(other, accounts=BOTH_ACCOUNTS, look_up=True, answers=answers)
    assert pinned(recording)["bound_iam_principal_id"] == ["AROA-other"]
    with pytest.raises(ValueError, match="looked for in the account 111111111111; hand over an aws provider"):
        login(other, accounts=BOTH_ACCOUNTS, look_up=True)


def test_vault_2729_a_role_is_named_with_its_path() -> None:
    """Vault resolves the name alone, so that it would take any path, and none."""
    real = "arn:aws:iam::111111111111:role/team/app"
    answers = {"aws:iam/getRole:getRole": lambda args: {"uniqueId": f"AROA-{args['name']}", "arn": real}}
    assert pinned(login(real, answers=answers))["bound_iam_principal_id"] == ["AROA-app"]
    for wrong in (APP, "arn:aws:iam::111111111111:role/crew/app"):
        with pytest.raises(
            ValueError, match=f"is not its ARN; write it as IAM has it, with its path: {real}"
        ):
            login(wrong, answers=answers)


def test_vault_16229_one_vault_role_is_for_one_account() -> None:
    with pytest.raises(
        ValueError,
        match=r"principals: are of the accounts 111111111111, 222222222222; .* declare one login for each",
    ):
        login(APP, SECONDARY, accounts=BOTH_ACCOUNTS)
    with pytest.raises(ValueError, match="of the accounts 111111111111, aws-cn:111111111111"):
        login(APP, APP.replace("aws", "aws-cn"))


@pytest.mark.parametrize("principal", [SECONDARY, "arn:aws:iam::222222222222:user/ci"])
def test_vault_3681_and_10013_an_account_without_sts_role_is_told_at_preview(principal: str) -> None:
    with pytest.raises(
        ValueError, match="is of the account 222222222222, and Vault looks only into 1"
    ) as error:
        login(principal, accounts=["111111111111", "333333333333"])
    assert f"principals: '{principal}'" in str(error.value)
    assert "111111111111, 333333333333; give VaultAwsAuth an STS role of that account" in str(error.value)


def test_whose_account_vault_knows_is_not_always_known() -> None:
    assert login(SECONDARY).one(VAULT_ROLE, "people-vault-role")


@pytest.mark.parametrize("whole", [True, False])
def test_principals_that_are_known_only_later_are_told(whole: bool) -> None:
    def program() -> None:
        later: Any = pulumi.Output.from_input([APP] if whole else APP)
        args: Any = {"principals": later if whole else [APP, later]}
        args |= {"connection": {"path": "aws"}, "token": {"policies": ["dev"]}}
        PrincipalLogin("people", args, providers())

    with pytest.raises(ValueError, match="principals: must be known when the program runs"):
        record(program)


def test_outputs_of_a_principal_login() -> None:
    assert login(CI, "arn:aws:iam::111111111111:role/team-*", APP).outputs_of("people") == {
        "vault_role": "people",
        "iam_role_arn": APP,
        "service_accounts": [],
        "principals": [CI, "arn:aws:iam::111111111111:role/team-*", APP],
    }
    assert login("arn:aws:iam::111111111111:user/*").outputs_of("people")["iam_role_arn"] == ""


@pytest.mark.parametrize(
    ("principals", "changes", "message"),
    [
        ([], {}, "principals: name at least one"),
        ([APP, APP], {}, f"principals: '{APP}' is named twice"),
        (["app"], {}, "principals: 'app' is not an ARN"),
        (["arn:aws:iam::111111111111:role/a*b"], {}, "Vault takes a [*] only at the end"),
        (["arn:aws:iam::111111111111:root"], {}, "is not the ARN of an IAM role or user"),
        (["arn:aws:iam::111111111111:*"], {}, "is not the ARN of an IAM role or user"),
        (
            ["arn:aws:sts::111111111111:assumed-role/app/me"],
            {},
            "is the session of a role; write the role itself: arn:aws:iam::111111111111:role/app",
        ),
        ([APP], {"token": {"policies": []}}, "token.policies: name at least one"),
        ([APP], {"vault_role": "Dev"}, "vault_role: 'Dev' has upper case"),
    ],
)
def test_wrong_arguments_name_the_field(principals: list[str], changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        login(*principals, **changes)
