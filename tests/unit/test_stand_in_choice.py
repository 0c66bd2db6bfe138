"""When the sandbox plays Vault Enterprise, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import enterprise
from sandbox.home import Home, SandboxError

ISSUER = "https://vault-issuer.example.com"


def config(namespace: str = "", issuer: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"vault-aws-auth:vault": {"namespace": namespace}}
    if issuer:
        found |= {"vault-aws-auth:federation": {"issuer": issuer}}
        found |= {"vault-aws-auth:vaultIdentity": {"kind": "federation"}}
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "sandbox")
    made.create()
    return made


def test_a_namespace_or_a_federation_wants_it() -> None:
    assert not enterprise.wanted(config())
    assert enterprise.wanted(config("admin"))
    assert enterprise.wanted(config(issuer=ISSUER))


def test_a_namespace_alone_needs_no_issuer(home: Home) -> None:
    assert enterprise.names(home) == []
    enterprise.choose(home, config("admin/team"))
    assert enterprise.names(home) == ["vault-enterprise"]


def test_an_issuer_is_added_once_and_further_namespaces_at_any_time(home: Home) -> None:
    enterprise.choose(home, config("admin"))
    enterprise.choose(home, config(issuer=ISSUER))
    assert enterprise.names(home) == ["vault-enterprise", "issuer-proxy"]
    enterprise.choose(home, config("team"))
    enterprise.choose(home, config(issuer=ISSUER))
    for other in (config(issuer="https://other.example.com"), config("team", ISSUER)):
        with pytest.raises(SandboxError, match="this sandbox has another issuer"):
            enterprise.choose(home, other)
