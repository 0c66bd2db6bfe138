"""The issuer of Vault's identity tokens, in Vault and in IAM."""

from typing import Any

import pytest

from components.federation import VaultPluginIssuer, plugin_issuer_url
from tests.unit.recording import ACCOUNT, Recording, providers, record

ISSUER, KEY = "vault:identity/oidc:Oidc", "vault:identity/oidcKey:OidcKey"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
URL = "https://vault-oidc.example.com"


def issuer(**changes: Any) -> Recording:
    args: Any = {"issuer": URL, "audiences": ["one", "two"], **changes}
    return record(lambda: VaultPluginIssuer("issuer", args, providers()))


def test_vault_and_iam_agree_on_the_issuer_and_the_audiences() -> None:
    recording = issuer()
    assert recording.children("issuer") == {
        (ISSUER, "issuer-issuer"),
        (KEY, "issuer-key"),
        (PROVIDER, "issuer-oidc-provider"),
    }
    # Vault takes scheme and host alone, and adds the path itself.
    assert recording.one(ISSUER, "issuer-issuer").inputs == {"issuer": URL}
    assert recording.one(KEY, "issuer-key").inputs == {
        "name": "vault-aws-auth",
        "algorithm": "RS256",
        "allowedClientIds": ["one", "two"],
        "rotationPeriod": 30 * 86400,
        "verificationTtl": 86400,
    }
    assert recording.one(PROVIDER, "issuer-oidc-provider").inputs == {
        "url": f"{URL}/v1/identity/oidc/plugins",
        "clientIdLists": ["one", "two"],
    }
    of_provider = {r.name: r.provider for r in recording.resources if r.parent == "issuer"}
    assert of_provider == {"issuer-issuer": "vault", "issuer-key": "vault", "issuer-oidc-provider": "aws"}
    assert recording.outputs_of("issuer") == {
        "issuer_url": f"{URL}/v1/identity/oidc/plugins",
        "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
        "vault-oidc.example.com/v1/identity/oidc/plugins",
        "identity_token_key": "vault-aws-auth",
    }


def test_nothing_is_signed_before_vault_knows_its_issuer() -> None:
    assert "issuer-issuer" in issuer().one(KEY, "issuer-key").depends_on


def test_a_namespace_has_an_issuer_of_its_own() -> None:
    inputs = issuer(namespace="team/a").one(PROVIDER, "issuer-oidc-provider").inputs
    assert inputs["url"] == f"{URL}/v1/team/a/identity/oidc/plugins"
    assert plugin_issuer_url(f"{URL}/", "team/a") == inputs["url"]


def test_a_private_ca_is_told_by_its_thumbprint() -> None:
    inputs = issuer(thumbprints=["a" * 40]).one(PROVIDER, "issuer-oidc-provider").inputs
    assert inputs["thumbprintLists"] == ["a" * 40]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "http://vault.example.com"}, "issuer: 'http://vault.example.com' is not https"),
        ({"issuer": f"{URL}/v1"}, "issuer: .* is not the URL of a host"),
        ({"issuer": f"{URL}?a=b"}, "issuer: .* is not the URL of a host"),
        ({"issuer": f"{URL}:8443"}, "issuer: .* has a port, .* write https://vault-oidc.example.com$"),
        ({"audiences": []}, "audiences: name at least one"),
        ({"audiences": ["*"]}, r"audiences: '\*' is not an audience"),
        ({"namespace": "/team/"}, "namespace: '/team/' is not the path of a namespace"),
        ({"thumbprints": ["abc"]}, "thumbprints: 'abc' is not one"),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        issuer(**changes)
