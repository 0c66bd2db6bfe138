"""Logins from another account, which Vault looks into through a role there."""

from __future__ import annotations

import json
from typing import Any

import hvac
import pytest
import yaml
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.sandbox.callers import log_in, session
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox

EXAMPLE = "cross-account"
FILE = REPOSITORY / "examples" / EXAMPLE / f"Pulumi.{EXAMPLE}.yaml"
TRUST_ROLE = "trust-relationship-for-primary-aws-and-vault"
VAULT_ROLE = "vault-role"


def role(name: str, account: str = "222222222222") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def header(sandbox: Sandbox) -> str:
    return str(sandbox.json("pulumi stack output --json vault")["serverIdHeader"])


def caller(sandbox: Sandbox, arn: str) -> Credentials:
    return session(sandbox, arn, "test")


@pytest.mark.parametrize("name", ["vault-secondary-app", "secondary-app"])
def test_both_roles_of_the_other_account_log_in(example: Sandbox, name: str) -> None:
    auth = log_in(example, caller(example, role(name)), VAULT_ROLE, header(example))
    assert auth["token_policies"] == ["admin", "default"]
    assert auth["metadata"]["account_id"] == "222222222222"


@pytest.mark.parametrize("name", ["vault-secondary-app", "secondary-app"])
def test_a_login_without_the_header_is_refused_where_one_is_demanded_and_taken_where_not(
    example: Sandbox, name: str
) -> None:
    credentials = caller(example, role(name))
    with pytest.raises(hvac.exceptions.VaultError, match="X-Vault-AWS-IAM-Server-ID"):
        log_in(example, credentials, VAULT_ROLE, None)
    example.vault.write("auth/aws/config/client", iam_server_id_header_value="")
    try:
        assert log_in(example, credentials, VAULT_ROLE, None)["token_policies"] == ["admin", "default"]
    finally:
        example.vault.write("auth/aws/config/client", iam_server_id_header_value=header(example))


@pytest.mark.parametrize("arn", [role("other-app"), role("stranger-app", "333333333333")])
def test_other_roles_of_that_account_and_of_a_third_one_are_refused_by_vault(
    example: Sandbox, arn: str
) -> None:
    refusal = r"does not belong to the role|unable to fetch client"
    with pytest.raises(hvac.exceptions.VaultError, match=refusal):
        log_in(example, caller(example, arn), VAULT_ROLE, header(example))


def test_vault_27765_the_external_id_is_secret_demanded_and_known_to_vault(example: Sandbox) -> None:
    """hashicorp/vault 27765: an external ID for each account, the same on both sides."""
    configured = example.vault.read("auth/aws/config/sts/222222222222")["data"]
    assert configured["sts_role"] == role(TRUST_ROLE)
    external_id = configured["external_id"]
    assert len(external_id) >= 32
    document = trust_policy(example)
    demanded = [
        statement["Condition"]["StringEquals"]["sts:ExternalId"]
        for statement in document["Statement"]
        if "AWS" in statement["Principal"]
    ]
    assert demanded == [external_id] * 2  # Vault's identity, and the one of HCP
    assert external_id not in example.first_up
    assert external_id not in example.shell("pulumi stack output --json").stdout
    assert external_id not in example.shell("pulumi stack export").stdout


def trust_policy(sandbox: Sandbox) -> dict[str, Any]:
    found = sandbox.aws("iam", "222222222222").get_role(RoleName=TRUST_ROLE)["Role"]
    document: dict[str, Any] = found["AssumeRolePolicyDocument"]
    return document


def test_the_role_trusts_the_three_that_were_named_and_each_as_narrowly_as_it_can(example: Sandbox) -> None:
    document = trust_policy(example)
    principals = [statement["Principal"] for statement in document["Statement"]]
    assert {"AWS": "arn:aws:iam::111111111111:user/vault-primary"} in principals
    assert {"Service": "ec2.amazonaws.com"} in principals
    (hcp,) = (
        statement
        for statement in document["Statement"]
        if statement["Principal"] == {"AWS": "arn:aws:iam::444444444444:root"}
    )
    narrowed = json.dumps(hcp["Condition"])
    assert "aws:PrincipalArn" in narrowed
    assert "arn:aws:iam::444444444444:role/HCP-Vault-*" in narrowed


def test_nobody_assumes_the_role_without_its_external_id(example: Sandbox) -> None:
    iam = example.aws("iam")
    key = iam.create_access_key(UserName="vault-primary")["AccessKey"]
    try:
        vault = example.aws(
            "sts",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        for wrong in ({}, {"ExternalId": "another-one"}):
            with pytest.raises(ClientError, match="AccessDenied"):
                vault.assume_role(RoleArn=role(TRUST_ROLE), RoleSessionName="probe", **wrong)
        right = example.vault.read("auth/aws/config/sts/222222222222")["data"]["external_id"]
        vault.assume_role(RoleArn=role(TRUST_ROLE), RoleSessionName="probe", ExternalId=right)
    finally:
        iam.delete_access_key(UserName="vault-primary", AccessKeyId=key["AccessKeyId"])


def documents(sandbox: Sandbox, account: str, policy: str) -> list[dict[str, Any]]:
    iam = sandbox.aws("iam", account)
    arn = f"arn:aws:iam::{account}:policy/{policy}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    statements: list[dict[str, Any]] = found["Statement"]
    return statements


def test_each_side_may_do_what_it_is_for_and_nothing_else(example: Sandbox) -> None:
    (remote,) = documents(example, "222222222222", "secondary-account-role-policy")
    assert remote["Action"] in ("iam:GetRole", ["iam:GetRole"])
    own = {
        action: statement["Resource"]
        for statement in documents(example, "111111111111", "vault-primary-policy")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    user = "arn:aws:iam::111111111111:user/vault-primary"
    keys = {
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:UpdateAccessKey",
    }
    assert set(own) == {"sts:AssumeRole", *keys}
    assert own["sts:AssumeRole"] in (role(TRUST_ROLE), [role(TRUST_ROLE)])
    assert all(own[action] in (user, [user]) for action in keys)


UNKNOWN_ACCOUNT = 'unable to fetch client for account ID "222222222222"|no STS configuration found'
"""Vault says the one or the other, as it has looked its own account up already or not."""


def changed(sandbox: Sandbox, name: str, change: Any) -> str:
    document = yaml.safe_load(FILE.read_text())
    change(document["config"])
    path = sandbox.home.parent / f"{sandbox.home.name}.{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_vault_3681_an_account_without_sts_role_is_refused_at_preview_and_at_login(example: Sandbox) -> None:
    """hashicorp/vault 3681 and 10013: "unable to fetch client for account ID", before it comes to that."""

    def without_account(config: dict[str, Any]) -> None:
        del config["vault-aws-auth:accounts"]

    answer = example.run("up", "--stack", EXAMPLE, "--config", changed(example, "alone", without_account))
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert "arn:aws:iam::222222222222:role/vault-secondary*" in said
    assert "account 222222222222" in said
    assert "nothing was changed" in said
    before = example.vault.read("auth/aws/config/sts/222222222222")["data"]
    example.vault.delete("auth/aws/config/sts/222222222222")
    # Vault keeps a session of that role for an hour.
    start_mount_anew(example)
    try:
        for name in ("vault-secondary-app", "secondary-app"):
            with pytest.raises(hvac.exceptions.VaultError, match=UNKNOWN_ACCOUNT):
                log_in(example, caller(example, role(name)), VAULT_ROLE, header(example))
    finally:
        example.vault.write("auth/aws/config/sts/222222222222", **before)


def test_vault_16229_a_login_over_two_accounts_is_refused_at_preview(example: Sandbox) -> None:
    """hashicorp/vault 16229: Vault resolves such a role wrongly."""

    def both(config: dict[str, Any]) -> None:
        config["vault-aws-auth:logins"]["vault-role"]["principals"].append(role("app", "111111111111"))

    answer = example.run("up", "--stack", EXAMPLE, "--config", changed(example, "both", both))
    assert answer.returncode != 0
    assert "one login for each account" in answer.stdout + answer.stderr


def another_account(config: dict[str, Any]) -> None:
    config["vault-aws-auth:accounts"] = {"333333333333": {}}
    login = config["vault-aws-auth:logins"]["vault-role"]
    login["principals"] = [role("stranger*", "333333333333")]
    login["verifyAs"] = [role("stranger-app", "333333333333")]
    login["verifyNotAs"] = [role("other-app")]


def a_role_in_full(config: dict[str, Any]) -> None:
    login = config["vault-aws-auth:logins"]["vault-role"]
    login["principals"] = login["verifyAs"] = [role("secondary-app")]


def an_account_with_a_given_id(config: dict[str, Any]) -> None:
    config["vault-aws-auth:accounts"]["333333333333"] = {
        "roleArn": role("lookup", "333333333333"),
        "externalId": "agreed-on-by-both",
    }


def one_more_account(config: dict[str, Any]) -> None:
    config["vault-aws-auth:accounts"]["333333333333"] = {"allLookups": True}


@pytest.mark.timeout(900)
def test_the_accounts_of_a_live_stack_change(example: Sandbox, subtests: pytest.Subtests) -> None:
    """One change after the other; at the end the stack is as it was."""

    def becomes(name: str, change: Any, *words: str) -> str:
        return example.up("--stack", EXAMPLE, "--config", changed(example, name, change), *words)

    def accounts() -> list[str]:
        found: list[str] = example.vault.list("auth/aws/config/sts")["data"]["keys"]
        return found

    def external_id(account: str) -> str:
        return str(example.vault.read(f"auth/aws/config/sts/{account}")["data"]["external_id"])

    with subtests.test("an account that is added shows no Vault role as replaced"):
        # Though its role is still to be made.
        file = changed(example, "given", an_account_with_a_given_id)
        preview = example.run("preview", "--stack", EXAMPLE, "--config", file, "--json")
        assert preview.returncode == 0, preview.stdout + preview.stderr
        steps = {step["urn"].split("::")[-1]: step["op"] for step in json.loads(preview.stdout)["steps"]}
        assert steps["vault-aws-auth-sts-role-333333333333"] == "create"
        assert "vault-role-vault-role" not in steps, "what stays as it is, is not listed"

    with subtests.test("terraform-provider-vault 1455: nothing of the old account is left in Vault"):
        # The path of the old account was written, or stayed.
        becomes("other", another_account, *ADVISORY)
        assert accounts() == ["333333333333"]
        with pytest.raises(ClientError, match="NoSuchEntity"):
            trust_policy(example)

    # Vault has a session of the account's role for up to an hour: here of one that was deleted meanwhile.
    start_mount_anew(example)
    with subtests.test("hashicorp/vault 8209: a role made anew can log in after a refresh"):
        # Vault pinned the unique ID of the old one, in whatever account.
        becomes("in-full", a_role_in_full)
        assert accounts() == ["222222222222"]
        a_role_made_anew_can_log_in_after_a_refresh(example, "secondary-app")

    with subtests.test("an external ID that the other account chose is kept as a secret"):
        printed = becomes("given", an_account_with_a_given_id)
        kept = external_id("333333333333")
        assert kept == "agreed-on-by-both"
        for told in (printed, example.shell(f"pulumi stack export --stack {EXAMPLE}").stdout):
            assert "vault-aws-auth-sts-role-333333333333" in told
            assert kept not in told

    with subtests.test("several accounts have an external ID each"):
        becomes("two", one_more_account)
        assert len({external_id(account) for account in accounts()}) == 2

    example.up("--stack", EXAMPLE, "--config", str(FILE))
    assert accounts() == ["222222222222"]


def start_mount_anew(sandbox: Sandbox) -> None:
    """The mount forgets its sessions of roles in other accounts."""
    sandbox.vault.write("sys/plugins/reload/backend", mounts="auth/aws/")


def a_role_made_anew_can_log_in_after_a_refresh(sandbox: Sandbox, name: str) -> None:
    def logs_in() -> Any:
        return log_in(sandbox, caller(sandbox, role(name)), VAULT_ROLE, header(sandbox))

    iam = sandbox.aws("iam", "222222222222")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    with pytest.raises(hvac.exceptions.VaultError, match=f'does not belong to the role "{VAULT_ROLE}"'):
        logs_in()
    repaired = sandbox.shell(f"pulumi up --refresh --yes --skip-preview --stack {EXAMPLE} --non-interactive")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert logs_in()["metadata"]["account_id"] == "222222222222"
    pinned = sandbox.vault.read(f"auth/aws/role/{VAULT_ROLE}")["data"]["bound_iam_principal_id"]
    assert pinned == [iam.get_role(RoleName=name)["Role"]["RoleId"]]
