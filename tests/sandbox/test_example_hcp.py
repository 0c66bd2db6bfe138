"""A Vault with the namespace `admin`, as HCP gives it: from nothing to a login, and back to nothing."""

from __future__ import annotations

import pytest

from tests.sandbox.lease import Pool

pytestmark = pytest.mark.xdist_group("enterprise")

EXAMPLE = "hcp"
FILE = "examples/hcp/Pulumi.hcp.yaml"


def test_everything_is_in_the_namespace_and_its_deployer_may_do_no_more(enterprise_pool: Pool) -> None:
    with enterprise_pool.lease() as sandbox:
        records = sandbox.home / "enterprise" / "writes.jsonl"
        before = len(sandbox.recorded_writes()) if records.exists() else 0
        sandbox.up("--stack", EXAMPLE, "--config", FILE, "--deployer")
        assert "assumed-role/api/" in sandbox.caller_of("api", EXAMPLE)
        written = [it for it in sandbox.recorded_writes()[before:] if "auth/aws" in it["path"]]
        assert {it["namespace"] for it in written} == {"admin"}
        proof = sandbox.json(f"vault-aws-auth verify --stack {EXAMPLE} --json")
        assert proof["ok"], proof
