"""Rules of Vault's auth methods."""

import json
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

APP_ROLE = "vault:appRole/authBackendRole:AuthBackendRole"
LDAP = "vault:ldap/authBackend:AuthBackend"
VAULT_PROVIDER = "pulumi:providers:vault"


def client(**inputs: Any) -> dict[str, Any]:
    return {
        "iamServerIdHeaderValue": "vault.example.com",
        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
        "stsRegion": "us-east-1",
        **inputs,
    }


def role(**inputs: Any) -> dict[str, Any]:
    return {"role": "app", "authType": "iam", "boundIamPrincipalArns": [APP], **inputs}


TOKEN_MAKERS = [
    AWS_ROLE,
    "vault:appRole/authBackendRole:AuthBackendRole",
    "vault:tokenauth/authBackendRole:AuthBackendRole",
    "vault:index/certAuthBackendRole:CertAuthBackendRole",
    "vault:index/userpassAuthBackendUser:UserpassAuthBackendUser",
    "vault:github/authBackend:AuthBackend",
    "vault:ldap/authBackend:AuthBackend",
    "vault:index/kerberosAuthBackendLdapConfig:KerberosAuthBackendLdapConfig",
]
KEY = {"accessKey": "AKIA0123456789ABCDEF", "secretKey": secret("x" * 40)}
EXAMPLES = {
    "token-ttl": Example(AWS_ROLE, role(tokenMaxTtl=25 * 3600), role(tokenMaxTtl=24 * 3600)),
    "server-id-header": Example(CLIENT, client(iamServerIdHeaderValue=None), client()),
    "regional-sts": Example(CLIENT, client(stsEndpoint="https://sts.amazonaws.com"), client()),
    "encrypted-endpoints": Example(
        CLIENT, client(iamEndpoint="http://iam.example.com"), client(iamEndpoint="https://iam.example.com")
    ),
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
        (AWS_ROLE, {"boundIamPrincipalArns": [""]}, False),
        (AWS_ROLE, {"boundIamPrincipalArns": [" ", "\t"], "boundAmiIds": ""}, False),
        (AWS_ROLE, {"boundIamPrincipalArns": None}, False),
        (JWT_ROLE, {"boundSubject": ""}, False),
        (JWT_ROLE, {"boundSubject": " "}, False),
        (JWT_ROLE, {"boundClaims": {}}, False),
        (JWT_ROLE, {"boundClaims": {"sub": ""}}, False),
        (JWT_ROLE, {"boundClaims": {"sub": UNKNOWN}}, True),
        (KUBERNETES_ROLE, {"boundServiceAccountNames": [""]}, False),
        (JWT_ROLE, {"boundAudiences": ["vault"]}, False),
        (JWT_ROLE, {"boundClaims": {"repository": "a/b"}}, True),
        (KUBERNETES_ROLE, {"boundServiceAccountNamespaces": ["default"]}, False),
        (JWT_ROLE, {"boundClaims": {"aud": "vault"}}, False),
        (JWT_ROLE, {"boundClaims": {"/aud": "vault", "iss": "https://example.com"}}, False),
        (JWT_ROLE, {"boundClaims": {"email_verified": True, "iat": "1", "/exp": "2"}}, False),
        (JWT_ROLE, {"boundClaims": {"aud": "vault", "sub": "app"}}, True),
        (JWT_ROLE, {"boundClaims": {"email_verified": True, "hd": "example.com"}}, True),
        (APP_ROLE, {}, True),
        (APP_ROLE, {"bindSecretId": UNKNOWN}, True),
        (APP_ROLE, {"bindSecretId": False}, False),
        (APP_ROLE, {"bindSecretId": False, "tokenBoundCidrs": ["0.0.0.0/0"]}, False),
        (APP_ROLE, {"bindSecretId": "false", "secretIdBoundCidrs": ["::/0"]}, False),
        (APP_ROLE, {"bindSecretId": False, "tokenBoundCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, False),
        (APP_ROLE, {"bindSecretId": False, "tokenBoundCidrs": ["0.0.0.0/0 ", "::/3", "here", ""]}, False),
        (APP_ROLE, {"bindSecretId": False, "secretIdBoundCidrs": ["10.0.0.0/8"]}, True),
        (APP_ROLE, {"bindSecretId": False, "tokenBoundCidrs": ["10.1.2.3"]}, True),
        (APP_ROLE, {"bindSecretId": False, "tokenBoundCidrs": [UNKNOWN]}, True),
        (LDAP, {"denyNullBind": False}, False),
        (LDAP, {"denyNullBind": "false"}, False),
        (LDAP, {"denyNullBind": True}, True),
        (LDAP, {}, True),
        ("vault:azure/authBackendRole:AuthBackendRole", {"boundSubscriptionIds": ["x"]}, False),
        ("vault:azure/authBackendRole:AuthBackendRole", {"boundResourceGroups": ["x"]}, True),
        ("vault:gcp/authBackendRole:AuthBackendRole", {"boundProjects": ["x"], "boundZones": ["z"]}, False),
        ("vault:gcp/authBackendRole:AuthBackendRole", {"boundServiceAccounts": ["x"]}, True),
        ("vault:saml/authBackendRole:AuthBackendRole", {}, False),
        ("vault:saml/authBackendRole:AuthBackendRole", {"boundAttributes": {"group": "x"}}, True),
        ("vault:cf/authBackendRole:AuthBackendRole", {"boundOrganizationIds": ["x"]}, False),
        ("vault:cf/authBackendRole:AuthBackendRole", {"boundSpaceIds": ["x"]}, True),
        ("vault:index/ociAuthBackendRole:OciAuthBackendRole", {"ocidLists": []}, False),
        ("vault:index/ociAuthBackendRole:OciAuthBackendRole", {"ocidLists": ["ocid1"]}, True),
        ("vault:spiffe/authBackendRole:AuthBackendRole", {"workloadIdPatterns": [""]}, False),
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
        # Vault's max TTL does not end a periodic token; its explicit one does.
        ({"tokenMaxTtl": 60.0, "tokenPeriod": 3600.0, "tokenExplicitMaxTtl": 0}, "tokenPeriod: is 1h"),
        ({"tokenMaxTtl": 9e9, "tokenPeriod": 3600.0, "tokenExplicitMaxTtl": 86400.0}, ""),
        (
            {"tokenMaxTtl": 60.0, "tokenPeriod": 60.0, "tokenExplicitMaxTtl": "25h"},
            "tokenExplicitMaxTtl: is 25h",
        ),
        ({"tokenExplicitMaxTtl": 86400.0}, ""),
        ({"tokenExplicitMaxTtl": 90000.0}, "tokenExplicitMaxTtl: is 25h"),
        ({"tokenMaxTtl": 60.0, "tokenExplicitMaxTtl": 90000.0}, ""),
        ({"tokenMaxTtl": 90000.0, "tokenExplicitMaxTtl": 60.0}, ""),
        ({"tokenMaxTtl": "0"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "0.0"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "00"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "0s"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "0h0m"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": " 0 "}, "Vault's default of 768h"),
        ({"tokenMaxTtl": ""}, "Vault's default of 768h"),
        ({"tokenMaxTtl": " "}, "Vault's default of 768h"),
        ({"tokenMaxTtl": None}, "Vault's default of 768h"),
        ({"tokenMaxTtl": -1.0}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "-1"}, "Vault's default of 768h"),
        ({"tokenMaxTtl": 0.9}, "Vault's default of 768h"),
        ({"tokenMaxTtl": "86400"}, ""),
        ({"tokenMaxTtl": "86401"}, "tokenMaxTtl: is 24h0m1s"),
        ({"tokenMaxTtl": "24h"}, ""),
        ({"tokenMaxTtl": "25h"}, "tokenMaxTtl: is 25h"),
        ({"tokenMaxTtl": "30d"}, "tokenMaxTtl: is 720h"),
        ({"tokenMaxTtl": "never"}, "'never' is not a number of seconds"),
        ({"tokenMaxTtl": "1e9"}, "'1e9' is not a number of seconds"),
        ({"tokenMaxTtl": "inf"}, "'inf' is not a number of seconds"),
        ({"tokenMaxTtl": "nan"}, "'nan' is not a number of seconds"),
        ({"tokenMaxTtl": "\u0663"}, "is not a number of seconds"),
        ({"tokenMaxTtl": True}, "True is not a number of seconds"),
        ({"tokenMaxTtl": [60]}, "[60.0] is not a number of seconds"),
        ({"tokenMaxTtl": 60.0, "tokenPeriod": "3600"}, "tokenPeriod: is 1h"),
        ({"tokenMaxTtl": 60.0, "tokenPeriod": "1h"}, "tokenPeriod: is 1h"),
        ({"tokenMaxTtl": 60.0, "tokenPeriod": "0"}, ""),
        ({"tokenMaxTtl": 60.0, "tokenPeriod": "x"}, "tokenPeriod: 'x' is not a number of seconds"),
    ],
)
@pytest.mark.parametrize("kind", TOKEN_MAKERS)
def test_a_token_ends(kind: str, inputs: dict[str, Any], shown: str) -> None:
    said = message("token-ttl", kind, {"role": "app", **inputs})
    assert shown in said
    assert bool(said) is bool(shown)


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        ({"explicitMaxTtl": "1h"}, ""),
        ({"explicitMaxTtl": "1h", "ttl": "15m"}, ""),
        ({"explicitMaxTtl": UNKNOWN}, ""),
        ({"ttl": "24h"}, ""),
        ({}, "ttl: is not set"),
        ({"ttl": "0"}, "ttl: is not set"),
        ({"explicitMaxTtl": "0s", "ttl": ""}, "ttl: is not set"),
        ({"ttl": "768h"}, "ttl: is 768h"),
        ({"explicitMaxTtl": "8760h", "ttl": "1h"}, "explicitMaxTtl: is 8760h"),
        ({"explicitMaxTtl": "1h", "period": "24h"}, "period: is 24h"),
        ({"explicitMaxTtl": "1h", "period": "86400"}, "period: is 24h"),
        ({"explicitMaxTtl": "1h", "period": "0"}, ""),
        ({"ttl": "1h", "renewable": True}, "explicitMaxTtl: is not set"),
        ({"ttl": "1h", "renewable": "true", "explicitMaxTtl": "0"}, "explicitMaxTtl: is not set"),
        ({"ttl": "1h", "renewable": True, "explicitMaxTtl": "24h"}, ""),
        ({"ttl": "1h", "renewable": False}, ""),
    ],
)
def test_a_token_that_the_stack_makes_ends(inputs: dict[str, Any], shown: str) -> None:
    said = message("token-ttl", "vault:index/token:Token", inputs)
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
    for blank in ("", " ", "\n"):
        assert message("server-id-header", CLIENT, {"iamServerIdHeaderValue": blank})
    assert not message("server-id-header", CLIENT, {"iamServerIdHeaderValue": UNKNOWN})
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
        (" ", "us-east-1", "stsEndpoint: is not set"),
        ("https://sts.amazonaws.com.", "us-east-1", "is the global one"),
        ("https://STS.amazonaws.com:443/", "us-east-1", "is the global one"),
        (" https://sts.amazonaws.com", "us-east-1", "is the global one"),
        ("https://sts.eu-west-1.amazonaws.com", " ", "stsRegion: is not set"),
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
    given = {"stsEndpoint": f"https://vpce-1-x.sts.{region}.vpce.{arns.dns_suffix(region)}"}
    assert not message("regional-sts", CLIENT, {**given, "stsRegion": region})
    assert f"is in {region}." in message("regional-sts", CLIENT, {**given, "stsRegion": "eu-west-9"})


def test_the_region_that_a_client_signed_for_is_as_good() -> None:
    assert not message("regional-sts", CLIENT, {"useStsRegionFromClient": True})
    assert not message("regional-sts", CLIENT, {"useStsRegionFromClient": "true"})
    assert not message("regional-sts", CLIENT, {"useStsRegionFromClient": UNKNOWN})
    for off in (False, "false", "", "0"):
        assert message("regional-sts", CLIENT, {"useStsRegionFromClient": off})


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


KERBEROS = "vault:index/kerberosAuthBackendLdapConfig:KerberosAuthBackendLdapConfig"


@pytest.mark.parametrize(
    ("kind", "given", "fixed"),
    [
        (
            "vault:jwt/authBackend:AuthBackend",
            {"oidcDiscoveryUrl": "http://a"},
            {"oidcDiscoveryUrl": "https://a"},
        ),
        ("vault:jwt/authBackend:AuthBackend", {"jwksUrl": "HTTP://a/keys"}, {"jwksUrl": "https://a/keys"}),
        (
            "vault:kubernetes/authBackendConfig:AuthBackendConfig",
            {"kubernetesHost": "http://a:6443"},
            {"kubernetesHost": "https://0123456789.gr7.us-east-1.eks.amazonaws.com"},
        ),
        ("vault:github/authBackend:AuthBackend", {"baseUrl": "http://a"}, {"baseUrl": "https://a/api/v3"}),
        (LDAP, {"url": "ldap://a"}, {"url": "ldaps://a"}),
        (LDAP, {"url": "ldaps://a,LDAP://b"}, {"url": "ldap://a", "starttls": True}),
        (LDAP, {"url": "ldap://a", "starttls": False}, {"url": "ldap://a", "starttls": UNKNOWN}),
        (LDAP, {"url": "ldaps://a", "insecureTls": True}, {"url": "ldaps://a", "insecureTls": False}),
        (KERBEROS, {"url": "ldap://a"}, {"url": UNKNOWN}),
        ("pulumi:providers:aws", {"insecure": "true"}, {"insecure": "false"}),
        (
            "vault:jwt/authBackend:AuthBackend",
            {"jwksPairs": [{"jwks_url": "https://a/keys"}, {"jwksUrl": "http://a/keys"}]},
            {"jwksPairs": [{"jwks_url": "https://a/keys"}, {"jwks_url": UNKNOWN}, UNKNOWN]},
        ),
        (
            "vault:jwt/authBackend:AuthBackend",
            {"oidcDiscoveryUrl": "https://oidc.eks.us-east-1.amazonaws.com.example.com/id/A"},
            {"oidcDiscoveryUrl": "https://oidc.eks.us-east-1.amazonaws.com/id/A"},
        ),
        (
            "vault:jwt/authBackend:AuthBackend",
            {"oidcDiscoveryUrl": "https://oidc.eks.us-east-1.arnazonaws.com/id/A"},
            {"oidcDiscoveryUrl": "https://issuer.s3.us-east-1.amazonaws.com"},
        ),
        (
            JWT_ROLE,
            {"allowedRedirectUris": ["https://vault.example.com/ui/callback", "http://example.com/cb"]},
            {"allowedRedirectUris": ["http://localhost:8250/oidc/callback", "https://vault.example.com/ui"]},
        ),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "https://oidc.eks.us-east-1.amazonaws.com.example.com/id/A"},
            {"url": "https://token.actions.githubusercontent.com"},
        ),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "http://vault.example.com"},
            {"url": "https://oidc.eks.us-east-1.amazonaws.com/id/A"},
        ),
        (
            "vault:identity/oidc:Oidc",
            {"issuer": "http://vault.example.com"},
            {"issuer": "https://vault.example.com:8200"},
        ),
        (
            VAULT_PROVIDER,
            {"authLoginAws": '{"role": "ci", "awsStsEndpoint": "http://sts.us-east-1.amazonaws.com"}'},
            {"authLoginAws": '{"role": "ci", "awsStsEndpoint": "https://sts.us-east-1.amazonaws.com"}'},
        ),
        (
            VAULT_PROVIDER,
            {"authLoginAws": {"role": "ci", "awsIamEndpoint": "https://iam.amazonaws.com.example.com"}},
            {"authLoginAws": {"role": "ci", "awsRegion": "us-east-1", "headerValue": "vault.example.com"}},
        ),
        (JWT_ROLE, {"allowedRedirectUris": ["https://*/oidc/callback"]}, {"allowedRedirectUris": []}),
        (
            "pulumi:providers:aws",
            {"endpoints": '[{"eks": "http://example.com"}]'},
            {"endpoints": [{"eks": "https://eks.us-east-1.amazonaws.com", "s3": "http://127.0.0.1:5000"}]},
        ),
        (
            "pulumi:providers:aws",
            {"endpoints": [{"secretsmanager": "https://secretsmanager.us-east-1.amazonaws.co"}]},
            {"endpoints": [{"secretsmanager": "https://secretsmanager.us-east-1.amazonaws.com"}]},
        ),
    ],
)
def test_what_says_who_a_caller_is_is_asked_by_tls(
    kind: str, given: dict[str, Any], fixed: dict[str, Any]
) -> None:
    assert message("encrypted-endpoints", kind, given)
    assert not message("encrypted-endpoints", kind, fixed)


@pytest.mark.parametrize(
    ("cluster", "shown"),
    [
        ("insecure-skip-tls-verify: true", "insecure-skip-tls-verify is on"),
        ("insecure-skip-tls-verify: True\n    server: https://a", "insecure-skip-tls-verify is on"),
        ('{"server": "https://a", "insecure-skip-tls-verify":true}', "insecure-skip-tls-verify is on"),
        ("server: http://a:6443", "http://a:6443 does not use TLS"),
        ('{"server": "HTTP://a"}', "HTTP://a does not use TLS"),
        ("server: https://A.gr7.us-east-1.eks.amazonaws.com.example.com", "looks like AWS's"),
        ("server: https://A.gr7.us-east-1.eks.amazonaws.com", ""),
        ('{"server":"https://127.0.0.1:6443","insecure-skip-tls-verify":false}', ""),
        ("server: http://localhost:8080", ""),
    ],
)
def test_a_cluster_is_reached_by_tls_and_its_kubeconfig_is_not_shown(cluster: str, shown: str) -> None:
    given = {"kubeconfig": secret(f"clusters:\n- cluster:\n    {cluster}\nusers: [{{token: hidden}}]")}
    said = message("encrypted-endpoints", "pulumi:providers:kubernetes", given)
    assert shown in said
    assert bool(said) is bool(shown)
    assert "hidden" not in said
    if shown.startswith("http"):
        assert not message(
            "encrypted-endpoints", "pulumi:providers:kubernetes", given, allowed=[shown.split()[0]]
        )
    for none in ({}, {"kubeconfig": UNKNOWN}):
        assert not message("encrypted-endpoints", "pulumi:providers:kubernetes", none)


AWS_PROVIDER = "pulumi:providers:aws"
ENGINE = "vault:aws/secretBackend:SecretBackend"


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("http://sts.us-east-1.amazonaws.com", "does not use TLS"),
        ("HTTP://sts.us-east-1.amazonaws.com", "does not use TLS"),
        ("http://vault.example.com:8200", "does not use TLS"),
        ("http://10.0.0.1:8200", "does not use TLS"),
        ("http://127.0.0.1.example.com", "does not use TLS"),
        ("http://localhost.example.com", "does not use TLS"),
        ("http://[::2]:8200", "does not use TLS"),
        ("ftp://sts.us-east-1.amazonaws.com", "does not use TLS"),
        ("unix:///run/vault.sock", "has no host"),
        ("https://", "has no host"),
        ("https:///sts.us-east-1.amazonaws.com", "has no host"),
        (" ", "has no host"),
        (" https://sts.us-east-1.amazonaws.com", "has no host"),
        ("https://sts.us-east-1.amazonaws.com\n", "has no host"),
        ("https://sts.us-east-1.amazonaws.com\\@example.com", "has no host"),
        ("https://sts.us-\u0435ast-1.amazonaws.com", "foreign characters"),
        ("https://sts.us-east-1.amazonaws.com:port", "is not a URL"),
        ("https://sts.us-east-1.amazonaws.com:0", "is not a URL"),
        ("https://sts.us-east-1.amazonaws.com:", "is not a URL"),
        ("https://[::1]example.com", "is not a URL"),
        ("https://[::1]%25eth0", "is not a URL"),
        ("https://sts.us-east-1.amazonaws.com@example.com", "is more than"),
        ("https://@sts.us-east-1.amazonaws.com", "is more than"),
        ("https://example.com?sts.us-east-1.amazonaws.com", "is more than"),
        ("https://example.com#sts.us-east-1.amazonaws.com", "is more than"),
        ("https://sts.us-east-1.amazonaws.com.", "a dot too many"),
        ("https://sts.us-east-1.amazonaws.com.:443", "a dot too many"),
        ("sts.us-east-1.amazonaws.com.", "a dot too many"),
        ("https://sts..us-east-1.amazonaws.com", "a dot too many"),
        ("https://vault.example.com.", "a dot too many"),
        ("https://sts.us-east-1.amazonaws.com.example.com", "looks like AWS's"),
        ("https://sts.us-east-1.amazonaws.co", "looks like AWS's"),
        ("https://sts.us-east-1.amazonaws.cn", "looks like AWS's"),
        ("https://sts.us-east-1.amazonaws.org", "looks like AWS's"),
        ("https://sts.us-east-1-amazonaws.com", "looks like AWS's"),
        ("https://sts-us-east-1-amazonaws-com.example.com", "looks like AWS's"),
        ("https://sts.us-east-1.amaz0naws.com", "looks like AWS's"),
        ("https://sts.us-east-1.arnazonaws.com", "looks like AWS's"),
        ("https://sts.us-east-1.amazonavvs.com", "looks like AWS's"),
        ("https://sts.us-east-1.amazon-aws.com", "looks like AWS's"),
        ("https://sts.us-east-1.amazonsaws.com", "looks like AWS's"),
        ("https://sts.us-east-1.notamazonaws.com", "looks like AWS's"),
        ("https://sts.us-east-1.xn--amazonws-8fg.com", "looks like AWS's"),
        ("https://sts.us-east-l.amazonaws.com", "looks like AWS's"),
        ("https://sts.s3.amazonaws.com", "looks like AWS's"),
        ("https://sts.s3.us-east-1.amazonaws.com", "looks like AWS's"),
        ("https://x.elb.us-east-1.amazonaws.com", "looks like AWS's"),
        ("https://x.execute-api.us-east-1.amazonaws.com", "looks like AWS's"),
        ("https://ec2-1-2-3-4.compute-1.amazonaws.com", "looks like AWS's"),
        ("https://x.lambda-url.us-east-1.on.aws", "looks like AWS's"),
        ("https://sts.us-east-1.aws.com", "looks like AWS's"),
        ("https://sts.us-east-1.amazon.com", "looks like AWS's"),
        ("https://sts.us-east-1.awsapi.com", "looks like AWS's"),
        ("https://example.com/sts.us-east-1.amazonaws.com", "looks like AWS's"),
    ],
)
def test_an_endpoint_that_is_not_what_it_says_is_refused(endpoint: str, shown: str) -> None:
    for kind, field, inputs in (
        (CLIENT, "stsEndpoint", {"stsEndpoint": endpoint}),
        (CLIENT, "iamEndpoint", {"iamEndpoint": endpoint}),
        (CLIENT, "ec2Endpoint", {"ec2Endpoint": endpoint}),
        (ENGINE, "stsEndpoint", {"stsEndpoint": endpoint}),
        (ENGINE, "stsFallbackEndpoints", {"stsFallbackEndpoints": [endpoint]}),
        (VAULT_PROVIDER, "address", {"address": endpoint}),
        (AWS_PROVIDER, "endpoints.sts", {"endpoints": json.dumps([{"sts": endpoint}])}),
        (AWS_PROVIDER, "endpoints.iam", {"endpoints": [{"iam": endpoint}]}),
    ):
        said = message("encrypted-endpoints", kind, inputs)
        if kind == VAULT_PROVIDER and "AWS" in shown:  # Vault may be behind one of AWS's load balancers
            assert not said
            continue
        assert f"{field}: {endpoint} " in said
        assert shown in said
        assert not message("encrypted-endpoints", kind, inputs, allowed=[endpoint])


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        UNKNOWN,
        "https://sts.us-east-1.amazonaws.com",
        "https://sts.us-east-1.amazonaws.com:443/",
        "sts.us-east-1.amazonaws.com",
        "https://STS.us-east-1.amazonaws.com",
        "https://sts-fips.us-gov-west-1.amazonaws.com",
        "https://sts.cn-north-1.amazonaws.com.cn",
        "https://sts.eusc-de-east-1.amazonaws.eu",
        "https://sts.us-iso-east-1.c2s.ic.gov",
        "https://sts.amazonaws.com",
        "https://iam.amazonaws.com",
        "https://iam-fips.amazonaws.com",
        "https://iam.us-gov.amazonaws.com",
        "https://iam.cn-north-1.amazonaws.com.cn",
        "https://iam.global.api.aws",
        "https://ec2.us-east-1.api.aws",
        "https://ec2.us-east-1.amazonaws.com",
        "https://vpce-0123456789abcdef0-example.sts.us-east-1.vpce.amazonaws.com",
        "https://vpce-0123456789abcdef0-example-us-east-1a.sts.us-east-1.vpce.amazonaws.com",
        "https://iam.example.com",
        "https://sts.internal",
        "https://vault.vault.svc:8200",
        "https://vault.example.com:8200/",
        "https://10.0.0.1:8200",
        "https://[fd00::1]:8200",
        "http://127.0.0.1:8200",
        "http://[::1]:8200",
        "http://localhost:8200",
        "https://amazon.example.com",
        "https://aws-proxy.example.com",
    ],
)
def test_services_private_endpoints_and_a_local_vault_pass(endpoint: Any) -> None:
    for kind, inputs in (
        (CLIENT, {"stsEndpoint": endpoint, "iamEndpoint": endpoint}),
        (ENGINE, {"stsEndpoint": endpoint}),
        (VAULT_PROVIDER, {"address": endpoint, "skipTlsVerify": "false"}),
        (AWS_PROVIDER, {"endpoints": [{"sts": endpoint}]}),
        (VAULT_PROVIDER, {}),
    ):
        assert not message("encrypted-endpoints", kind, inputs)


@pytest.mark.parametrize("partition", partitions(), ids=lambda it: it["id"])
def test_the_services_of_every_partition_are_no_lookalikes(partition: dict[str, Any]) -> None:
    for region in partition["regions"]:
        if region != partition["id"] and not region.endswith("-global"):
            given = {"stsEndpoint": arns.sts_endpoint(region)}
            assert not message("encrypted-endpoints", CLIENT, given), region


@pytest.mark.parametrize("switch", [True, 1, "on", "true", "True", "TRUE", "1", "t", " true "])
def test_a_vault_provider_verifies_tls(switch: Any) -> None:
    inputs = {"address": "https://vault.example.com", "skipTlsVerify": switch}
    assert "skipTlsVerify: is on" in message("encrypted-endpoints", VAULT_PROVIDER, inputs)
    assert not message("encrypted-endpoints", VAULT_PROVIDER, {**inputs, "skipTlsVerify": False})
    assert not message("encrypted-endpoints", VAULT_PROVIDER, {**inputs, "skipTlsVerify": UNKNOWN})
