"""What is said when AWS refuses Vault's own identity."""

from collections.abc import Iterator

import pytest

from sandbox.plugins.vault import PLUGIN
from sandbox.plugins.vault.permission_errors import missing_permission
from sandbox.plugins.wire import Secret
from tests.plugins.cloud import REGION, Cloud, cloud
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Engine, Refused, engine_for

__all__ = ["cloud"]  # a fixture

AUTH = "vault:index/authBackend:AuthBackend"
CLIENT = "vault:aws/authBackendClient:AuthBackendClient"
ROLE = "vault:aws/authBackendRole:AuthBackendRole"


@pytest.fixture
def engine(vault_server: VaultServer) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"address": vault_server.address, "token": vault_server.token}) as engine:
        yield engine


def test_role_that_vault_may_not_look_up_says_who_lacks_what(
    cloud: Cloud, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_IAM_PATIENCE", "0")
    iam = cloud.client("iam")
    iam.create_user(UserName="vault-without-permissions")
    key = iam.create_access_key(UserName="vault-without-permissions")["AccessKey"]
    mount = engine.create(AUTH, {"type": "aws", "path": "lacking"})
    client = {
        "backend": mount.id,
        "accessKey": Secret(key["AccessKeyId"]),
        "secretKey": Secret(key["SecretAccessKey"]),
        "iamEndpoint": cloud.url,
        "stsEndpoint": cloud.url,
        "stsRegion": REGION,
    }
    engine.create(CLIENT, client)
    role = {"role": "dev", "boundIamPrincipalArns": ["arn:aws:iam::111111111111:role/vault-auth"]}
    with pytest.raises(Refused) as refused:
        engine.create(ROLE, {"backend": mount.id, **role})
    said = str(refused.value)
    assert said.startswith(
        "vault:aws/authBackendRole:AuthBackendRole: the AWS identity that Vault runs as, "
        "arn:aws:iam::111111111111:user/vault-without-permissions, lacks iam:GetRole"
    )
    assert "Allow iam:GetRole in an IAM policy of that identity (`resolve_roles` among the" in said
    assert "Vault said: unable to resolve ARN" in said
    assert key["SecretAccessKey"] not in said
    engine.delete(mount)


def test_role_session_is_shown_with_its_role_and_resource() -> None:
    said = missing_permission(
        "error fetching role: User: arn:aws-cn:sts::111111111111:assumed-role/vault-identity/i-1 "
        "is not authorized to perform: iam:GetRole on resource: role app because no identity-based policy "
        "allows the iam:GetRole action\n\tstatus code: 403"
    )
    assert said
    assert "runs as, role vault-identity of account 111111111111 (session arn:aws-cn:sts::" in said
    assert "lacks iam:GetRole on role app. Allow" in said


def test_role_of_another_account_that_may_not_be_assumed_names_the_trust_policy() -> None:
    said = missing_permission(
        "AccessDenied: User: arn:aws:iam::111111111111:user/vault is not authorized to perform: "
        "sts:AssumeRole on resource: arn:aws:iam::222222222222:role/trust"
    )
    assert said
    assert "lacks sts:AssumeRole on arn:aws:iam::222222222222:role/trust. " in said
    assert "`assume_role_arns`" in said
    assert "trust policy must name that identity too" in said


def test_action_that_no_login_needs_is_shown_without_a_setting() -> None:
    said = missing_permission(
        "User: arn:aws:iam::1:user/v is not authorized to perform: iam:CreateUser on resource: x"
    )
    assert said
    assert "policy of that identity. Vault said" in said


def test_another_refusal_is_left_alone() -> None:
    assert missing_permission("permission denied, on put http://127.0.0.1/v1/auth/aws/role/x") is None
