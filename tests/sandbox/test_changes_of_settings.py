"""Every change of a setting that docs/operations.md lists, on a live stack: there, and back again.

Vault's identity of another kind, and the method of a login, are changed in `test_identity_switch`.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.lease import Pool

OTHER = "222222222222"
BOUNDARY = "arn:aws:iam::aws:policy/AdministratorAccess"
ISSUER = "https://vault-issuer.example.com"
READER = {"credentialType": "iam_user", "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}
SESSIONS = {"credentialType": "federation_token", "policyArns": READER["policyArns"], "defaultStsTtl": "15m"}

Settings = dict[str, dict[str, Any]]

SETTINGS: Settings = {
    "cluster": {"name": "eks1", "nodeGroups": {"workers": {}}},
    "vault": {"serverIdHeader": "vault.example.com", "kv": {"team": {"protect": False}}},
    "vaultIdentity": {"kind": "user"},
    "accounts": {OTHER: {"allLookups": True}},
    "secretsEngine": {"kind": "user", "roles": {"reader": READER}},
    "logins": {"api": {"kind": "service-account", "serviceAccounts": ["default/api"], "policies": ["dev"]}},
}


def users(sandbox: Sandbox) -> list[str]:
    """The IAM users that the stack makes."""
    names = [user["UserName"] for user in sandbox.aws("iam").list_users()["Users"]]
    return sorted(name for name in names if name.startswith(("vault-", "engine-")))


def access_keys(sandbox: Sandbox) -> set[str]:
    """The IDs of their keys."""
    lists = [sandbox.aws("iam").list_access_keys(UserName=name) for name in users(sandbox)]
    return {key["AccessKeyId"] for each in lists for key in each["AccessKeyMetadata"]}


class Live:
    """A stack that runs, and its settings."""

    def __init__(self, sandbox: Sandbox, folder: Path, settings: Settings) -> None:
        self.sandbox, self.file, self.settings = sandbox, folder / "live.yaml", settings
        self.words = ("--stack", "live", *ADVISORY, "--config", str(self.file))
        self.to(settings)

    def to(self, settings: Settings) -> str:
        """Brings them up; every login logs in, and a second run finds nothing to do."""
        sections = {f"vault-aws-auth:{key}": value for key, value in settings.items()}
        account = {"aws:region": "us-east-1", "vault-aws-auth:accountId": "111111111111"}
        self.file.write_text(yaml.safe_dump({"config": {**account, **sections}}))
        printed = self.sandbox.up(*self.words)
        answer = self.sandbox.run("preview", *self.words, "--json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert json.loads(answer.stdout)["changeSummary"].keys() == {"same"}
        return printed

    def changed(self, **sections: dict[str, Any]) -> Settings:
        """The settings with some of their keys changed, by section; `api` is the login."""
        settings = copy.deepcopy(self.settings)
        for section, values in sections.items():
            (settings["logins"]["api"] if section == "api" else settings[section]).update(values)
        return settings

    def names(self) -> dict[str, Any]:
        """What is called somehow, in Vault and in AWS."""
        iam, vault = self.sandbox.aws("iam"), self.sandbox.vault
        methods, engines = vault.sys.list_auth_methods(), vault.sys.list_mounted_secrets_engines()
        (path,) = [where for where, mount in methods["data"].items() if mount["type"] == "aws"]
        return {
            "mount": path,
            "engine": [where for where, mount in engines["data"].items() if mount["type"] == "aws"],
            "header": vault.read(f"auth/{path}config/client")["data"]["iam_server_id_header_value"],
            "roles": vault.list(f"auth/{path}role")["data"]["keys"],
            "users": users(self.sandbox),
            "iam": [r["RoleName"] for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("api")],
        }


AS_THEY_WERE = {
    "mount": "aws/",
    "engine": ["aws/"],
    "header": "vault.example.com",
    "roles": ["api"],
    "users": ["vault-auth", "vault-aws-secrets-engine"],
    "iam": ["api"],
}


def credentials(sandbox: Sandbox, path: str, role: str) -> dict[str, Any]:
    """What the secrets engine hands out; its lease is given back."""
    given = sandbox.vault.read(f"{path}/creds/{role}")
    sandbox.vault.sys.revoke_lease(given["lease_id"])
    found: dict[str, Any] = given["data"]
    return found


@pytest.mark.timeout(900)
def test_names_change_there_and_back(leased: Sandbox, tmp_path: Path) -> None:
    sandbox = leased
    live = Live(sandbox, tmp_path, SETTINGS)
    assert live.names() == AS_THEY_WERE
    keys = access_keys(sandbox)

    # What is in AWS: the users have keys of their own, and no old one is alive.
    live.to(
        live.changed(
            cluster={"nodeGroups": {"workers": {"roleName": "workers-2", "instanceTypes": ["t3.large"]}}},
            vaultIdentity={"userName": "vault-2", "policyName": "vault-2", "permissionsBoundary": BOUNDARY},
            accounts={
                OTHER: {
                    "allLookups": True,
                    "roleName": "look-up-2",
                    "policyName": "look-up-2",
                    "externalId": "chosen-2",
                }
            },
            secretsEngine={
                "userName": "engine-2",
                "policyName": "engine-2",
                "defaultLeaseTtl": "30m",
                "roles": {"reader": {**READER, "permissionsBoundary": BOUNDARY, "tags": {"a": "1"}}},
            },
            api={"iamRoleName": "api-2", "maxSessionDuration": "2h", "vaultLookups": True},
        )
    )
    assert live.names() == {**AS_THEY_WERE, "users": ["engine-2", "vault-2"], "iam": ["api-2"]}
    assert not keys & access_keys(sandbox)
    assert credentials(sandbox, "aws", "reader")["access_key"]

    # What is in Vault, with the rest back.
    live.to(
        live.changed(
            cluster={"podIdentityAgent": True, "logTypes": ["api"], "tags": {"a": "1"}},
            vault={
                "mountPath": "team/aws",
                "serverIdHeader": "vault-2.example.com",
                "identityAlias": "unique_id",
                "kv": {"other": {"protect": False}},
            },
            secretsEngine={"path": "cloud"},
            api={"vaultRole": "api-3", "ttl": "15m", "serviceAccounts": ["default/api", "default/api-3"]},
        )
    )
    elsewhere = {
        "mount": "team/aws/",
        "engine": ["cloud/"],
        "header": "vault-2.example.com",
        "roles": ["api-3"],
    }
    assert live.names() == {**AS_THEY_WERE, **elsewhere}
    assert credentials(sandbox, "cloud", "reader")["access_key"]

    # All at once, back; with credentials of another kind.
    settings = live.changed(api={"iamRoleName": "api-4"}, secretsEngine={"roles": {"reader": SESSIONS}})
    live.to(settings)
    assert live.names() == {**AS_THEY_WERE, "iam": ["api-4"]}
    assert credentials(sandbox, "aws", "reader")["session_token"]
    live.to(SETTINGS)
    assert live.names() == AS_THEY_WERE
    account: Any = sandbox.kubernetes.read_namespaced_service_account("api", "default")
    assert account.metadata.annotations["eks.amazonaws.com/role-arn"].endswith(":role/api")

    # A login under another key, with the names that it had: its tokens live on.
    role = sandbox.aws("iam").get_role(RoleName="api")["Role"]["RoleId"]
    pod = assume_with_token(sandbox, sandbox.token("api"), "arn:aws:iam::111111111111:role/api")
    accessor = log_in(sandbox, pod, "api")["accessor"]
    login = {**SETTINGS["logins"]["api"], "vaultRole": "api", "iamRoleName": "api"}
    live.to({**SETTINGS, "logins": {"renamed": login}})
    assert live.names() == AS_THEY_WERE
    assert sandbox.aws("iam").get_role(RoleName="api")["Role"]["RoleId"] == role
    sandbox.vault.auth.token.renew_accessor(accessor)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("enterprise")
def test_auth_method_and_secrets_engine_leave_federation_and_come_back(
    enterprise_pool: Pool, tmp_path: Path
) -> None:
    """The provider takes neither a signing key off a mount nor a federated role off an engine."""
    federated: Settings = {
        "vault": SETTINGS["vault"],
        "federation": {"issuer": ISSUER},
        "vaultIdentity": {"kind": "federation", "allLookups": True},  # as no login is declared
        "secretsEngine": {"kind": "federation", "roles": {"reader": READER}},
    }
    with enterprise_pool.lease() as sandbox:
        sandbox.start_with_issuer(ISSUER)
        live = Live(sandbox, tmp_path, federated)
        with_keys = {key: value for key, value in SETTINGS.items() if key not in ("cluster", "logins")}
        with_keys["vaultIdentity"] = {"kind": "user", "allLookups": True}
        live.to(with_keys)
        assert sandbox.vault.list("identity/oidc/key")["data"]["keys"] == ["default"]
        for path in ("aws/config/root", "auth/aws/config/client"):
            config = sandbox.vault.read(path)["data"]
            assert (bool(config["access_key"]), config["role_arn"]) == (True, "")
        assert credentials(sandbox, "aws", "reader")["access_key"]
        # Back, with every name another; and those change, too.
        roles = {"vaultIdentity": "vault-2", "secretsEngine": "engine-2"}
        renamed: Settings = {
            **federated,
            "federation": {"issuer": ISSUER, "keyName": "signer-2"},
            **{
                section: {**federated[section], "roleName": name, "audience": name, "tokenTtl": "30m"}
                for section, name in roles.items()
            },
        }
        for settings, key in ((renamed, "signer-2"), (federated, "vault-aws-auth")):
            live.to(settings)
            assert sandbox.vault.list("identity/oidc/key")["data"]["keys"] == sorted(["default", key])
            for path in ("aws/config/root", "auth/aws/config/client"):
                config = sandbox.vault.read(path)["data"]
                assert (config["access_key"], bool(config["role_arn"])) == ("", True)
            assert credentials(sandbox, "aws", "reader")["access_key"]
