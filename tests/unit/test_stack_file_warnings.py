"""What is taken, with a warning: URLs without TLS, accounts of pods that name none, short external IDs …"""

from typing import Any

import pulumi
import pytest

from stack import warnings as stack_warnings
from stack.file import parse
from tests.unit.test_program import run
from tests.unit.test_stack_file import POLICIES, VALID


def warnings(**vault: Any) -> list[str]:
    config = {**VALID, "vault-aws-auth:vault": {"address": "https://vault.example.com:8200", **vault}}
    return list(stack_warnings.of(parse(config, POLICIES)))


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


@pytest.mark.parametrize("address", ["HTTP://vault.example.com:8200", "hTTp://vault.example.com:8200"])
def test_the_scheme_is_compared_without_case(address: str) -> None:
    (warning,) = warnings(address=address)
    assert warning.startswith("vault-aws-auth:vault.address: uses http")
    (warning,) = warnings(endpoints={"sts": address})
    assert warning.startswith("vault-aws-auth:vault.endpoints.sts: uses http")
    assert warnings(address=address.replace("vault.example.com", "localhost")) == []


@pytest.mark.parametrize(
    ("account", "warned"),
    [("default/default", True), ("vault/default", True), ("default/vault", False), ("vault/vault", False)],
)
def test_vaults_service_account_is_not_that_of_pods_that_name_none(account: str, warned: bool) -> None:
    identity = {"kind": "role", "serviceAccount": account}
    stack = parse({**VALID, "vault-aws-auth:vaultIdentity": identity}, POLICIES)
    found = list(stack_warnings.of(stack))
    assert len(found) == warned
    assert all(
        each.startswith("vault-aws-auth:vaultIdentity.serviceAccount: is the one of") for each in found
    )


@pytest.mark.parametrize(("external_id", "warned"), [("ab", True), ("a" * 7, True), ("a" * 8, False)])
def test_a_short_external_id_is_warned_of_and_not_shown(external_id: str, warned: bool) -> None:
    account = {"externalId": external_id, "allLookups": True}
    stack = parse({**VALID, "vault-aws-auth:accounts": {"222222222222": account}}, POLICIES)
    found = list(stack_warnings.of(stack))
    assert len(found) == warned
    for each in found:
        assert each.startswith("vault-aws-auth:accounts.222222222222.externalId: has ")
        assert f" {external_id} " not in each


@pytest.mark.parametrize(
    ("cidrs", "warned"),
    [
        (["203.0.113.0/24"], ["203.0.113.0/24"]),
        (["203.0.113.7/32", "8.8.8.0/24", "2001:db8:1::/48"], ["203.0.113.7/32", "2001:db8:1::/48"]),
        (["203.0.112.0/23", "8.8.8.8/32", "2001:db9::/32"], []),
    ],
)
def test_addresses_that_nobody_has_reach_no_api_server(cidrs: list[str], warned: list[str]) -> None:
    cluster = {**VALID["vault-aws-auth:cluster"], "endpointPublicAccess": True, "publicAccessCidrs": cidrs}
    found = list(stack_warnings.of(parse({**VALID, "vault-aws-auth:cluster": cluster}, POLICIES)))
    said = "vault-aws-auth:cluster.publicAccessCidrs: {} is for examples"
    assert [each.partition(",")[0] for each in found] == [said.format(cidr) for cidr in warned]
