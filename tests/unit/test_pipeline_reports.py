"""What the pipeline makes of the engine's events."""

import json
from pathlib import Path
from typing import Any

from pipeline import summary
from pipeline.report import Change, Report, read

ROLE = "urn:pulumi:dev::p::vault-aws-auth:index:ServiceAccountLogin$aws:iam/role:Role::api-iam-role"
VAULT_ROLE = "urn:pulumi:dev::p::vault:aws/authBackendRole:AuthBackendRole::api-vault-role"


def step(urn: str, operation: str, *keys: str) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": operation, "urn": urn, "diffs": list(keys) or None}}}


def refreshed(urn: str, new: object, *keys: str) -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": {"op": "refresh", "urn": urn, "new": new, "diffs": list(keys)}}}


def diagnostic(severity: str, message: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def report_of(tmp_path: Path, *events: dict[str, Any], ok: bool = True, stderr: str = "") -> Report:
    log = tmp_path / "events.json"
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    return read(log, ok, stderr)


def test_changes_are_named_with_their_keys_and_never_with_values(tmp_path: Path) -> None:
    found = report_of(
        tmp_path,
        step(ROLE, "update", "tags.team", "assumeRolePolicy", "tags.owner"),
        step(VAULT_ROLE, "same"),
        step(VAULT_ROLE, "create-replacement", "role"),
        step(VAULT_ROLE, "replace", "role"),
        step(VAULT_ROLE, "delete-replaced", "role"),
        {"summaryEvent": {"resourceChanges": {"same": 7, "update": 1}}},
    )
    assert found.changes == [
        Change("update", "aws:iam:Role", "api-iam-role", ("assumeRolePolicy", "tags")),
        Change("replace", "vault:aws:AuthBackendRole", "api-vault-role", ("role",)),
    ]
    assert found.unchanged == 7
    assert found.counts() == "1 to update, 1 to replace"
    assert found.counts(done=True) == "1 updated, 1 replaced"


def test_a_provider_that_the_engine_makes_for_itself_is_no_change(tmp_path: Path) -> None:
    start = "urn:pulumi:dev::p::pulumi:providers:"
    own = [step(f"{start}pulumi::default", "create"), step(f"{start}aws::default_7_51_1", "delete")]
    declared = step(f"{start}aws::defaults", "create")
    found = report_of(tmp_path, *own, declared)
    assert found.changes == [Change("create", "pulumi:providers:aws", "defaults")]


def test_changes_outside_pulumi_are_told_from_what_was_not_deployed(tmp_path: Path) -> None:
    found = report_of(
        tmp_path,
        refreshed(ROLE, {"id": "x"}, "assumeRolePolicy"),
        refreshed(VAULT_ROLE, None),
        step(ROLE, "update", "assumeRolePolicy"),
        step(VAULT_ROLE, "create"),
        step(ROLE.replace("api", "next"), "create"),
        step(ROLE.replace("api", "old"), "delete"),
    )
    assert [summary.describe(change) for change in found.changes] == [
        "changed outside of Pulumi: assumeRolePolicy",
        "declared, but not deployed",
        "deployed, but no longer declared",
        "gone outside of Pulumi",
    ]


def test_a_change_outside_that_an_update_would_leave_alone_is_no_drift(tmp_path: Path) -> None:
    assert report_of(tmp_path, refreshed(ROLE, {"id": "x"}, "tags")).changes == []


def test_the_reason_is_the_guardrails_and_the_programs_own_words(tmp_path: Path) -> None:
    violation = {
        "policyEvent": {
            "resourceUrn": ROLE,
            "policyName": "trust-pins-sub",
            "enforcementLevel": "mandatory",
            "message": "<{%fg 1%}>names no sub<{%reset%}>\n",
        }
    }
    found = report_of(
        tmp_path,
        violation,
        diagnostic("debug", "registering resource"),
        diagnostic("error", "<{%reset%}>2 problems\n"),
        diagnostic("error", "2 problems"),
        ok=False,
        stderr="error: exit status 1",
    )
    assert found.reason == (
        "guardrail trust-pins-sub refuses aws:iam:Role api-iam-role: names no sub\n2 problems"
    )


def test_a_run_that_did_not_begin_gives_pulumis_own_reason(tmp_path: Path) -> None:
    missing = tmp_path / "no-log"
    assert read(missing, False, "error: no stack named 'dev' found\n").reason == "no stack named 'dev' found"
    assert read(missing, False, "").reason == "the engine gave no reason"
