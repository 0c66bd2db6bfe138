"""How Vault is asked for its version and edition."""

from contextlib import nullcontext
from typing import Any

import hvac
import hvac.v1
import pytest

from stack import edition
from stack.file import parse
from tests.unit.test_stack_file import POLICIES, VALID


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """By what Vault's certificate was checked when it was asked; Vault answers."""
    found: list[Any] = []

    def answer(client: Any, **_: Any) -> dict[str, Any]:
        found.append(client._adapter._kwargs["verify"])
        return {"version": "1.21.0", "enterprise": False}

    monkeypatch.setattr(hvac.api.SystemBackend, "read_health_status", answer)
    for name in ("VAULT_CACERT", "VAULT_CAPATH"):
        monkeypatch.setattr(hvac.v1, name, None)
    monkeypatch.delenv("VAULT_SKIP_VERIFY", raising=False)
    return found


@pytest.mark.parametrize("name", ["VAULT_CACERT", "VAULT_CAPATH"])
def test_a_private_ca_is_taken_from_the_variables_of_vaults_own_tools(
    verified: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(hvac.v1, name, "/etc/ca")  # hvac reads the environment when it is imported
    assert edition.ask("https://vault.example.com:8200").version == (1, 21)
    assert verified == ["/etc/ca"]


def test_without_them_the_systems_cas_are_used(verified: list[Any]) -> None:
    edition.ask("https://vault.example.com:8200")
    assert verified == [True]


def test_a_certificate_is_not_checked_only_where_that_is_said(
    verified: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_SKIP_VERIFY", "true")
    edition.ask("https://vault.example.com:8200")
    assert verified == [False]


@pytest.mark.parametrize(("enterprise", "refused"), [(False, True), (True, False)])
def test_a_namespace_is_refused_by_the_community_edition_which_would_write_to_the_root(
    monkeypatch: pytest.MonkeyPatch, enterprise: bool, refused: bool
) -> None:
    vault = edition.Vault((1, 21), enterprise, "Vault 1.21.0")
    monkeypatch.setattr(edition, "ask", lambda _: vault)
    settings = {"address": "https://vault.example.com:8200", "namespace": "team-a"}
    stack = parse({**VALID, "vault-aws-auth:vault": settings}, POLICIES)
    with (
        pytest.raises(edition.EditionError, match=r"vault\.namespace: needs Vault Enterprise")
        if refused
        else (nullcontext())
    ):
        edition.check(stack)
