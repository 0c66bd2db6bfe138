"""The head of each shipped Vault policy says what its users must know."""

import re
from pathlib import Path

import pytest

POLICIES = sorted((Path(__file__).parents[2] / "policies" / "vault").glob("*.hcl"))


def head(policy: Path) -> str:
    lines = policy.read_text().split("\npath ")[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.stem)
def test_a_policy_that_is_as_good_as_root_says_so(policy: Path) -> None:
    writes = re.search(r'path "sys/policies/acl/\*" {[^}]*"(create|update)"', policy.read_text())
    assert bool(writes) == ("as good as root" in head(policy))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.stem)
def test_a_policy_names_the_mounts_that_it_is_for(policy: Path) -> None:
    mounts = set(re.findall(r'^path "(?:auth/)?(?!sys/)([\w-]+)/', policy.read_text(), re.MULTILINE))
    assert mounts
    assert all(re.search(rf"\b{mount}\b", head(policy)) for mount in mounts)
    assert "needs its own policy, as a file beside this one" in head(policy).replace("  ", " ")
