"""The guardrails: what the engine is told so that it asks them about every resource."""

from __future__ import annotations

from pathlib import Path

from pipeline import PipelineError, guardrails
from sandbox.home import SandboxError

PACK = guardrails.PACK


def configuration(stack: str) -> Path | None:
    """The guardrails' configuration for a stack, unless it has none and so goes by the defaults."""
    return guardrails.configuration(PACK, stack)


def options(path: Path | None) -> list[str]:
    """What `pulumi` is told. Raises SandboxError for a configuration that is none."""
    if path is None:
        return guardrails.engine_options(PACK, None)
    if not path.is_file():
        raise SandboxError(f"there is no guardrails' configuration {path}; give one with --guardrails FILE")
    try:
        guardrails.check(path, PACK)
    except PipelineError as error:
        raise SandboxError(str(error)) from error
    return guardrails.engine_options(PACK, path.resolve())
