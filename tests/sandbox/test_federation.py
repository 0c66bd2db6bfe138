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

pytestmark = pytest.mark.xdist_group("federation")

HOST = "vault-issuer.example.com"
ISSUER = f"https://{HOST}/v1/identity/oidc/plugins"
AUDIENCE = "vault-aws-auth"
ROLE = "arn:aws:iam::111111111111:role/vault-identity-wif"
ENGINE_ROLE = "arn:aws:iam::111111111111:role/vault-aws-secrets-engine-wif"
USERS = "arn:aws:iam::111111111111:user/vault-token-*"


@pytest.fixture(scope="module")
def federated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox without any stack: what a stack would declare is written by hand."""
    made = Sandbox(tmp_path_factory.mktemp("federated"))
    try:
        made.start_with_issuer(f"https://{HOST}")
        made.aws("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
        made.vault.write("identity/oidc/config", issuer=f"https://{HOST}")
        made.vault.sys.enable_auth_method("aws", path="aws")
        made.vault.sys.enable_secrets_engine("aws", path="aws")
        _role(made, ROLE, "auth", ["iam:GetRole", "iam:GetUser"], "*")
        engine = [f"iam:{verb}" for verb in (
            "CreateUser", "TagUser", "CreateAccessKey", "PutUserPolicy", "ListGroupsForUser", "DeleteUser",
            "ListUserPolicies", "ListAttachedUserPolicies", "ListAccessKeys", "DeleteAccessKey",
            "DeleteUserPolicy", "GetUser",
        )]  # fmt: skip
        _role(made, ENGINE_ROLE, "secret", engine, USERS)
        yield made
    finally:
        assert made.run("down", "--force").returncode == 0


def _subject(sandbox: Sandbox, kind: str) -> str:
    mounts = sandbox.vault.sys.list_auth_methods() if kind == "auth" else (
        sandbox.vault.sys.list_mounted_secrets_engines()
    )  # fmt: skip
    return f"plugin-identity:root:{kind}:{mounts['data']['aws/']['accessor']}"


def _role(sandbox: Sandbox, arn: str, kind: str, actions: list[str], resource: str) -> None:
    iam, name = sandbox.aws("iam"), arn.rpartition("/")[2]
    url = ISSUER.removeprefix("https://")
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{url}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{url}:aud": AUDIENCE, f"{url}:sub": _subject(sandbox, kind)}},
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
    grant = {"Effect": "Allow", "Action": actions, "Resource": resource}
    iam.put_role_policy(RoleName=name, PolicyName="needs", PolicyDocument=_document(grant))


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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


def _use_federation(sandbox: Sandbox) -> None:
    endpoint = sandbox.env["AWS_ENDPOINT_URL"]
    common = {"sts_endpoint": endpoint, "iam_endpoint": endpoint, "sts_region": "us-east-1"}
    federation = {"identity_token_audience": AUDIENCE, "identity_token_ttl": "1h"}
    sandbox.vault.write("auth/aws/config/client", **common, **federation, role_arn=ROLE)
    names = '{{ printf "vault-token-%s-%s" .PolicyName (random 20) | truncate 64 }}'
    engine = {**common, **federation, "region": "us-east-1", "username_template": names}
    engine["role_arn"] = ENGINE_ROLE
    sandbox.vault.write("aws/config/root", **engine)


# AWS


def test_identity_token_gives_what_is_granted_and_nothing_more(federated: Sandbox) -> None:
    signer = Signer(federated.home / "enterprise")
    credentials = _exchange(federated, signer.token(ISSUER, _subject(federated, "auth"), AUDIENCE, 600))
    iam = federated.aws("iam", **credentials)
    assert iam.get_role(RoleName="vault-identity-wif")["Role"]["Arn"] == ROLE
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


def test_auth_method_works_with_the_federated_role(federated: Sandbox) -> None:
    _use_federation(federated)
    role = {"auth_type": "iam", "bound_iam_principal_arn": ROLE}
    federated.vault.write("auth/aws/role/x", **role)
    unique_id = federated.aws("iam").get_role(RoleName="vault-identity-wif")["Role"]["RoleId"]
    assert federated.vault.read("auth/aws/role/x")["data"]["bound_iam_principal_id"] == [unique_id]


def test_secrets_engine_works_with_a_federated_role_of_its_own(federated: Sandbox) -> None:
    _use_federation(federated)
    may = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": USERS}
    role = {"credential_type": "iam_user", "policy_document": _document(may)}
    federated.vault.write("aws/roles/my-role", **role)
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
    _use_federation(federated)
    for path, arn in (("auth/aws/config/client", ROLE), ("aws/config/root", ENGINE_ROLE)):
        data = federated.vault.read(path)["data"]
        assert data["role_arn"] == arn
        assert data["identity_token_audience"] == AUDIENCE
        assert data["identity_token_ttl"] == 3600
        assert data["sts_endpoint"] == data["iam_endpoint"] == federated.env["AWS_ENDPOINT_URL"]
        assert data["access_key"] == ""


def test_access_key_beside_an_audience_is_refused(federated: Sandbox) -> None:
    _use_federation(federated)
    with pytest.raises(Exception, match="only one of 'access_key' or 'identity_token_audience'"):
        federated.vault.write("auth/aws/config/client", access_key="AKIAX", secret_key="hidden")


def test_writes_are_recorded_without_secrets(federated: Sandbox) -> None:
    _use_federation(federated)
    writes = [line for line in federated.recorded_writes() if line["path"] == "auth/aws/config/client"]
    assert writes[-1]["body"]["role_arn"] == ROLE
    with pytest.raises(Exception, match="only one of"):
        federated.vault.write("auth/aws/config/client", access_key="AKIAX", secret_key="hidden-one")
    federated.vault.write("cubbyhole/x", value="hidden-two")
    text = (federated.home / "enterprise" / "writes.jsonl").read_text()
    assert "hidden" not in text
    assert {"path": "cubbyhole/x", "body": None}.items() <= federated.recorded_writes()[-1].items()


# The whole stack


def test_federation_stack_stands_alone_and_leaves_nothing(another_sandbox: Sandbox) -> None:
    config = ("--stack", "federation", "--config", "examples/federation/Pulumi.federation.yaml")
    assert "stand-in" in another_sandbox.up(*config)
    client = another_sandbox.json("vault read -format=json auth/aws/config/client")["data"]
    assert client["role_arn"] == ROLE
    assert client["access_key"] == ""
    creds = another_sandbox.json("vault read -format=json aws/creds/my-role")["data"]
    key = {"aws_access_key_id": creds["access_key"], "aws_secret_access_key": creds["secret_key"]}
    user = another_sandbox.aws("iam", **key).get_user()["User"]["UserName"]
    assert user.startswith("vault-token-my-role-")
    down = another_sandbox.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "nothing is left" in down.stdout


def test_community_vault_is_told_so_before_anything_is_made(another_sandbox: Sandbox) -> None:
    config = ("--stack", "federation", "--config", "examples/federation/Pulumi.federation.yaml")
    answer = another_sandbox.run("up", *config, "--vault", "community")
    assert answer.returncode == 1
    assert "needs Vault Enterprise" in answer.stdout + answer.stderr
    assert not another_sandbox.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert another_sandbox.run("down").returncode == 0
