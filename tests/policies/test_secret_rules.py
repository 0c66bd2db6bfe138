"""Rules of secrets."""

import json
from typing import Any

from tests.policies.kit import BY_NAME, UNKNOWN, Example, message, resource, secret

STACK = "pulumi:pulumi:Stack"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
KUBECONFIG = json.dumps({"current-context": "x"})


def sts_role(external_id: Any) -> dict[str, Any]:
    role = "arn:aws:iam::222222222222:role/lookup"
    return {"accountId": "222222222222", "stsRole": role, "externalId": external_id}


EXAMPLES = {
    "secret-inputs": Example(STS_ROLE, sts_role("0123456789abcdef"), sts_role(secret("0123456789abcdef"))),
    "secret-outputs": Example(STACK, {"kubeconfig": KUBECONFIG}, {"kubeconfig": secret(KUBECONFIG)}),
}


def test_secret_inputs_are_marked() -> None:
    said = message("secret-inputs", STS_ROLE, {"externalId": "between us"})
    assert "externalId: is not marked secret" in said
    assert "between us" not in said
    assert message("secret-inputs", STS_ROLE, {"externalId": UNKNOWN})
    assert not message("secret-inputs", STS_ROLE, {"externalId": secret("between us")})
    assert not message("secret-inputs", STS_ROLE, {})


def test_secrets_beside_the_login_are_marked() -> None:
    for kind, inputs in (
        ("vault:jwt/authBackend:AuthBackend", {"oidcClientSecret": "x"}),
        ("aws:ssm/parameter:Parameter", {"type": "SecureString", "value": "x"}),
        ("kubernetes:core/v1:Secret", {"type": "Opaque", "stringData": {"tls.key": "x"}}),
        ("kubernetes:core/v1:Secret", {"data": {"a": secret("x"), "b": "x"}}),
    ):
        assert "is not marked secret" in message("secret-inputs", kind, inputs), kind
        marked = {field: value if field == "type" else secret(value) for field, value in inputs.items()}
        assert not message("secret-inputs", kind, marked), kind
    by_entry = {"stringData": {"tls.key": secret("x")}}
    assert not message("secret-inputs", "kubernetes:core/v1:Secret", by_entry)
    plain = {"type": "String", "value": "eu-west-1"}
    assert not message("secret-inputs", "aws:ssm/parameter:Parameter", plain)


def test_a_kubeconfig_is_secret_when_it_holds_a_credential() -> None:
    provider = "pulumi:providers:kubernetes"
    with_token = json.dumps({"users": [{"user": {"token": "x"}}]})
    assert message("secret-inputs", provider, {"kubeconfig": with_token})
    assert not message("secret-inputs", provider, {"kubeconfig": secret(with_token)})
    asks = json.dumps({"users": [{"user": {"exec": {"args": ["eks", "get-token"]}}}]})
    assert not message("secret-inputs", provider, {"kubeconfig": asks})


def outputs(shown: dict[str, Any], *others: dict[str, Any]) -> str:
    everything = [resource("any:index:Thing", each, f"urn::{n}") for n, each in enumerate(others)]
    stack = resource(STACK, shown, "urn::stack", everything)
    return BY_NAME["secret-outputs"].message(stack, {})


def test_outputs_show_no_secret() -> None:
    assert "output a.b: is a Vault token" in outputs({"a": {"b": f"hvs.{'x' * 24}"}})
    assert "is a private key" in outputs({"key": "-----BEGIN RSA PRIVATE KEY-----\n"})
    kubeconfig = "apiVersion: v1\ncurrent-context: x\n"
    assert "output config: is a kubeconfig" in outputs({"config": kubeconfig})
    assert not outputs({"config": secret(kubeconfig)})
    assert not outputs({"address": "https://vault.example.com", "unknown": UNKNOWN})


def test_a_secret_of_a_resource_shows_in_no_output() -> None:
    password = {"result": secret("correct horse")}
    assert "output leak: is a secret of 0" in outputs({"leak": "correct horse"}, password)
    assert "correct horse" not in outputs({"leak": "correct horse"}, password)
    assert not outputs({"leak": "battery staple"}, password)
    assert not outputs({"leak": secret("correct horse")}, password)


def test_what_stands_elsewhere_unmarked_is_no_secret() -> None:
    platform = {"outputs": secret({"region": "us-east-1", "password": "correct horse"})}
    provider = {"region": "us-east-1"}
    assert "a secret of 0" in outputs({"region": "us-east-1"}, platform)
    assert not outputs({"region": "us-east-1"}, platform, provider)
    assert "a secret of 0" in outputs({"leak": "correct horse"}, platform, provider)
