"""The engine's options for the guardrails."""

from pathlib import Path

from pipeline import PipelineError, guardrails
from sandbox.home import SandboxError

PACK = guardrails.PACK
variables = guardrails.variables


def configuration(stack: str) -> Path | None:
    """The guardrails' configuration of a stack; None if it has none, so that the defaults apply."""
    return guardrails.configuration(PACK, stack)


def options(path: Path | None) -> list[str]:
    """The options for `pulumi`. Raises SandboxError if the configuration is missing or invalid."""
    if path is None:
        return guardrails.engine_options(PACK, None)
    if not path.is_file():
        raise SandboxError(f"there is no guardrails' configuration {path}; name one with --guardrails FILE")
    try:
        guardrails.check(path, PACK)
    except PipelineError as error:
        raise SandboxError(str(error)) from error
    return guardrails.engine_options(PACK, path.resolve())
