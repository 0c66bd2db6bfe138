"""Scenario E, made by hand as the published guide writes it, comes under a stack without one failed login."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from tests.emulator.world import allow, trust
from tests.sandbox.adopting import (
    ACCOUNT,
    STACK,
    logging_in,
    shows_no_change_but_those_that_were_named,
    takes_it_over,
)
from tests.sandbox.callers import log_in
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.lease import Pool

pytestmark = pytest.mark.xdist_group("enterprise")

ISSUER = "https://vault-issuer.example.com"
HOST = "vault-issuer.example.com/v1/identity/oidc/plugins"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
AUDIENCE = "vault-aws-secrets-test-user"
AUTH, ENGINE = "vault-auth-wif", "vault-aws-secrets-engine-wif"
GET_USER = allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/vault-token-my-role-*")
POLICY = 'path "dev/*" { capabilities = ["read"] }\n'


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


class Estate:
    """An auth method and a secrets engine that are federated, and the issuer of both."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.iam = sandbox, sandbox.aws("iam")

    def make(self) -> None:
        self._shell(
            f"vault write identity/oidc/config issuer={ISSUER}",
            "vault auth enable aws",
            "vault secrets enable -default-lease-ttl=1h -max-lease-ttl=24h aws",
            f"printf %s {shlex.quote(POLICY)} | vault policy write dev -",
        )
        self.iam.create_open_id_connect_provider(
            Url=f"https://{HOST}", ClientIDList=[AUDIENCE], ThumbprintList=["a" * 40]
        )
        # The guide's trust has the audience alone; who knows better has the subject, too.
        self._role(AUTH, {f"{HOST}:aud": AUDIENCE}, allow(["iam:GetUser", "iam:GetRole"]))
        subject = f"plugin-identity:root:secret:{self._accessor()}"
        self._role(ENGINE, {f"{HOST}:aud": AUDIENCE, f"{HOST}:sub": subject}, allow("iam:*"))
        endpoint = self.sandbox.env["AWS_ENDPOINT_URL"]
        endpoints = f"sts_endpoint={endpoint} iam_endpoint={endpoint}"
        federated = f"identity_token_audience={AUDIENCE} identity_token_ttl=3600"
        self._shell(
            f"vault write auth/aws/config/client {federated} role_arn={arn(AUTH)} {endpoints} "
            f"endpoint={endpoint} sts_region=us-east-1 iam_server_id_header_value=vault.example.com",
            "vault write auth/aws/role/dev-role-iam auth_type=iam policies=dev token_max_ttl=1h "
            f"'bound_iam_principal_arn=arn:aws:iam::{ACCOUNT}:user/*'",
            f"vault write aws/config/root {federated} role_arn={arn(ENGINE)} {endpoints} region=us-east-1",
            f"vault write aws/roles/my-role credential_type=iam_user policy_document={shlex.quote(GET_USER)}",
        )
        self.iam.create_user(UserName="somebody")
        self.key = self.iam.create_access_key(UserName="somebody")["AccessKey"]

    def _shell(self, *lines: str) -> None:
        answer = self.sandbox.shell(" && ".join(lines))
        assert answer.returncode == 0, answer.stderr

    def _accessor(self) -> str:
        mounts = self.sandbox.vault.sys.list_mounted_secrets_engines()["data"]
        return str(mounts["aws/"]["accessor"])

    def _role(self, name: str, tests: dict[str, str], policy: str) -> None:
        condition = {"StringEquals": tests}
        trusted = trust({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
        self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)

    def hands_out_credentials(self) -> None:
        answer = self.sandbox.vault.read("aws/creds/my-role")
        assert answer["data"]["access_key"]
        self.sandbox.vault.sys.revoke_lease(answer["lease_id"])

    def seen(self) -> str:
        """What stays its owner's: the issuer, the key, the OIDC provider, the policy."""
        vault = self.sandbox.vault
        paths = ("identity/oidc/config", "identity/oidc/key/default", "sys/policies/acl/dev")
        things: list[Any] = [vault.read(path)["data"] for path in paths]
        found = self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
        return json.dumps([*things, found["ClientIDList"], found["ThumbprintList"]], sort_keys=True)

    def unmake(self) -> None:
        """What the stack has left; it deleted the rest."""
        self.sandbox.vault.sys.delete_policy("dev")
        self._shell("vault write identity/oidc/config issuer=")
        self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
        self.iam.delete_access_key(UserName="somebody", AccessKeyId=self.key["AccessKeyId"])
        self.iam.delete_user(UserName="somebody")


@pytest.mark.timeout(900)
def test_a_federated_estate_is_adopted_without_one_failed_login(
    enterprise_pool: Pool, tmp_path: Path
) -> None:
    with enterprise_pool.lease() as sandbox:
        sandbox.start_with_issuer(ISSUER)
        estate, stack_file = Estate(sandbox), tmp_path / "Pulumi.adopted.yaml"
        estate.make()
        estate.hands_out_credentials()
        before = estate.seen()
        key = Credentials(estate.key["AccessKeyId"], estate.key["SecretAccessKey"])
        callers = {"dev-role-iam": key}
        with logging_in(callers, lambda role, key: log_in(sandbox, key, role)) as (failures, goes_on):
            found = sandbox.json(
                f"vault-aws-auth adopt --json --project {tmp_path} --out {stack_file} --use policies"
            )
            assert found["unread"] == []
            assert found["left"] == []
            takes_it_over(sandbox, stack_file, tmp_path)
            shows_no_change_but_those_that_were_named(
                sandbox, stack_file, found, {"Policy", "RolePolicyAttachment", "Endpoint"}
            )
            sandbox.up("--stack", STACK, "--config", str(stack_file), *ADVISORY, "--no-logins")
            for role in (AUTH, ENGINE):  # the stack has granted what they need
                estate.iam.delete_role_policy(RoleName=role, PolicyName="own")
            goes_on()
            estate.hands_out_credentials()
        assert failures == []
        assert estate.seen() == before
        answer = sandbox.run("down", "--keep")
        assert "The resources in the stack have been deleted" in answer.stdout, answer.stdout + answer.stderr
        assert estate.seen() == before
        estate.unmake()
