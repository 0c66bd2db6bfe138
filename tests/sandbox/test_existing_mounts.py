"""Mounts that another team has made by hand: logins of the stack work in them, and nothing else changes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.secrets_engine.roles import USERNAME_TEMPLATE
from tests.emulator.world import document, trust
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.test_identity_switch import EXISTING, EXISTING_ARN, role_of_others

STACK = "guest"
ARN = "arn:aws:iam::111111111111"
USER = "vault-of-payments"
MAY = document(
    {"Effect": "Allow", "Action": ["iam:GetRole", "iam:GetUser"], "Resource": "*"},
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"{ARN}:role/deploy"},
    {"Effect": "Allow", "Action": "iam:*", "Resource": f"{ARN}:user/vault-*"},
)
TRUST = trust({"AWS": f"{ARN}:root"}, ["sts:AssumeRole", "sts:TagSession"])
DEPLOY = {"deploy": {"credentialType": "assumed_role", "roleArns": [f"{ARN}:role/deploy"]}}
CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:cluster": {"name": "eks1"},
    "vault-aws-auth:vault": {"mount": "existing", "kv": {"shared": {"mount": "existing"}}},
    "vault-aws-auth:secretsEngine": {"mount": "existing", "path": "cloud", "roles": DEPLOY},
    "vault-aws-auth:logins": {
        "api": {"kind": "service-account", "serviceAccounts": ["default/api"], "policies": ["dev"]}
    },
}


def make_foreign(sandbox: Sandbox) -> None:
    """As HashiCorp's guides write it: mounts, their configuration, and what other teams have in them."""
    iam, aws = sandbox.aws("iam"), sandbox.env["AWS_ENDPOINT_URL"]
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="all", PolicyDocument=MAY)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)
    keys = f"access_key={key['AccessKeyId']} secret_key={key['SecretAccessKey']}"
    for command in (
        "vault auth enable -description=payments aws",
        f"vault write auth/aws/config/client {keys} sts_endpoint={aws} sts_region=us-east-1 "
        f"iam_endpoint={aws} iam_server_id_header_value=vault.payments.example.com max_retries=7",
        "vault write auth/aws/config/identity iam_alias=unique_id",
        f"vault write auth/aws/role/billing auth_type=iam bound_iam_principal_arn={ARN}:role/billing "
        "token_policies=billing resolve_aws_unique_ids=false",
        "vault secrets enable -path=shared kv-v2",
        "vault kv put shared/billing password=x",
        "vault secrets enable -path=cloud aws",
        f"vault write cloud/config/root {keys} sts_endpoint={aws} sts_region=us-east-1 iam_endpoint={aws}",
        "vault write cloud/roles/theirs credential_type=iam_user "
        "policy_arns=arn:aws:iam::aws:policy/ReadOnlyAccess",
    ):
        answer = sandbox.shell(command)
        assert answer.returncode == 0, answer.stderr


def foreign(sandbox: Sandbox) -> str:
    """All of it, down to its version and its times."""
    paths = [
        *("sys/auth/aws", "auth/aws/config/client", "auth/aws/config/identity", "auth/aws/role/billing"),
        *("sys/mounts/shared", "shared/data/billing", "shared/metadata/billing"),
        *("sys/mounts/cloud", "cloud/config/root", "cloud/config/lease", "cloud/roles/theirs"),
    ]
    seen = [(sandbox.vault.read(path) or {}).get("data") for path in paths]
    users = sandbox.aws("iam").list_users()["Users"]  # that which the engine has made for them is among these
    return json.dumps([*seen, users], sort_keys=True, default=str)


def take_foreign_away(sandbox: Sandbox) -> None:
    vault, iam = sandbox.vault, sandbox.aws("iam")
    vault.sys.revoke_prefix("cloud/creds")
    vault.sys.disable_auth_method("aws")
    for path in ("shared", "cloud"):
        vault.sys.disable_secrets_engine(path)
    for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=USER, PolicyName="all")
    iam.delete_user(UserName=USER)
    iam.delete_role(RoleName="deploy")


@pytest.mark.timeout(900)
def test_mounts_of_another_are_used_and_left_as_they_were(leased: Sandbox, tmp_path: Path) -> None:
    sandbox, stack_file = leased, tmp_path / f"Pulumi.{STACK}.yaml"
    words = ("--stack", STACK, "--config", str(stack_file), *ADVISORY)

    def write(**changed: Any) -> None:
        config = {**CONFIG, **{f"vault-aws-auth:{key}": value for key, value in changed.items()}}
        stack_file.write_text(yaml.safe_dump({"config": config}))

    make_foreign(sandbox)
    theirs = sandbox.json("vault read -format=json cloud/creds/theirs")["lease_id"]
    before = foreign(sandbox)

    write()
    sandbox.up(*words)
    assert "assumed-role/api/" in sandbox.caller_of("api", STACK)
    outputs = sandbox.json(f"pulumi stack output --json --stack {STACK}")
    assert outputs["vault"]["serverIdHeader"] == "vault.payments.example.com"
    verified = sandbox.shell(f"vault-aws-auth verify --stack {STACK}")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert deploys(sandbox, "cloud")
    assert foreign(sandbox) == before

    printed = sandbox.up(*words, "--no-logins")
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", printed), printed

    with role_of_others(sandbox):
        works_with_the_role_that_vault_finds(sandbox, write, words)
        write()
        sandbox.up(*words, "--no-logins")
    sandbox.run("down", "--keep")
    assert foreign(sandbox) == before
    assert sandbox.vault.sys.read_lease(theirs)["data"]["id"] == theirs
    take_foreign_away(sandbox)


def works_with_the_role_that_vault_finds(sandbox: Sandbox, write: Any, words: tuple[str, ...]) -> None:
    """An engine of the stack's own, without a key: with the role of Vault's pod, which its owner has made."""
    write(vaultIdentity=EXISTING, secretsEngine={"kind": "existing", "roles": DEPLOY})
    sandbox.up(*words, "--no-logins")
    root = sandbox.vault.read("aws/config/root")["data"]
    assert not root["access_key"]
    assert not root["role_arn"]
    assert root["username_template"] == USERNAME_TEMPLATE  # by which its permissions go
    assert deploys(sandbox, "aws")
    attached = sandbox.aws("iam").list_attached_role_policies(RoleName=EXISTING_ARN.rpartition("/")[2])
    assert {each["PolicyName"] for each in attached["AttachedPolicies"]} == {
        "vault-of-others-vault-auth-policy",
        "vault-of-others-aws-secrets-engine-policy",
    }


def deploys(sandbox: Sandbox, engine: str) -> bool:
    """Whether the engine hands out a session of the role."""
    given = sandbox.json(f"vault read -format=json {engine}/sts/deploy")["data"]
    return str(given["arn"]).startswith("arn:aws:sts::111111111111:assumed-role/deploy/")
