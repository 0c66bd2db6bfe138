"""Workload identity federation: AWS for real through the shipped reverse proxy, Vault by its stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.enterprise.issuer import Signer
from tests.sandbox.kit import Sandbox
from tests.sandbox.lease import Pool

pytestmark = pytest.mark.xdist_group("enterprise")

HOST = "vault-issuer.example.com"
ISSUER = f"https://{HOST}/v1/identity/oidc/plugins"
AUDIENCE, ENGINE_AUDIENCE = "vault-aws-auth", "vault-aws-secrets-test-user"
ROLE = "arn:aws:iam::111111111111:role/vault-identity-wif"
ENGINE_ROLE = "arn:aws:iam::111111111111:role/vault-aws-secrets-engine-wif"
FILE = "examples/federation/Pulumi.federation.yaml"


@pytest.fixture(scope="module")
def federated(enterprise_pool: Pool) -> Iterator[Sandbox]:
    """The example, brought up alone; nothing of it is left afterwards."""
    with enterprise_pool.lease() as lent:
        lent.first_up = lent.up_as_on_aws("--stack", "federation", "--config", FILE)
        yield lent


@pytest.fixture
def user(federated: Sandbox) -> Iterator[str]:
    """An IAM user, which Vault's identity may look up: the example's login is for users."""
    federated.aws("iam").create_user(UserName="somebody")
    yield "somebody"
    federated.aws("iam").delete_user(UserName="somebody")


def _subject(sandbox: Sandbox, kind: str) -> str:
    mounts = sandbox.vault.sys.list_auth_methods() if kind == "auth" else (
        sandbox.vault.sys.list_mounted_secrets_engines()
    )  # fmt: skip
    return f"plugin-identity:root:{kind}:{mounts['data']['aws/']['accessor']}"


def _exchange(sandbox: Sandbox, token: str) -> dict[str, str]:
    connect: Any = boto3.client
    sts = connect(
        "sts",
        endpoint_url=sandbox.env["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    given = sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="test", WebIdentityToken=token)
    return {
        "aws_access_key_id": given["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": given["Credentials"]["SecretAccessKey"],
        "aws_session_token": given["Credentials"]["SessionToken"],
    }


def _ask(sandbox: Sandbox, path: str, method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
    """A request of the issuer's host, as anybody in the internet can send it."""
    port = json.loads((sandbox.home / "ports.json").read_text())["issuer"]
    authority = sandbox.env["VAULT_CACERT"]
    pool = urllib3.HTTPSConnectionPool(
        "127.0.0.1", port, server_hostname=HOST, assert_hostname=HOST, ca_certs=authority
    )
    return pool.urlopen(method, path, headers={"Host": HOST, **headers}, redirect=False, retries=False)


# AWS


def test_identity_token_gives_what_is_granted_and_nothing_more(federated: Sandbox, user: str) -> None:
    signer = Signer(federated.home / "enterprise")
    credentials = _exchange(federated, signer.token(ISSUER, _subject(federated, "auth"), AUDIENCE, 600))
    iam = federated.aws("iam", **credentials)
    assert iam.get_user(UserName=user)["User"]["UserName"] == user
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_user(UserName="vault-token-x")


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"audience": "another"}, "Incorrect token audience"),
        ({"subject": "plugin-identity:root:auth:auth_aws_00000000"}, "Not authorized"),
        ({"subject": "plugin-identity:other:auth:{accessor}"}, "Not authorized"),
        ({"subject": "plugin-identity:root:secret:{accessor}"}, "Not authorized"),
        ({"issuer": f"https://{HOST}/v1/team-a/identity/oidc/plugins"}, "No OpenIDConnect provider"),
    ],
    ids=["audience", "mount", "namespace", "kind of mount", "issuer"],
)
def test_identity_token_of_another_origin_is_refused(
    federated: Sandbox, changed: dict[str, str], refusal: str
) -> None:
    subject = _subject(federated, "auth")
    right = {"issuer": ISSUER, "subject": subject, "audience": AUDIENCE}
    accessor = subject.rpartition(":")[2]
    claims = right | {name: value.replace("{accessor}", accessor) for name, value in changed.items()}
    with pytest.raises(ClientError, match=refusal):
        _exchange(federated, Signer(federated.home / "enterprise").token(**claims, seconds=600))


def test_identity_token_signed_with_another_key_is_refused(federated: Sandbox, tmp_path: Path) -> None:
    forged = Signer(tmp_path).token(ISSUER, _subject(federated, "auth"), AUDIENCE, 600)
    with pytest.raises(ClientError, match="signature"):
        _exchange(federated, forged)


# The reverse proxy


def test_issuer_publishes_its_two_documents(federated: Sandbox) -> None:
    path = "/v1/identity/oidc/plugins/.well-known"
    discovery = _ask(federated, f"{path}/openid-configuration").json()
    assert discovery["issuer"] == ISSUER
    assert discovery["jwks_uri"] == f"{ISSUER}/.well-known/keys"
    (key,) = _ask(federated, f"{path}/keys").json()["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg", "key_ops"}
    assert _ask(federated, f"{path}/keys", "HEAD").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/sys/health",
        "/v1/identity/oidc/.well-known/keys",
        "/v1/identity/oidc/plugins/.well-known/keys/x",
        "/v1/team-a/identity/oidc/plugins/.well-known/keys",
        "/v1/identity/oidc/plugins/.well-known/../../../../sys/health",
        "/v1/identity/oidc/plugins/.well-known/keys/..%2f..%2f..%2f..%2f..%2fsys/health",
    ],
)
def test_issuer_hides_the_rest_of_vault(federated: Sandbox, path: str) -> None:
    token = federated.env["VAULT_TOKEN"]
    assert _ask(federated, path, **{"X-Vault-Token": token}).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "LIST", "OPTIONS"])
def test_issuer_is_only_read(federated: Sandbox, method: str) -> None:
    assert _ask(federated, "/v1/identity/oidc/plugins/.well-known/keys", method).status == 404


def test_issuer_leaves_the_callers_namespace_behind(federated: Sandbox) -> None:
    """Headers that Vault heeds do not reach it: with this one the stand-in would say 404."""
    path = "/v1/identity/oidc/plugins/.well-known/keys"
    assert _ask(federated, path, **{"X-Vault-Namespace": "elsewhere"}).status == 200


# Vault


def test_vault_is_enterprise_to_everybody(federated: Sandbox) -> None:
    health = federated.json("curl -s --cacert $VAULT_CACERT $VAULT_ADDR/v1/sys/health")
    assert health["enterprise"] is True
    assert health["version"].endswith("+ent")


def test_health_can_be_asked_of_the_root_namespace_alone(federated: Sandbox) -> None:
    federated.vault.write("sys/namespaces/team-h")
    try:
        for asked in ("-H 'X-Vault-Namespace: team-h' $VAULT_ADDR/v1", "$VAULT_ADDR/v1/team-h"):
            answer = federated.json(f"curl -s --cacert $VAULT_CACERT {asked}/sys/health")
            assert answer == {"errors": ["unsupported path"]}
    finally:
        federated.vault.delete("sys/namespaces/team-h")


def test_auth_method_works_with_the_federated_role(federated: Sandbox, user: str) -> None:
    arn = f"arn:aws:iam::111111111111:user/{user}"
    federated.vault.write("auth/aws/role/x", auth_type="iam", bound_iam_principal_arn=arn)
    unique_id = federated.aws("iam").get_user(UserName=user)["User"]["UserId"]
    assert federated.vault.read("auth/aws/role/x")["data"]["bound_iam_principal_id"] == [unique_id]
    federated.vault.delete("auth/aws/role/x")


def test_secrets_engine_works_with_a_federated_role_of_its_own(federated: Sandbox) -> None:
    answer = federated.vault.read("aws/creds/my-role")
    key = {
        "aws_access_key_id": answer["data"]["access_key"],
        "aws_secret_access_key": answer["data"]["secret_key"],
    }
    name = federated.aws("iam", **key).get_user()["User"]["UserName"]
    assert name.startswith("vault-token-my-role-")
    federated.vault.sys.revoke_lease(answer["lease_id"])
    with pytest.raises(ClientError, match="NoSuchEntity"):
        federated.aws("iam").get_user(UserName=name)


def test_configuration_reads_as_it_was_written(federated: Sandbox) -> None:
    for path, arn, audience in (
        ("auth/aws/config/client", ROLE, AUDIENCE),
        ("aws/config/root", ENGINE_ROLE, ENGINE_AUDIENCE),
    ):
        data = federated.vault.read(path)["data"]
        assert data["role_arn"] == arn
        assert data["identity_token_audience"] == audience
        assert data["identity_token_ttl"] == 3600
        assert data["sts_endpoint"] == data["iam_endpoint"] == federated.env["AWS_ENDPOINT_URL"]
        assert data["access_key"] == ""


def test_access_key_beside_an_audience_is_refused(federated: Sandbox) -> None:
    with pytest.raises(Exception, match="only one of 'access_key' or 'identity_token_audience'"):
        federated.vault.write("auth/aws/config/client", access_key="AKIAX", secret_key="hidden")


def test_writes_are_recorded_without_secrets(federated: Sandbox) -> None:
    writes = [line for line in federated.recorded_writes() if line["path"] == "auth/aws/config/client"]
    assert ROLE in [line["body"].get("role_arn") for line in writes if line["body"]]
    with pytest.raises(Exception, match="only one of"):
        federated.vault.write("auth/aws/config/client", access_key="AKIAX", secret_key="hidden-one")
    federated.vault.write("cubbyhole/x", value="hidden-two")
    text = (federated.home / "enterprise" / "writes.jsonl").read_text()
    assert "hidden" not in text
    assert {"path": "cubbyhole/x", "body": None}.items() <= federated.recorded_writes()[-1].items()


# The whole stack; that nothing of it is left, `federated` proves


def test_the_stack_asks_for_the_stand_in_by_itself(federated: Sandbox) -> None:
    assert "stand-in" in federated.first_up


def test_credentials_that_live_are_gone_with_the_stack(federated: Sandbox) -> None:
    """`down` would tell of their user; nobody revokes them here."""
    creds = federated.json("vault read -format=json aws/creds/my-role")["data"]
    key = {"aws_access_key_id": creds["access_key"], "aws_secret_access_key": creds["secret_key"]}
    name = federated.aws("iam", **key).get_user()["User"]["UserName"]
    assert name.startswith("vault-token-my-role-")


def test_community_vault_is_told_so_before_anything_is_made(leased: Sandbox) -> None:
    answer = leased.run("up", "--stack", "federation", "--config", FILE, "--vault", "community")
    assert answer.returncode == 1
    assert "needs Vault Enterprise" in answer.stdout + answer.stderr
    assert not leased.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
