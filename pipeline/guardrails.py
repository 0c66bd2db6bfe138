"""The guardrails of a stack: a policy pack, and its configuration for the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import PipelineError
from policies.guardrails.rules import RULES

PACK = Path(__file__).resolve().parents[1] / "policies" / "guardrails"
"""This project's own."""
PACK_FILE = "PulumiPolicy.yaml"
LEVELS = ("advisory", "mandatory", "disabled")


def configuration(pack: Path, stack: str) -> Path | None:
    """A pack's configuration for a stack. None if the pack's defaults apply."""
    path = pack / "stacks" / f"{stack}.json"
    return path if path.is_file() else None


def check(path: Path, pack: Path) -> None:
    """Raises PipelineError for unknown rules and levels, which the engine ignores.

    The rules' names are known for this project's own pack only.
    """
    own = pack.resolve() == PACK
    known = ["all", *(rule.name for rule in RULES)]
    # Policies of other packs may fix what they find.
    levels = LEVELS if own else (*LEVELS, "remediate")
    for name, value in _read(path).items():
        if own and name not in known:
            raise PipelineError(f"{path}: {name} is not a rule; write one of {', '.join(known)}")
        level = _level(value)
        if level not in levels:
            raise PipelineError(f"{path}: {name}: {level!r} is not a level; write one of {', '.join(levels)}")


def engine_options(pack: Path, config: Path | None) -> list[str]:
    """The options of `pulumi` for a pack and its configuration."""
    options = ["--policy-pack", str(pack)]
    return [*options, "--policy-pack-config", str(config)] if config else options


def not_enforced(path: Path) -> Iterator[str]:
    """Such as `token-ttl is advisory`, for each rule that the configuration does not enforce."""
    for name, value in _read(path).items():
        if _level(value) in ("advisory", "disabled"):
            yield f"{name} is {_level(value)}"


def _read(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text())
    except ValueError as error:
        raise PipelineError(f"{path} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise PipelineError(
            f"{path} is not a configuration of guardrails: write an object with a key for each rule"
        )
    return given


def _level(value: Any) -> Any:
    return value.get("enforcementLevel", "mandatory") if isinstance(value, dict) else value
