"""URLs without TLS are taken, with a warning."""

from typing import Any

import pulumi
import pytest

from stack.file import parse, plaintext_warnings
from tests.unit.test_program import run
from tests.unit.test_stack_file import POLICIES, VALID


def warnings(**vault: Any) -> list[str]:
    config = {**VALID, "vault-aws-auth:vault": {"address": "https://vault.example.com:8200", **vault}}
    return list(plaintext_warnings(parse(config, POLICIES)))


@pytest.mark.parametrize(
    "address",
    ["https://vault.example.com", "http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200"],
)
def test_tls_and_this_machine_are_not_worth_a_word(address: str) -> None:
    assert warnings(address=address) == []


@pytest.mark.parametrize(
    "address", ["http://vault.example.com:8200", "http://10.0.0.1:8200", "http://127.0.0.1.example.com"]
)
def test_vault_without_tls_is_warned_of(address: str) -> None:
    assert warnings(address=address) == [
        "vault-aws-auth:vault.address: uses http: tokens, secrets and signed logins travel unencrypted and "
        "can be altered in transit; use https"
    ]


def test_an_endpoint_of_aws_without_tls_is_warned_of() -> None:
    (warning,) = warnings(endpoints={"sts": "http://sts.example.com", "iam": "https://iam.example.com"})
    assert warning.startswith("vault-aws-auth:vault.endpoints.sts: uses http: AWS's answers")
    (warning,) = warnings(callersStsEndpoint="http://sts.example.com")
    assert warning.startswith("vault-aws-auth:vault.callersStsEndpoint: uses http: callers' AWS credentials")


def test_the_program_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: said.append(message))
    run("eks", **{"vault-aws-auth:vault": {"address": "http://vault.example.com"}})
    assert [message.split(": ")[0] for message in said] == ["vault-aws-auth:vault.address"]
