"""What is said of a run of the engine that failed is what it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine import Engine, EngineFailed
from sandbox.home import Home
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


@pytest.mark.parametrize(
    ("command", "said"), [("preview", "Nothing was changed."), ("up", KEPT.format("1 resource"))]
)
def test_the_engine_that_fails_is_told_with_what_it_did(
    command: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(Home(tmp_path), "small")
    states = tmp_path / "pulumi" / "state" / ".pulumi" / "stacks" / "vault-aws-auth"
    states.mkdir(parents=True)
    (states / "new").write_bytes(state("a"))
    fake = tmp_path / "pulumi-that-fails"
    fake.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/words\nmv {states}/new {states}/small.json\nexit 255\n'
    )
    fake.chmod(0o755)
    monkeypatch.setattr(Engine, "_pulumi", str(fake))
    monkeypatch.setattr("sandbox.environment.process_environment", lambda _: {"PATH": "/usr/bin:/bin"})
    monkeypatch.setattr("sandbox.deployer.variables", lambda *_: {})
    with pytest.raises(EngineFailed) as failed:
        engine._run(command, folder=tmp_path)
    assert f"pulumi {command} of stack small failed (exit 255), see above. {said} Fix" in str(failed.value)
    assert (tmp_path / "words").read_text().split()[0] == command
