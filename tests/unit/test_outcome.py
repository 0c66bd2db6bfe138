"""What is said of a run of the engine that failed is what it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.outcome import described


def state(*names: str, begun: int = 0, **inputs: Any) -> bytes:
    resources = [
        {"urn": "stack", "type": "pulumi:pulumi:Stack"},
        {"urn": "provider", "type": "pulumi:providers:aws", "custom": True, "id": str(len(names))},
        *({"urn": name, "type": "aws:iam/role:Role", "custom": True, "inputs": inputs} for name in names),
    ]
    return json.dumps(
        {"checkpoint": {"latest": {"resources": resources, "pending_operations": [{}] * begun}}}
    ).encode()


KEPT = "Before that, it made, changed or deleted {}, and the stack's state has them."


@pytest.mark.parametrize(
    ("command", "before", "after", "said"),
    [
        ("preview", state("a"), state("a", "b"), "Nothing was changed."),
        ("up", b"", state(), "Nothing was changed."),
        ("up", state("a"), state("a"), "Nothing was changed."),
        ("up", b"", state("a"), KEPT.format("1 resource")),
        ("up", state("a", "b"), state("b", "c", x=1), KEPT.format("3 resources")),
        (
            "up",
            b"",
            state(begun=2),
            "Nothing was changed; whether 2 more changed, which it had begun with, is unknown.",
        ),
        ("destroy", state("a", "b"), state("a"), "Of 2 resources, 1 are left."),
        ("up", b"", b"{", "What it changed cannot be told: the state cannot be read."),
    ],
)
def test_a_failed_run_says_what_is_true_of_it(
    command: str, before: bytes, after: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "state.json").write_bytes(after)
    assert described(command, before, tmp_path / "state.json") == said
