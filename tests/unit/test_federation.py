"""The issuer of Vault's identity tokens, in Vault and in IAM."""

from typing import Any

import pytest

from components import VaultPluginIssuer
from components.federation import plugin_issuer_url
from tests.unit.recording import ACCOUNT, Recording, providers, record, refused

ISSUER, KEY = "vault:identity/oidc:Oidc", "vault:identity/oidcKey:OidcKey"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
URL = "https://vault-oidc.example.com"


def declared(**changes: Any) -> VaultPluginIssuer:
    args: Any = {"issuer": URL, "audiences": ["one", "two"], **changes}
    return VaultPluginIssuer("issuer", args, providers())


def issuer(**changes: Any) -> Recording:
    return record(lambda: declared(**changes))


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
    plugins = f"{URL.removeprefix('https://')}/v1/identity/oidc/plugins"
    whole = {
        "issuer_url": f"https://{plugins}",
        "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{plugins}",
    }
    assert recording.outputs_of("issuer") == {
        **whole,
        "identity_token_key": "vault-aws-auth",
        "issuer": whole,
    }


def test_nothing_is_signed_before_vault_knows_its_issuer() -> None:
    assert "issuer-issuer" in issuer().one(KEY, "issuer-key").depends_on


def test_a_namespace_has_an_issuer_of_its_own() -> None:
    inputs = issuer(namespace="team/a").one(PROVIDER, "issuer-oidc-provider").inputs
    assert inputs["url"] == f"{URL}/v1/team/a/identity/oidc/plugins"
    assert plugin_issuer_url(f"{URL}/", "team/a") == inputs["url"]


def test_the_oidc_provider_has_tags_and_a_private_ca_is_known_by_its_thumbprint() -> None:
    inputs = issuer(thumbprints=["a" * 40], tags={"team": "a"}).one(PROVIDER, "issuer-oidc-provider").inputs
    assert (inputs["thumbprintLists"], inputs["tags"]) == (["a" * 40], {"team": "a"})


def found(*audiences: str, **changes: Any) -> Recording:
    """An issuer that exists, with the audiences of its OIDC provider."""
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/vault-oidc.example.com/v1/identity/oidc/plugins"
    answer = {"arn": arn, "clientIdLists": [*audiences], "tags": {}}
    answers = {"aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda _: answer}
    return record(lambda: declared(existing=True, **changes), answers=answers)


def test_an_issuer_that_is_anothers_is_used_and_nothing_of_it_is_made() -> None:
    recording = found("one", "two", "three", key_name="default")
    assert recording.children("issuer") == set()
    outputs = recording.outputs_of("issuer")
    assert outputs["identity_token_key"] == "default"
    assert outputs["oidc_provider_arn"].endswith(
        "oidc-provider/vault-oidc.example.com/v1/identity/oidc/plugins"
    )


def test_an_issuer_that_is_anothers_must_serve_every_audience() -> None:
    with pytest.raises(
        Exception, match="does not accept the audience two; add it with: aws iam add-client-id"
    ):
        found("one")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "http://vault.example.com"}, "issuer: 'http://vault.example.com' is not https"),
        ({"issuer": f"{URL}/v1"}, f"issuer: '{URL}/v1' is not the URL of a host"),
        ({"issuer": f"{URL}?a=b"}, f"issuer: '{URL}?a=b' is not the URL of a host"),
        ({"issuer": f"{URL}:8443"}, f"issuer: '{URL}:8443' has a port, and AWS trusts no such issuer; serve"),
        ({"audiences": []}, "audiences: is empty; write at least one entry: without it no mount can get a t"),
        ({"audiences": ["*"]}, "audiences[0]: '*' is not an audience"),
        ({"namespace": "/team/"}, "namespace: '/team/' is not the path of a namespace"),
        ({"thumbprints": ["abc"]}, "thumbprints[0]: 'abc' is not a thumbprint; write the 40 hexadecimal dig"),
        ({"key_name": "a/b"}, "key_name: 'a/b' is not the name of a key"),
        (
            {"key_name": "default"},
            "key_name: is Vault's own key, which is not made and cannot be deleted; wr",
        ),
        (
            {"existing": True, "thumbprints": ["a" * 40]},
            "thumbprints: is not used: the OIDC provider is anot",
        ),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: declared(**changes)).startswith(message)
