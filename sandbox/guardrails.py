"""The engine's options for the guardrails."""

from pathlib import Path

from pipeline import PipelineError, guardrails
from sandbox.home import SandboxError

variables = guardrails.variables


def options(path: Path) -> list[str]:
    """The options for `pulumi`. Raises SandboxError if the configuration is missing or invalid."""
    if not path.is_file():
        raise SandboxError(f"there is no guardrails' configuration {path}; name one with --guardrails FILE")
    try:
        guardrails.check(path, guardrails.PACK)
    except PipelineError as error:
        raise SandboxError(str(error)) from error
    return guardrails.engine_options(guardrails.PACK, path.resolve())
