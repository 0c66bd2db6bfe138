"""Every wrong caller is turned away, by AWS or by Vault, where it would be in production."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hvac
import jwt
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from kubernetes import client as kubernetes

from tests.sandbox.callers import a_node, assume_with_token, log_in, node_session, session, trust
from tests.sandbox.kit import Sandbox


@contextmanager
def service_account(sandbox: Sandbox, name: str, namespace: str = "default") -> Iterator[None]:
    if namespace != "default":
        sandbox.kubernetes.create_namespace(
            kubernetes.V1Namespace(metadata=kubernetes.V1ObjectMeta(name=namespace))
        )
    sandbox.kubernetes.create_namespaced_service_account(
        namespace, kubernetes.V1ServiceAccount(metadata=kubernetes.V1ObjectMeta(name=name))
    )
    try:
        yield
    finally:
        sandbox.kubernetes.delete_namespaced_service_account(name, namespace)
        if namespace != "default":
            sandbox.kubernetes.delete_namespace(namespace)


def refused_by_aws(sandbox: Sandbox, token: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        assume_with_token(sandbox, token)
    assert caught.value.response["Error"]["Code"] == code


def forged(sandbox: Sandbox, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
    """A token like the pod's own with some claims changed, signed by the cluster's key or by another."""
    genuine = sandbox.token("vault-auth")
    content = {**jwt.decode(genuine, options={"verify_signature": False}), **claims}
    signer = key or (sandbox.home / "pki" / "service-account.key").read_text()
    return jwt.encode(content, signer, "RS256", headers={"kid": jwt.get_unverified_header(genuine)["kid"]})


def test_the_right_pod_logs_in(sandbox: Sandbox) -> None:
    auth = log_in(sandbox, assume_with_token(sandbox, sandbox.token("vault-auth")), "dev-role-iam2")
    assert auth["token_policies"] == ["default", "dev"]
    assert auth["metadata"]["account_id"] == "111111111111"


def test_a_token_made_with_the_clusters_key_passes(sandbox: Sandbox) -> None:
    """The refusals below change one thing each in this token; unchanged, it must work."""
    assume_with_token(sandbox, forged(sandbox))


def test_another_service_account_is_refused_by_aws(sandbox: Sandbox) -> None:
    with service_account(sandbox, "somebody-else"):
        refused_by_aws(sandbox, sandbox.token("somebody-else"), "AccessDenied")


def test_the_same_name_in_another_namespace_is_refused_by_aws(sandbox: Sandbox) -> None:
    with service_account(sandbox, "vault-auth", "elsewhere"):
        refused_by_aws(sandbox, sandbox.token("vault-auth", "elsewhere"), "AccessDenied")


def test_the_default_service_account_is_refused_by_aws(sandbox: Sandbox) -> None:
    refused_by_aws(sandbox, sandbox.token("default"), "AccessDenied")


def test_a_token_for_another_audience_is_refused_by_aws(sandbox: Sandbox) -> None:
    refused_by_aws(sandbox, sandbox.token("vault-auth", audience="vault"), "InvalidIdentityToken")


def test_a_token_of_another_issuer_is_refused_by_aws(sandbox: Sandbox) -> None:
    other = "https://oidc.eks.us-east-1.amazonaws.com/id/" + "0" * 32
    refused_by_aws(sandbox, forged(sandbox, iss=other), "InvalidIdentityToken")


def test_an_expired_token_is_refused_by_aws(sandbox: Sandbox) -> None:
    past = int(datetime.datetime.now().timestamp()) - 60
    refused_by_aws(
        sandbox, forged(sandbox, exp=past, iat=past - 600, nbf=past - 600), "ExpiredTokenException"
    )


def test_a_token_signed_by_another_key_is_refused_by_aws(sandbox: Sandbox) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused_by_aws(sandbox, forged(sandbox, key=stranger), "InvalidIdentityToken")


def test_a_tampered_token_is_refused_by_aws(sandbox: Sandbox) -> None:
    header, payload, signature = forged(sandbox).split(".")
    middle = len(signature) // 2
    changed = signature[:middle] + ("A" if signature[middle] != "A" else "B") + signature[middle + 1 :]
    refused_by_aws(sandbox, f"{header}.{payload}.{changed}", "InvalidIdentityToken")


def test_a_vault_role_bound_to_another_arn_is_refused_by_vault(sandbox: Sandbox) -> None:
    iam = sandbox.aws("iam")
    other = iam.create_role(RoleName="somebody-else", AssumeRolePolicyDocument=trust("111111111111"))["Role"]
    sandbox.vault.write(
        "auth/aws/role/other", auth_type="iam", bound_iam_principal_arn=other["Arn"], policies="dev"
    )
    try:
        pod = assume_with_token(sandbox, sandbox.token("vault-auth"))
        with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
            log_in(sandbox, pod, "other")
    finally:
        sandbox.vault.delete("auth/aws/role/other")
        iam.delete_role(RoleName="somebody-else")


@pytest.mark.parametrize("account", ["222222222222", "333333333333"])
def test_a_role_of_the_same_name_in_another_account_is_refused_by_vault(
    sandbox: Sandbox, account: str
) -> None:
    iam = sandbox.aws("iam", account)
    role = iam.create_role(RoleName="vault-auth", AssumeRolePolicyDocument=trust(account))["Role"]
    try:
        stranger = session(sandbox, role["Arn"], "stranger", account)
        for vault_role in ("dev-role-iam2", "dev-role-iam"):
            with pytest.raises(hvac.exceptions.VaultError):
                log_in(sandbox, stranger, vault_role)
    finally:
        iam.delete_role(RoleName="vault-auth")


def test_a_login_with_no_credentials_is_refused_by_vault(sandbox: Sandbox) -> None:
    with pytest.raises(hvac.exceptions.VaultError):
        log_in(sandbox, None, "dev-role-iam2")


@pytest.mark.parametrize("header", [None, "vault.somewhere-else.example.com"])
def test_a_missing_or_wrong_server_id_header_is_refused_by_vault(
    sandbox: Sandbox, header: str | None
) -> None:
    pod = assume_with_token(sandbox, sandbox.token("vault-auth"))
    with pytest.raises(hvac.exceptions.VaultError, match="X-Vault-AWS-IAM-Server-ID"):
        log_in(sandbox, pod, "dev-role-iam2", header)


def test_a_forged_secret_key_is_refused(sandbox: Sandbox) -> None:
    pod = assume_with_token(sandbox, sandbox.token("vault-auth"))
    with pytest.raises(hvac.exceptions.VaultError):
        log_in(sandbox, Credentials(pod.access_key, "x" * 40, pod.token), "dev-role-iam2")


# The node


def test_the_node_role_under_the_nodes_own_name_logs_in(sandbox: Sandbox) -> None:
    """Shows that the refusals below come from what they change and not from how they log in."""
    session = node_session(sandbox, a_node(sandbox)["InstanceId"])
    assert log_in(sandbox, session, "dev-role-iam")["token_policies"] == ["default", "dev"]


def test_the_node_role_from_something_that_is_no_instance_is_refused_by_vault(sandbox: Sandbox) -> None:
    with pytest.raises(hvac.exceptions.VaultError, match="EC2 instance"):
        log_in(sandbox, node_session(sandbox, "i-0123456789abcdef0"), "dev-role-iam")
    with pytest.raises(hvac.exceptions.VaultError, match="EC2 instance"):
        log_in(sandbox, node_session(sandbox, "laptop"), "dev-role-iam")


def test_the_node_role_named_after_an_instance_of_another_profile_is_refused_by_vault(
    sandbox: Sandbox,
) -> None:
    iam, ec2 = sandbox.aws("iam"), sandbox.aws("ec2")
    image = a_node(sandbox)["ImageId"]
    profile = iam.create_instance_profile(InstanceProfileName="bastion")["InstanceProfile"]
    (instance,) = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, IamInstanceProfile={"Arn": profile["Arn"]}
    )["Instances"]
    try:
        with pytest.raises(hvac.exceptions.VaultError, match="instance profile"):
            log_in(sandbox, node_session(sandbox, instance["InstanceId"]), "dev-role-iam")
    finally:
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        iam.delete_instance_profile(InstanceProfileName="bastion")


def test_another_role_under_the_name_of_a_node_is_refused_by_vault(sandbox: Sandbox) -> None:
    """Whoever may choose its session name could call itself after a node: the role is bound, too."""
    iam = sandbox.aws("iam")
    role = iam.create_role(RoleName="impostor", AssumeRolePolicyDocument=trust("111111111111"))["Role"]
    try:
        impostor = session(sandbox, role["Arn"], a_node(sandbox)["InstanceId"])
        with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
            log_in(sandbox, impostor, "dev-role-iam")
    finally:
        iam.delete_role(RoleName="impostor")


def test_the_pod_cannot_use_the_nodes_vault_role(sandbox: Sandbox) -> None:
    pod = assume_with_token(sandbox, sandbox.token("vault-auth"))
    with pytest.raises(hvac.exceptions.VaultError):
        log_in(sandbox, pod, "dev-role-iam")
