"""Rules of Vault's auth methods."""

from typing import Any

import pytest

from components import arns
from sandbox.aws.botocore_data import partitions
from tests.policies.kit import (
    APP,
    AWS_ROLE,
    CLIENT,
    JWT_ROLE,
    KUBERNETES_ROLE,
    UNKNOWN,
    Example,
    message,
    secret,
)


def client(**inputs: Any) -> dict[str, Any]:
    return {
        "iamServerIdHeaderValue": "vault.example.com",
        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
        "stsRegion": "us-east-1",
        **inputs,
    }


def role(**inputs: Any) -> dict[str, Any]:
    return {"role": "app", "authType": "iam", "boundIamPrincipalArns": [APP], **inputs}


KEY = {"accessKey": "AKIA0123456789ABCDEF", "secretKey": secret("x" * 40)}
EXAMPLES = {
    "token-ttl": Example(AWS_ROLE, role(tokenMaxTtl=25 * 3600), role(tokenMaxTtl=24 * 3600)),
    "server-id-header": Example(CLIENT, client(iamServerIdHeaderValue=None), client()),
    "regional-sts": Example(CLIENT, client(stsEndpoint="https://sts.amazonaws.com"), client()),
    "keyless": Example(CLIENT, client(**KEY), client()),
}


@pytest.mark.parametrize(
    ("kind", "inputs", "bound"),
    [
        (AWS_ROLE, {}, False),
        (AWS_ROLE, {"boundIamPrincipalArns": []}, False),
        (AWS_ROLE, {"boundAccountIds": ["111111111111"], "boundRegions": ["us-east-1"]}, False),
        (AWS_ROLE, {"boundIamPrincipalArns": [APP]}, True),
        (AWS_ROLE, {"boundIamPrincipalArns": UNKNOWN}, True),
        (AWS_ROLE, {"boundAmiIds": ["ami-1"]}, True),
        (JWT_ROLE, {"boundAudiences": ["vault"]}, False),
        (JWT_ROLE, {"boundClaims": {"repository": "a/b"}}, True),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaces": ["default"]}, False),
    ],
)
def test_a_vault_role_is_bound_to_callers(kind: str, inputs: dict[str, Any], bound: bool) -> None:
    assert bool(message("bound-vault-roles", kind, inputs)) is not bound


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        ({"tokenMaxTtl": 86400.0}, ""),
        ({"tokenMaxTtl": 86401.0}, "tokenMaxTtl: is 24h0m1s, but the limit here is 24h"),
        ({"tokenMaxTtl": 0.0}, "Vault's default of 768h"),
        ({}, "Vault's default of 768h"),
        ({"tokenMaxTtl": UNKNOWN}, ""),
        ({"tokenMaxTtl": 60.0, "tokenPeriod": 3600.0}, "tokenPeriod: is 1h"),
    ],
)
def test_a_token_ends(inputs: dict[str, Any], shown: str) -> None:
    said = message("token-ttl", AWS_ROLE, {"role": "app", **inputs})
    assert shown in said
    assert bool(said) is bool(shown)


def test_the_limit_is_the_stacks_or_the_roles() -> None:
    inputs = {"role": "app", "tokenMaxTtl": 30 * 86400.0}
    assert message("token-ttl", AWS_ROLE, inputs, limit="29d")
    assert not message("token-ttl", AWS_ROLE, inputs, limit="30d")
    assert not message("token-ttl", AWS_ROLE, inputs, roles={"app": "720h"})
    assert message("token-ttl", AWS_ROLE, inputs, roles={"other": "720h"})
    assert "'never' is not a duration" in message("token-ttl", AWS_ROLE, inputs, limit="never")


def test_the_server_id_header_is_demanded() -> None:
    assert message("server-id-header", CLIENT, {})
    assert message("server-id-header", CLIENT, {"iamServerIdHeaderValue": ""})
    assert not message("server-id-header", CLIENT, {"iamServerIdHeaderValue": "vault.example.com"})


@pytest.mark.parametrize(
    ("endpoint", "region", "shown"),
    [
        (None, None, "stsEndpoint: is not set"),
        ("https://sts.amazonaws.com", "us-east-1", "is the global one"),
        ("https://sts.amazonaws.com/", "us-east-1", "is the global one"),
        ("sts.amazonaws.com/", "us-east-1", "is the global one"),
        ("sts.eu-west-1.amazonaws.com", "us-east-1", "is in eu-west-1"),
        ("https://sts.eu-west-1.amazonaws.com", None, "stsRegion: is not set"),
        ("https://sts-fips.us-east-2.amazonaws.com", "us-east-1", "is in us-east-2"),
        ("https://sts.eu-west-1.amazonaws.com", "eu-west-1", ""),
        ("https://vpce-1.sts.us-east-1.vpce.amazonaws.com", "us-east-1", ""),
        (UNKNOWN, None, ""),
    ],
)
def test_sts_is_that_of_a_region(endpoint: str | None, region: str | None, shown: str) -> None:
    inputs = {"stsEndpoint": endpoint, "stsRegion": region}
    said = message("regional-sts", CLIENT, {key: value for key, value in inputs.items() if value})
    assert shown in said
    assert bool(said) is bool(shown)


@pytest.mark.parametrize("partition", partitions(), ids=lambda it: it["id"])
def test_the_sts_of_a_region_is_known_in_every_partition(partition: dict[str, Any]) -> None:
    region = partition["outputs"]["implicitGlobalRegion"]
    given = {"stsEndpoint": arns.sts_endpoint(region)}
    assert not message("regional-sts", CLIENT, {**given, "stsRegion": region})
    assert f"is in {region}." in message("regional-sts", CLIENT, {**given, "stsRegion": "eu-west-9"})


def test_the_region_that_a_client_signed_for_is_as_good() -> None:
    assert not message("regional-sts", CLIENT, {"useStsRegionFromClient": True})
    assert message("regional-sts", CLIENT, {"useStsRegionFromClient": False})


def test_a_stack_that_is_said_to_be_keyless_has_no_key() -> None:
    keys: list[tuple[str, dict[str, Any]]] = [
        ("aws:iam/accessKey:AccessKey", {"user": "vault"}),
        (CLIENT, {"accessKey": secret("AKIA"), "secretKey": secret(UNKNOWN)}),
        ("vault:aws/secretBackend:SecretBackend", {"accessKey": "AKIA"}),
        ("vault:aws/secretBackendStaticRole:SecretBackendStaticRole", {"username": "app"}),
        ("pulumi:providers:aws", {"accessKey": "AKIA"}),
    ]
    for kind, inputs in keys:
        assert message("keyless", kind, inputs, keyless=True), kind
        assert not message("keyless", kind, inputs)
        assert "AKIA" not in message("keyless", kind, inputs, keyless=True)
    assert not message("keyless", CLIENT, {"accessKey": ""}, keyless=True)
    leased = {"credentialType": "iam_user"}
    assert not message("keyless", "vault:aws/secretBackendRole:SecretBackendRole", leased, keyless=True)
