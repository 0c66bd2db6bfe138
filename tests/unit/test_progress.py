"""The engine's report on a terminal: steps in one line, and nothing of what else it says lost."""

from __future__ import annotations

import io
import re

import pytest

from sandbox import progress

REPORT = """\
Updating (local):

 +  pulumi:pulumi:Stack vault-aws-auth-local creating (0s)\x20
 +  aws:iam:Role node creating (0s)\x20
@ updating....
@ previewing update...
 +  aws:iam:Role node created (0.12s)\x20
 ~  vault:index/policy:Policy dev updating (0s) [diff: ~policy]
 +- kubernetes:core/v1:ServiceAccount default.api replacing (0s)\x20
 +  aws:iam:Role other creating (0s) error: Invalid principal in policy
 +  aws:iam:Role other **creating failed** error: Invalid principal in policy
    pulumi:pulumi:Stack vault-aws-auth-local  2 messages
Diagnostics:
  aws:iam:Role (other):
    error: Invalid principal in policy: created (by hand)

Resources:
    + 2 created
"""


def on_screen(written: str) -> list[str]:
    """What a terminal shows in the end."""
    return [re.sub(r"^.*\r\x1b\[K", "", line) for line in written.rstrip("\n").split("\n")]


def test_steps_are_one_line_that_is_rewritten_and_all_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    progress.show(REPORT.splitlines(keepends=True), out)
    shown = on_screen(out.getvalue())
    hidden = ("Stack vault-aws-auth-local creating", "Role node", "@ updating", "@ previewing", "default.api")
    assert shown == [line for line in REPORT.splitlines() if not any(it in line for it in hidden)]
    steps = re.findall(r"\r\x1b\[K([^\r\n]+)", out.getvalue())
    assert "  1 created; created Role node" in steps
    assert max(len(step) for step in steps if step.startswith("  1 created;")) < 40


def test_without_a_terminal_the_engine_writes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    with progress.shown() as descriptor:
        assert descriptor is None
