"""The guardrails: what the engine is told so that it asks them about every resource."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from policies.guardrails.rules import RULES
from sandbox import environment
from sandbox.home import REPOSITORY, SandboxError
from tools import build

PACK = REPOSITORY / "policies" / "guardrails"
LEVELS = ("advisory", "mandatory", "disabled")


def configuration(stack: str) -> Path | None:
    """The guardrails' configuration for a stack, unless it has none and so goes by the defaults."""
    path = PACK / "stacks" / f"{stack}.json"
    return path if path.exists() else None


def options(path: Path | None) -> list[str]:
    """What `pulumi` is told. Raises SandboxError for a configuration that is none."""
    if path is None:
        return ["--policy-pack", str(PACK)]
    _check(path)
    return ["--policy-pack", str(PACK), "--policy-pack-config", str(path.resolve())]


def install(plugins: Path) -> None:
    """Puts the program that runs Python policies where the engine looks, unless Pulumi came with one."""
    name = "pulumi-analyzer-policy-python"
    if not (build.ensure("pulumi").resolve().parent / name).exists():
        folder = plugins / f"analyzer-policy-python-v{importlib.metadata.version('pulumi')}"
        environment.write_launcher(folder / name, ["-u", "-m", "pulumi.policy"])


def _check(path: Path) -> None:
    """What the engine does not tell: it ignores the name of a rule that there is none of."""
    try:
        given = json.loads(path.read_text())
    except FileNotFoundError:
        raise SandboxError(
            f"there is no guardrails' configuration {path}; give one with --guardrails FILE"
        ) from None
    except ValueError as error:
        raise SandboxError(f"{path} is not JSON: {error}") from error
    known = ["all", *(rule.name for rule in RULES)]
    if not isinstance(given, dict):
        raise SandboxError(
            f"{path} is not a configuration of the guardrails: it wants an object with a key for each rule"
        )
    for name, value in given.items():
        if name not in known:
            raise SandboxError(f"{path}: {name} is not a rule; there are: {', '.join(known)}")
        level = value.get("enforcementLevel", "mandatory") if isinstance(value, dict) else value
        if level not in LEVELS:
            raise SandboxError(f"{path}: {name}: {level!r} is not a level; write one of {', '.join(LEVELS)}")
