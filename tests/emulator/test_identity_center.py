"""IAM Identity Center: what its portal gives a user, and to whom it gives nothing."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.emulator.world import PRIMARY, SECONDARY, STRANGER, Emulator, error_of, make_role, trust

PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
TOKEN = "identity-center/alice@example.com/Developers,Auditors"
PROVIDER = f"arn:aws:iam::{PRIMARY}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"


def permission_set_trust(
    provider: str = PROVIDER, audience: str = "https://signin.aws.amazon.com/saml"
) -> str:
    """The trust policy of a permission set's role, as Identity Center writes it."""
    actions = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    return trust({"Federated": provider}, actions, Condition={"StringEquals": {"SAML:aud": audience}})


@pytest.fixture(scope="module")
def portal(emulator: Emulator) -> Any:
    """Its client, as the SDKs use it, for an account with one permission set."""
    name = PROVIDER.rpartition("/")[2]
    emulator.client("iam").create_saml_provider(Name=name, SAMLMetadataDocument="<x/>" * 300)
    make_role(emulator, "AWSReservedSSO_Developers_0123456789abcdef", permission_set_trust(), Path=PATH)
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return boto3.client("sso", endpoint_url=emulator.url, region_name="eu-west-1", config=config)


def asked(permission_set: str = "Developers", token: str = TOKEN, account: str = PRIMARY) -> dict[str, str]:
    return {"roleName": permission_set, "accountId": account, "accessToken": token}


def test_a_user_gets_a_session_of_the_permission_sets_role_in_their_own_name(
    emulator: Emulator, portal: Any
) -> None:
    keys = portal.get_role_credentials(**asked())["roleCredentials"]
    sts = emulator.new_client(
        "sts",
        {
            "aws_access_key_id": keys["accessKeyId"],
            "aws_secret_access_key": keys["secretAccessKey"],
            "aws_session_token": keys["sessionToken"],
        },
    )
    role = "assumed-role/AWSReservedSSO_Developers_0123456789abcdef"
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::{PRIMARY}:{role}/alice@example.com"


@pytest.mark.parametrize("token", ["", "identity-center", "identity-center/alice/", "other/alice/Developers"])
def test_what_is_no_access_token_is_refused(portal: Any, token: str) -> None:
    code, _ = error_of(portal.get_role_credentials, **asked(token=token or " "))
    assert code == "UnauthorizedException"


@pytest.mark.parametrize(
    "changed",
    [
        {"token": "identity-center/alice/Auditors"},
        {"permission_set": "Auditors"},
        {"permission_set": "Developer."},
        {"account": SECONDARY},
        {"account": STRANGER},
        {"account": "999999999999"},
    ],
    ids=["not assigned", "not in this account", "no pattern", "other account", "stranger", "no such account"],
)
def test_without_an_assignment_there_is_no_access(portal: Any, changed: dict[str, str]) -> None:
    assert error_of(portal.get_role_credentials, **asked(**changed))[0] == "ForbiddenException"


@pytest.mark.parametrize(
    ("name", "path", "trusted"),
    [
        ("AWSReservedSSO_Path_0123456789abcdef", "/", permission_set_trust()),
        ("AWSReservedSSO_Suffix_0123", PATH, permission_set_trust()),
        ("AWSReservedSSO_Provider_0123456789abcdef", PATH, permission_set_trust(f"{PROVIDER}2")),
        ("AWSReservedSSO_Audience_0123456789abcdef", PATH, permission_set_trust(audience="https://other")),
        ("AWSReservedSSO_Account_0123456789abcdef", PATH, trust({"AWS": PRIMARY})),
    ],
)
def test_a_role_that_is_no_permission_set_gives_nothing(
    emulator: Emulator, portal: Any, name: str, path: str, trusted: str
) -> None:
    make_role(emulator, name, trusted, Path=path)
    permission_set = name.split("_")[1]
    request = asked(permission_set, f"identity-center/alice/{permission_set}")
    assert error_of(portal.get_role_credentials, **request)[0] == "ForbiddenException"


def test_the_administrator_cannot_assume_the_role_of_a_permission_set(
    emulator: Emulator, portal: Any
) -> None:
    arn = f"arn:aws:iam::{PRIMARY}:role{PATH}AWSReservedSSO_Developers_0123456789abcdef"
    assume = emulator.client("sts").assume_role
    assert error_of(assume, RoleArn=arn, RoleSessionName="alice@example.com")[0] == "AccessDenied"


def test_the_log_has_no_access_token(emulator: Emulator, portal: Any) -> None:
    portal.get_role_credentials(**asked())
    assert "sso:GetRoleCredentials" in emulator.log()
    assert TOKEN not in emulator.log()
