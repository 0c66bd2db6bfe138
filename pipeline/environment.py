"""One environment: its stack, its stack file and its guardrails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import PipelineError
from pipeline import guardrails as rules
from pipeline.guardrails import PACK_FILE


@dataclass(frozen=True)
class Environment:
    """An environment: a stack of the same name."""

    name: str
    project: Path
    """Folder of the Pulumi project."""
    stack_file: Path
    guardrails: Path | None
    """Folder of the policy pack. None: run without one."""

    @property
    def guardrails_config(self) -> Path | None:
        """The pack's configuration for this stack. None if the pack's defaults apply."""
        return rules.configuration(self.guardrails, self.name) if self.guardrails else None

    @property
    def caveat(self) -> str:
        """Which guardrails are not enforced, in a few words. Empty if all are."""
        if self.guardrails is None:
            return "no guardrails were enforced by the engine"
        found = ", ".join(rules.not_enforced(self.guardrails_config) if self.guardrails_config else ())
        return f"not every guardrail is enforced: {found}" if found else ""

    @property
    def stack_options(self) -> list[str]:
        """The options of `pulumi` for this stack."""
        return ["--stack", self.name, "--config-file", str(self.stack_file)]

    @property
    def guardrail_options(self) -> list[str]:
        """The options of `pulumi` for the guardrails."""
        if self.guardrails is None:
            return []
        return rules.engine_options(self.guardrails, self.guardrails_config)


def find(name: str, project: Path, config_dir: Path | None, guardrails: Path | None) -> Environment:
    """The environment of this name. Raises PipelineError if it cannot be run.

    Stack files are in `config_dir`, by default the project; the guardrails are by default the project's.
    """
    project = project.resolve()
    folder = (config_dir or project).resolve()
    if not (project / "Pulumi.yaml").is_file():
        raise PipelineError(f"{project} has no Pulumi.yaml; name the Pulumi project with --project")
    stack_file = folder / f"Pulumi.{name}.yaml"
    if not stack_file.is_file():
        known = sorted(path.stem.removeprefix("Pulumi.") for path in folder.glob("Pulumi.*.yaml"))
        raise PipelineError(
            f"there is no stack file {stack_file}; create it, or name another environment: "
            f"{', '.join(known) or 'none is in this folder; name theirs with --config-dir'}"
        )
    if guardrails and not (guardrails / PACK_FILE).is_file():
        raise PipelineError(f"{guardrails} is not a policy pack: it has no {PACK_FILE}")
    pack = (guardrails or project / "policies" / "guardrails").resolve()
    found = Environment(name, project, stack_file, pack if (pack / PACK_FILE).is_file() else None)
    if found.guardrails and found.guardrails_config:
        rules.check(found.guardrails_config, found.guardrails)
    return found


def guarded(environment: Environment, unguarded: bool) -> Environment:
    """The environment with its guardrails, or explicitly without: a moved folder must not disable them."""
    if unguarded:
        return replace(environment, guardrails=None)
    if environment.guardrails is None:
        raise PipelineError(
            f"{environment.project} has no policies/guardrails; name the policy pack with --guardrails, "
            "or run without one with --no-guardrails"
        )
    return environment
