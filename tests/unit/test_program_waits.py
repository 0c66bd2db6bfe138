"""What the program makes the SDK wait for."""

import asyncio
from typing import Any

import pytest

from tests.unit.test_program import run


def logins(number: int) -> dict[str, Any]:
    return {
        f"app-{index:03}": {
            "kind": "service-account",
            "serviceAccounts": [f"default/app-{index:03}"],
            "policies": ["dev"],
        }
        for index in range(number)
    }


def test_the_program_does_not_make_the_sdk_go_through_all_outputs_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited_for = 0
    wait = asyncio.wait

    def counted(tasks: Any, **options: Any) -> Any:
        nonlocal waited_for
        waited_for += len(tasks)
        return wait(tasks, **options)

    monkeypatch.setattr(asyncio, "wait", counted)
    recording = run("dev", **{"vault-aws-auth:logins": logins(20)})
    assert waited_for < len(recording.resources)
