"""Estates of Vault Enterprise, and AWS secrets engines: what is declared of them, and what is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cli.adopt.estate import Engine, Estate, Role
from cli.adopt.plan import Kind, Plan
from components import trust
from components.secrets_engine.roles import USERNAME_TEMPLATE
from tests.unit.test_adopt import ACCOUNT, adopted, arn, estate, iam_role, said, vault_role

HOST = "vault-issuer.example.com/v1/identity/oidc/plugins"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
AUDIENCE = "vault-aws-secrets-test-user"
GET_USER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}],
}
USERS = {
    "credential_type": "iam_user",
    "policy_document": json.dumps(GET_USER),
    "policy_arns": [],
    "role_arns": [],
    "iam_groups": [],
    "iam_tags": {},
    "session_tags": {},
    "default_sts_ttl": 0,
    "max_sts_ttl": 0,
    "user_path": "/",
    "permissions_boundary_arn": "",
    "external_id": "",
    "mfa_serial_number": "",
}
"""A role of the engine, as Vault shows it."""

ENGINE = "vault-aws-auth:secretsEngine"


def trusted(*, subject: str = "", **more: Any) -> dict[str, Any]:
    """What the published guide writes: the audience alone, unless a subject is given."""
    tests = {f"{HOST}:aud": AUDIENCE, **({f"{HOST}:sub": subject} if subject else {})}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": tests},
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **more}]}


def engine(roles: dict[str, dict[str, Any]] | None = None, *, path: str = "aws", **root: Any) -> Engine:
    federated = {"role_arn": arn("engine-wif"), "identity_token_audience": AUDIENCE, "max_retries": -1}
    federated |= {"identity_token_ttl": 3600, "region": "us-east-1", "username_template": "vault-{{.}}"}
    whole = {**federated, **root}
    return Engine(path, "aws_1", False, "default", 3600, 86400, whole, {}, roles or {"my-role": USERS})


def federated(*engines: Engine, roles: tuple[Role, ...] = (), **more: Any) -> Estate:
    """Scenario E: a client config and an engine that are federated, each with a role of its own."""
    found = estate(
        {"users": vault_role(arn("*", kind="user"))},
        iam_role("auth-wif", trusted()),
        iam_role("engine-wif", trusted(), inline=["all"]),
        *roles,
        client={"role_arn": arn("auth-wif"), "identity_token_audience": AUDIENCE, "identity_token_ttl": 3600},
    )
    mount = replace(found.vault.mount, accessor="auth_aws_1")
    vault = replace(
        found.vault, mount=mount, engines=engines, issuer="https://vault-issuer.example.com", **more
    )
    account = replace(found.accounts[ACCOUNT], oidc_providers={PROVIDER: [AUDIENCE]})
    return replace(found, vault=vault, accounts={**found.accounts, ACCOUNT: account})


def section(plan: Plan, name: str) -> Any:
    return plan.config[f"vault-aws-auth:{name}"]


def test_a_federated_mount_and_engine_come_under_the_stack_and_their_issuer_does_not() -> None:
    plan = adopted(federated(engine()))
    assert not plan.of(Kind.UNREAD)
    assert PROVIDER not in said(plan, Kind.LEFT)
    assert "mount" not in section(plan, "vault")
    assert section(plan, "federation") == {
        "existing": True,
        "issuer": "https://vault-issuer.example.com",
        "keyName": "default",
    }
    assert section(plan, "vaultIdentity") == {
        "kind": "federation",
        "roleName": "auth-wif",
        "audience": AUDIENCE,
        "policyName": "auth-wif-vault-aws-auth",
    }
    assert section(plan, "secretsEngine") == {
        "kind": "federation",
        "roleName": "engine-wif",
        "audience": AUDIENCE,
        "policyName": "engine-wif-vault-aws-auth",
        "path": "aws",
        "defaultLeaseTtl": "1h",
        "maxLeaseTtl": "24h",
        "roles": {"my-role": {"credentialType": "iam_user", "policyDocument": GET_USER}},
    }
    told = said(plan, Kind.CHANGES)
    for words in (
        "trusts plugin-identity:root:auth:auth_aws_1 with the audience",
        "trusts plugin-identity:root:secret:aws_1 with the audience",
        "username_template is this project's",
        "its own policies (all) stay",
    ):
        assert words in told


def test_a_trust_that_is_the_stacks_own_is_no_change() -> None:
    found = federated(engine(username_template=USERNAME_TEMPLATE, sts_endpoint=None))
    role = iam_role("auth-wif", trusted(subject=trust.plugin_subject("root", "auth", "auth_aws_1")))
    account = found.accounts[ACCOUNT]
    account = replace(account, roles={**account.roles, role.arn: role})
    told = said(adopted(replace(found, accounts={**found.accounts, ACCOUNT: account})), Kind.CHANGES)
    assert "plugin-identity:root:auth" not in told
    assert "username_template" not in told


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"issuer": ""}, "the issuer of its tokens is not written"),
        ({"issuer": "https://other.example.com"}, "other.example.com/v1/identity/oidc/plugins is not there"),
        ({"namespace": "team", "namespace_id": ""}, "the ID of its namespace"),
    ],
)
def test_a_federated_mount_whose_issuer_is_not_known_is_used_as_it_is(
    changed: dict[str, Any], words: str
) -> None:
    found = federated()
    plan = adopted(replace(found, vault=replace(found.vault, **changed)))
    assert section(plan, "vault")["mount"] == "existing"
    assert words in said(plan, Kind.CHOSEN)
    assert "vault-aws-auth:federation" not in plan.config


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (iam_role("auth-wif", trusted(Principal={"Federated": PROVIDER, "AWS": "*"})), "trusts more"),
        (iam_role("auth-wif", trusted(Condition={"StringLike": {"aws:SourceIp": "*"}})), "trusts more"),
        (iam_role("auth-wif", trusted(), tags={"ManagedBy": "terraform"}), "made by what its tag"),
        (iam_role("other", trusted()), "is not one of the stack's account"),
    ],
)
def test_a_federated_mount_whose_role_is_more_than_its_own_is_used_as_it_is(role: Role, words: str) -> None:
    found = federated()
    account = found.accounts[ACCOUNT]
    roles = {name: it for name, it in account.roles.items() if name != arn("auth-wif")}
    account = replace(account, roles={**roles, role.arn: role})
    plan = adopted(replace(found, accounts={**found.accounts, ACCOUNT: account}))
    assert section(plan, "vault")["mount"] == "existing"
    assert words in said(plan, Kind.CHOSEN)


def test_one_role_of_a_mount_and_an_engine_stays_its_owners() -> None:
    plan = adopted(federated(engine(role_arn=arn("auth-wif"))))
    assert section(plan, "vault")["mount"] == "existing"
    assert section(plan, "secretsEngine")["mount"] == "existing"
    assert "which another mount has, too" in said(plan, Kind.CHOSEN)


# Engines that are not federated


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ({"access_key": "AKIA1"}, "an access key, whose secret only Vault knows"),
        ({}, "what Vault finds around it"),
    ],
)
def test_an_engine_with_an_identity_that_cannot_be_taken_is_used_as_it_is(
    root: dict[str, Any], words: str
) -> None:
    found = federated(engine(role_arn="", identity_token_audience="", **root))
    plan = adopted(found)
    assert section(plan, "secretsEngine") == {
        "mount": "existing",
        "path": "aws",
        "roles": {"my-role": {"credentialType": "iam_user", "policyDocument": GET_USER}},
    }
    assert words in said(plan, Kind.CHOSEN)
    assert "its leases (1h, at most 24h)" in said(plan, Kind.CHOSEN)


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ({"sts_fallback_regions": ["us-west-2"]}, "config/root has sts_fallback_regions"),
        ({"max_retries": 3}, "max_retries"),
        ({"region": "eu-west-1"}, "its region is eu-west-1"),
        ({"iam_endpoint": "https://iam.example.com"}, "is not that of the auth mount"),
    ],
)
def test_an_engine_that_a_write_would_change_is_used_as_it_is(root: dict[str, Any], words: str) -> None:
    plan = adopted(federated(engine(**root)))
    assert "mount" not in section(plan, "vault")
    assert section(plan, "secretsEngine")["mount"] == "existing"
    assert words in said(plan, Kind.CHOSEN)


def test_what_no_role_of_an_engine_can_be_is_told() -> None:
    assumed = {"credential_type": "assumed_role", "role_arns": [arn("deploy")]}
    found = federated(
        engine(
            {
                "good": USERS,
                "deploy": {**USERS, **assumed, "policy_document": "", "default_sts_ttl": 900},
                "groups": {**USERS, "iam_groups": ["admins"]},
                "session": {**USERS, "credential_type": "session_token"},
                "gone": {**USERS, "policy_arns": [arn("gone", kind="policy")]},
                "long": {**USERS, **assumed, "policy_document": "", "default_sts_ttl": 36000},
                "token": {**USERS, "credential_type": "federation_token"},
            }
        ),
        replace(engine(path="aws-eu"), static_roles=["rotating"]),
    )
    plan = adopted(found)
    assert section(plan, "secretsEngine")["roles"]["deploy"] == {
        "credentialType": "assumed_role",
        "roleArns": [arn("deploy")],
        "defaultStsTtl": "15m",
    }
    told = {it.about: it.text for it in plan.of(Kind.LEFT)}
    assert "iam_groups" in told["aws/roles/groups"]
    assert "session_token" in told["aws/roles/session"]
    assert "which is gone" in told["aws/roles/gone"]
    assert "one role assumes another" in told["aws/roles/long"]
    assert "IAM users alone" in told["aws/roles/token"]
    assert "a stack has one: that is aws" in told["aws-eu"]
    assert "static role" in told["aws-eu/static-roles/rotating"]
