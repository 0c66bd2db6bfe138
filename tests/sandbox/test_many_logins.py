"""Two hundred pods start at the same moment: each of them gets in, by the real Vault and the real cluster."""

from __future__ import annotations

from tests.bench.logins import concurrent_logins
from tests.sandbox.kit import Sandbox


def test_two_hundred_pods_log_in_at_once_without_an_error(sandbox: Sandbox) -> None:
    assert concurrent_logins(sandbox.home, 200).errors == []
