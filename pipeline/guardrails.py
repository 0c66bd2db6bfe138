"""The guardrails of a stack: a policy pack, and its configuration for the stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import PipelineError
from policies.guardrails import configuration as configured
from policies.guardrails.configuration import ADVISORY, DISABLED, PACK

__all__ = ["PACK", "PACK_FILE", "check", "configuration", "engine_options", "not_enforced", "variables"]

PACK_FILE = "PulumiPolicy.yaml"

configuration = configured.path_of


def check(path: Path, pack: Path) -> None:
    """Raises PipelineError for unknown rules and levels, which the engine ignores.

    The rules' names are known for this project's own pack only.
    """
    try:
        configured.check_levels(path, configured.read(path), own=pack.resolve() == PACK)
    except configured.ConfigurationError as error:
        raise PipelineError(str(error)) from None


def engine_options(pack: Path, config: Path | None) -> list[str]:
    """The options of `pulumi` for a pack and its configuration."""
    options = ["--policy-pack", str(pack)]
    return [*options, "--policy-pack-config", str(config)] if config else options


def variables(options: Sequence[str]) -> dict[str, str]:
    """These options as the variables in which the engine looks for them, too. By them, this project's program
    knows that the engine has the guardrails, and does not ask every rule once more."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return {f"PULUMI_OPTION_{option[2:].replace('-', '_').upper()}": value for option, value in pairs}


def not_enforced(path: Path) -> Iterator[str]:
    """Such as `token-ttl is advisory`, for each rule that the configuration does not enforce."""
    for name, value in configured.read(path).items():
        if configured.level(value) in (ADVISORY, DISABLED):
            yield f"{name} is {configured.level(value)}"
