"""Logins of IAM roles and users that exist."""

from typing import Any

import pulumi
import pytest

from components import PrincipalLogin
from tests.unit.recording import Recording, providers, record, refused

VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
ENDPOINT = "vault:generic/endpoint:Endpoint"
APP = "arn:aws:iam::111111111111:role/app"
CI = "arn:aws:iam::111111111111:user/ci"
SECONDARY = "arn:aws:iam::222222222222:role/vault-secondary*"
BOTH_ACCOUNTS = ["111111111111", "222222222222"]


def login(*principals: Any, accounts: list[str] | None = None, **changes: Any) -> PrincipalLogin:
    connection = {"path": "aws", **({"accounts": accounts} if accounts else {})}
    args: Any = {"connection": connection, "principals": list(principals), "policies": ["admin"], **changes}
    return PrincipalLogin("people", args, providers())


def made(*principals: str, answers: Any = None, **changes: Any) -> Recording:
    return record(lambda: login(*principals, **changes), answers=answers)


def looked_up(recording: Recording) -> Any:
    return recording.one(VAULT_ROLE, "people-principal-ids").replacement_trigger


def test_the_vault_role_is_bound_to_the_principals() -> None:
    role = made(APP, CI, vault_role="dev-role", policies=["dev"], max_ttl="2h").one(
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
    assert made(SECONDARY, accounts=BOTH_ACCOUNTS).children("people") == only
    # Where Vault keeps no unique ID, there is none to declare.
    assert made("arn:aws:iam::111111111111:role/team-*").children("people") == only


def test_vault_8209_a_principal_made_anew_can_log_in_after_the_next_update() -> None:
    recording = made(APP, "arn:aws:iam::111111111111:role/team-*", CI)
    # What ends in * has none: Vault compares it with the caller's ARN.
    assert looked_up(recording) == ["AROA-app", "AIDA-ci"]
    again = recording.one(VAULT_ROLE, "people-principal-ids")
    assert again.inputs == recording.one(VAULT_ROLE, "people-vault-role").inputs
    assert recording.calls == [
        ("aws:iam/getRole:getRole", {"name": "app"}, "aws"),
        ("aws:iam/getUser:getUser", {"userName": "ci"}, "aws"),
    ]


def test_principals_of_another_account_are_looked_up_only_where_that_is_asked_for() -> None:
    other = "arn:aws:iam::222222222222:role/app"
    assert made(other, accounts=BOTH_ACCOUNTS).calls == []
    assert made(APP, accounts=BOTH_ACCOUNTS, look_up=False).calls == []

    def role(args: dict[str, Any]) -> dict[str, Any]:
        return {"uniqueId": "AROA-other", "arn": other}

    answers = {"aws:iam/getRole:getRole": role}
    recording = made(other, accounts=BOTH_ACCOUNTS, look_up=True, answers=answers)
    assert looked_up(recording) == ["AROA-other"]
    with pytest.raises(ValueError, match="looked for in the account 111111111111; hand over an aws provider"):
        made(other, accounts=BOTH_ACCOUNTS, look_up=True)


def test_vault_2729_a_role_is_named_with_its_path() -> None:
    """Vault resolves the name alone, so that it would take any path, and none."""
    real = "arn:aws:iam::111111111111:role/team/app"
    answers = {"aws:iam/getRole:getRole": lambda args: {"uniqueId": f"AROA-{args['name']}", "arn": real}}
    assert looked_up(made(real, answers=answers)) == ["AROA-app"]
    for wrong in (APP, "arn:aws:iam::111111111111:role/crew/app"):
        with pytest.raises(
            ValueError, match=f"is not its ARN; write it as IAM has it, with its path: {real}"
        ):
            made(wrong, answers=answers)


def test_whose_account_vault_knows_is_not_always_known() -> None:
    assert made(SECONDARY).one(VAULT_ROLE, "people-vault-role")


def test_a_principal_may_be_known_only_later() -> None:
    def program(arn: str) -> PrincipalLogin:
        return login(APP, pulumi.Output.from_input(arn))

    recording = record(lambda: program(CI))
    assert recording.one(VAULT_ROLE, "people-vault-role").inputs["boundIamPrincipalArns"] == [APP, CI]
    # Vault would show the ID of the other one, too: as a change, at every update.
    assert len(recording.of_type(VAULT_ROLE)) == 1
    with pytest.raises(ValueError, match=r"principals\[1\]: 'ci' is not an ARN"):
        record(lambda: program("ci"))


def test_as_a_list_of_unknown_length_principals_are_refused() -> None:
    def program() -> PrincipalLogin:
        whole: Any = {"principals": pulumi.Output.from_input([APP])}
        return login(**whole)

    assert refused(program).startswith(
        "principals: is an output as a whole; write it out, with an output for"
    )


def test_outputs_of_a_principal_login() -> None:
    assert made(CI, "arn:aws:iam::111111111111:role/team-*", APP).outputs_of("people") == {
        "vault_role": "people",
        "iam_role_arn": APP,
        "iam_role_name": "",
        "iam_role_unique_id": "",
        "service_accounts": [],
        "principals": [CI, "arn:aws:iam::111111111111:role/team-*", APP],
    }
    assert made("arn:aws:iam::111111111111:user/*").outputs_of("people")["iam_role_arn"] == ""


@pytest.mark.parametrize(
    ("principals", "changes", "message"),
    [
        ([], {}, "principals: is empty; write at least one entry: an ARN of a role or user"),
        ([APP, APP], {}, "principals: contains duplicates"),
        (["app"], {}, "principals[0]: 'app' is not an ARN"),
        (["arn:aws:iam::111111111111:role/a*b"], {}, "principals[0]: 'arn:aws:iam::111111111111:role/a*b' h"),
        (["arn:aws:iam::111111111111:root"], {}, "principals[0]: 'arn:aws:iam::111111111111:root' is not th"),
        (["arn:aws:iam::111111111111:*"], {}, "principals[0]: 'arn:aws:iam::111111111111:*' is not the ARN"),
        (
            ["arn:aws:sts::111111111111:assumed-role/app/me"],
            {},
            "principals[0]: 'arn:aws:sts::111111111111:assumed-role/app/me' is the session of a role; write "
            "the role itself: arn:aws:iam::111111111111:role/app",
        ),
        # hashicorp/vault 16229
        ([APP, SECONDARY], {}, "principals: are of the accounts 111111111111, 222222222222; Vault resolves"),
        ([APP, APP.replace("aws", "aws-cn")], {}, "principals: are of the accounts 111111111111, aws-cn:111"),
        # hashicorp/vault 3681, 10013
        (
            [SECONDARY],
            {"accounts": ["111111111111", "333333333333"]},
            f"principals: '{SECONDARY}' is of the account 222222222222, and Vault looks only into "
            "111111111111, 333333333333; give VaultAwsAuth an STS role of that account (sts_roles)",
        ),
        (
            ["arn:aws:iam::111111111111:role/AWSReservedSSO_Admin_*"],
            {},
            "principals[0]: 'arn:aws:iam::111111111111:role/AWSReservedSSO_Admin_*' matches nothing, for "
            "roles of IAM Identity Center have a path; write "
            "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_*",
        ),
        (
            [APP, "arn:aws:iam::111111111111:role/teams/AWSReservedSSO_*"],
            {},
            "principals[1]: 'arn:aws:iam::111111111111:role/teams/AWSReservedSSO_*' matches nothing",
        ),
        ([APP], {"verify_as": [f"{APP}2"]}, f"verify_as: '{APP}2' is none of the login's principals"),
        ([APP], {"verify_not_as": [APP]}, f"verify_not_as: '{APP}' is one of the login's principals"),
    ],
)
def test_wrong_arguments_name_the_field(principals: list[str], changes: Any, message: str) -> None:
    assert refused(lambda: login(*principals, **changes)).startswith(message)


@pytest.mark.parametrize(
    "principal",
    [
        "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_*",
        "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_*",
        "role/aws-reserved/sso.amazonaws.com/*",
        "role/aws-reserved/*",
        "role/AWS*",
        "user/AWSReservedSSO_*",
    ],
)
def test_a_pattern_that_can_match_something_is_taken(principal: str) -> None:
    arn = f"arn:aws:iam::111111111111:{principal}"
    assert made(arn).one(VAULT_ROLE, "people-vault-role").inputs["boundIamPrincipalArns"] == [arn]
