"""What `down` waits for: what Kubernetes is about to delete, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import leftovers
from sandbox.home import Home


class Cluster:
    """Answers with one object of each kind that is asked for, and no custom ones."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self.metadata = {"name": "x", **metadata}

    def get(self, path: str) -> dict[str, Any]:
        return {"items": [] if "customresource" in path else [{"metadata": self.metadata}]}


@pytest.mark.parametrize(
    ("metadata", "goes"),
    [
        ({}, False),
        ({"deletionTimestamp": "2030-01-01T00:00:00Z"}, True),
        ({"ownerReferences": [{"kind": "Deployment", "name": "y"}]}, True),
    ],
)
def test_an_object_goes_once_it_is_deleted_or_after_its_owner(metadata: dict[str, Any], goes: bool) -> None:
    cluster: Any = Cluster(metadata)
    assert dict(leftovers._kubernetes(cluster))["Kubernetes: namespace x"] is goes


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ([{"namespace x": True}, {"namespace x": True}, {}], []),
        ([{"namespace x": True, "role y": False}, {"role y": False}], ["role y"]),
        ([{"role y": False}], ["role y"]),
    ],
)
def test_down_asks_again_until_what_goes_is_gone_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, seen: list[dict[str, bool]], left: list[str]
) -> None:
    (tmp_path / "baseline.json").write_text('["role z"]')
    answers = iter(seen)
    monkeypatch.setattr(leftovers, "inventory", lambda _: next(answers))
    monkeypatch.setattr(leftovers, "PAUSE", 0)
    assert leftovers.difference(Home(tmp_path)) == leftovers.Difference(left, ["role z"])
    assert next(answers, None) is None
