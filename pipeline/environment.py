"""One environment: its stack, its stack file, and the guardrails that hold for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import PipelineError
from pipeline import guardrails as rules
from pipeline.guardrails import PACK_FILE


@dataclass(frozen=True)
class Environment:
    """An environment, which is a stack of the same name."""

    name: str
    project: Path
    """Folder of the Pulumi project."""
    stack_file: Path
    guardrails: Path | None
    """Folder of the policy pack; None: there is none."""

    @property
    def guardrails_config(self) -> Path | None:
        """The pack's configuration for this stack, where it differs from the pack's defaults."""
        return rules.configuration(self.guardrails, self.name) if self.guardrails else None

    @property
    def caveat(self) -> str:
        """What of the guardrails does not hold here, in a few words; empty where all of them do."""
        if self.guardrails is None:
            return "no guardrails were enforced"
        found = rules.softened(self.guardrails_config) if self.guardrails_config else ()
        told = ", ".join(found)
        return f"not every guardrail is enforced: {told}" if told else ""

    @property
    def engine_options(self) -> list[str]:
        """What every run of the engine on this environment is told."""
        options = ["--stack", self.name, "--config-file", str(self.stack_file)]
        if self.guardrails:
            options += rules.engine_options(self.guardrails, self.guardrails_config)
        return options


def find(name: str, project: Path, config_dir: Path | None, guardrails: Path | None) -> Environment:
    """The environment of a name. Raises PipelineError where there is nothing to run.

    Stack files are in `config_dir`, by default in the project; the guardrails are by default those of the
    project, if it has any.
    """
    project = project.resolve()
    folder = (config_dir or project).resolve()
    if not (project / "Pulumi.yaml").is_file():
        raise PipelineError(f"{project} has no Pulumi.yaml; name the Pulumi project with --project")
    stack_file = folder / f"Pulumi.{name}.yaml"
    if not stack_file.is_file():
        known = sorted(path.stem.removeprefix("Pulumi.") for path in folder.glob("Pulumi.*.yaml"))
        raise PipelineError(
            f"there is no stack file {stack_file}; write it, or name another environment: "
            f"{', '.join(known) or 'there is none in this folder; name theirs with --config-dir'}"
        )
    if guardrails and not (guardrails / PACK_FILE).is_file():
        raise PipelineError(f"{guardrails} is not a policy pack, as it has no {PACK_FILE}")
    pack = (guardrails or project / "policies" / "guardrails").resolve()
    found = Environment(name, project, stack_file, pack if (pack / PACK_FILE).is_file() else None)
    if found.guardrails and found.guardrails_config:
        rules.check(found.guardrails_config, found.guardrails)
    return found


def guarded(environment: Environment, unguarded: bool) -> Environment:
    """The environment with its guardrails, or without them where that is wanted in so many words: a folder
    that was moved must not be a way around them."""
    if unguarded:
        return replace(environment, guardrails=None)
    if environment.guardrails is None:
        raise PipelineError(
            f"{environment.project} has no policies/guardrails; name the policy pack with --guardrails, "
            "or go without one with --no-guardrails"
        )
    return environment
