"""Each change on a live stack that docs/operations.md describes is made by a test, which is named here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()

LIVE = "tests/sandbox/test_changes_of_settings.py::test_names_change_there_and_back"
FEDERATION = (
    "tests/sandbox/test_changes_of_settings.py::"
    "test_auth_method_and_secrets_engine_leave_federation_and_come_back"
)
SWITCH = "tests/sandbox/test_identity_switch.py::"
PREFLIGHT = "tests/unit/test_preflight.py::"
MOUNTS = "tests/unit/test_existing_mounts.py::"
HANDED_OVER = "tests/sandbox/test_preflight.py::keeps_what_it_hands_over"
AWS_ROWS = "tests/plugins/test_official_changes.py::test_awss_provider_changes_and_takes_away"
EKS = "tests/plugins/test_aws_eks.py::"
CLUSTERS = "tests/unit/test_program_of_clusters.py::"

TESTS = {
    "`method` of a login": SWITCH + "test_the_way_of_a_login_to_its_role_changes_with_one_word",
    "`vaultIdentity.kind`": SWITCH + "test_no_login_fails_while_vaults_identity_becomes_another_kind",
    "a login's key": LIVE,
    "`vaultRole`": LIVE,
    "`iamRoleName`": LIVE,
    "`serverIdHeader`": LIVE,
    "`mountPath`": LIVE,
    "`vaultIdentity.userName`": LIVE,
    "`secretsEngine.userName`": LIVE,
    "`secretsEngine.path`": FEDERATION,
    "`credentialType`": LIVE,
    "names of IAM policies": LIVE,
    "`roleName` of Vault's identity": FEDERATION,
    "`vault.kv.PATH`": LIVE,
    "`secretsEngine.kind`: `user` ↔ `existing`": "tests/plugins/test_vault_secrets.py::"
    "test_secrets_engine_whose_secret_is_taken_away_as_well_goes_by_what_vault_finds",
    "`mount: existing` of a KV engine": MOUNTS
    + "test_a_kv_engine_that_is_anothers_now_is_forgotten_and_not_deleted",
    "`mount: existing` of the auth mount": MOUNTS
    + "test_a_mount_that_the_stack_has_made_is_not_named_as_anothers",
    "`cluster: {name: blue}` ↔ `clusters: {blue: …}`": CLUSTERS
    + "test_what_stays_in_a_cluster_stays_what_it_is",
    "a cluster added to `clusters`": CLUSTERS + "test_what_stays_in_a_cluster_stays_what_it_is",
    "a namespace taken out": "tests/plugins/test_official_kubernetes.py::"
    "test_kubernetes_provider_changes_and_takes_away",
    "`roleName`, `instanceTypes` of a node group": LIVE,
    "`cluster.kubernetesVersion`": EKS + "test_a_cluster_changes_in_place_what_eks_can_change",
    "`cluster.encryptionKeyArn`": EKS + "test_a_cluster_gets_a_key_in_place_and_loses_it_only_with_itself",
    "`cluster.subnetIds`": EKS + "test_a_cluster_changes_in_place_what_eks_can_change",
    "`federation.thumbprints`": AWS_ROWS,
    "`vault.address`": "tests/plugins/test_framework.py::TestConfiguration",
    "`vault.namespace`": PREFLIGHT
    + "test_a_stack_that_is_up_stays_in_its_namespace_its_account_and_its_region",
    "`vault.endpoints.iam` taken away": "tests/plugins/test_official_changes.py::"
    "test_vaults_provider_changes_and_takes_away",
    "a policy of `policies/vault/`": HANDED_OVER,
    "`serviceAccountMode: none` or `patch`": HANDED_OVER,
    "the ARN of the stack's own IAM role": PREFLIGHT + "test_what_is_anothers_is_told_apart",
    "`cluster.existing: true`": PREFLIGHT + "test_a_cluster_that_is_anothers_now_is_refused_with_the_command",
}
"""How a row begins, and the test."""


def changes() -> list[str]:
    """The first cells of the tables."""
    section = PAGE.split("## Changing things on a live stack\n")[1].split("### Making a cluster again")[0]
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    return [cell for cell in cells if cell not in ("change", "written")]


@pytest.mark.parametrize("change", changes())
def test_a_change_has_its_test(change: str) -> None:
    found = max((start for start in TESTS if change.startswith(start)), key=len, default="")
    assert found, f"write a test of it, and name it here: {change}"
    file, _, name = TESTS[found].partition("::")
    assert re.search(rf"^(def|class) {name}\b", (ROOT / file).read_text(), re.M), TESTS[found]


def test_no_other_change_is_named() -> None:
    assert [start for start in TESTS if not any(change.startswith(start) for change in changes())] == []
