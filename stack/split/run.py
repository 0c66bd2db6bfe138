"""The split, step by step. Each can be killed: run again, it goes on from there.

The team's stack file comes first and the platform's last, the state between them: so at no moment does the
platform's state have a login that its stack file lacks, which the next update would delete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from stack.file import read_policies
from stack.reading import StackFileError
from stack.split import SplitError, files, move, plan, read_yaml, teams
from stack.split.states import Project, State, check_quiet

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "examples" / "platform-and-teams" / "team"
"""The program of a team's stack."""
PROGRAM_FILES = ("__main__.py", "requirements.txt", "Pulumi.yaml")


@dataclass(frozen=True)
class Wanted:
    """What is to be split, and how."""

    file: Path
    """The whole stack's file, which becomes the platform's."""
    stack: str
    project: Path
    """Folder of that stack's project."""
    into: Path
    """Folder of the teams' project."""
    patterns: teams.Patterns | None
    """Who gets what; None: by namespace."""


@dataclass(frozen=True)
class Split:
    """A split that has been thought through: what is left to do of it."""

    wanted: Wanted
    plan: plan.Plan
    platform: str
    """Full name of the platform's stack."""
    source: State
    team_stacks: dict[str, str]
    """Full names of the teams' stacks that exist."""
    destinations: dict[str, State]
    handovers: list[move.Handover]
    platform_text: str
    team_texts: dict[str, str]
    """Of the teams' stack files that have to be written."""

    @property
    def done(self) -> bool:
        return not self.plan.teams

    def team_file(self, team: str) -> Path:
        return stack_file(self.wanted.into, team)


def prepare(wanted: Wanted) -> Split:
    """Think the split through, and change nothing. Raises SplitError with everything that is in the way."""
    document = files.load(wanted.file)
    config: dict[str, Any] = document["config"]
    policies = _policies(wanted.project)
    settings = plan.read(config, policies)
    project, default = _teams_project(wanted.into)
    platform_project = Project(wanted.project)
    full = platform_project.stacks().get(wanted.stack)
    if full is None:
        raise SplitError(
            [f"there is no stack {wanted.stack} in {wanted.project}; pulumi stack ls lists them"]
        )
    if wanted.patterns is None:
        assignment = teams.by_namespace(settings)
    else:
        assignment = teams.by_patterns(settings, wanted.patterns, _gone(wanted, project))
    made = plan.make(
        config, settings, policies, assignment, stack=wanted.stack, platform=full, project=project
    )
    source = platform_project.export(wanted.stack)
    check_quiet(source)
    team_stacks = Project(wanted.into).stacks() if (wanted.into / "Pulumi.yaml").exists() else {}
    destinations, handovers, texts, problems = {}, [], {}, []
    whole = wanted.file.read_text(encoding="utf-8")
    for team in made.teams:
        try:
            if team.name in team_stacks:
                destinations[team.name] = Project(wanted.into).export(team.name)
                check_quiet(destinations[team.name])
            handovers.append(move.find(team, source, destinations.get(team.name)))
            text = files.team(stack_file(wanted.into, team.name), whole, wanted.stack, project, team, default)
            if text is not None:
                texts[team.name] = text
        except SplitError as error:
            problems += error.problems
    if problems:
        raise SplitError(problems)
    move.check_alone(source, handovers)
    return Split(
        wanted,
        made,
        full,
        source,
        team_stacks,
        destinations,
        handovers,
        files.platform(whole, made),
        texts,
    )


def carry_out(split: Split, say: Callable[[str], None]) -> None:
    """Do what is left of it. Raises SplitError where Pulumi refuses; what was done stays, and is right."""
    wanted = split.wanted
    say(f"kept as they were: {_back_up(split)}")
    _install_program(wanted.into)
    platform_project, teams_project = Project(wanted.project), Project(wanted.into)
    organization, _, _ = split.platform.partition("/")
    project, _ = _teams_project(wanted.into)
    secrets_provider = files.load(wanted.file).get("secretsprovider")
    for handover in split.handovers:
        team = handover.team.name
        file = split.team_file(team)
        if team in split.team_texts:
            files.write(file, split.team_texts[team])
        full = split.team_stacks.get(team, f"{organization}/{project}/{team}")
        if team not in split.team_stacks:
            words = ["--secrets-provider", secrets_provider] if secrets_provider else []
            teams_project.call("stack", "init", full, "--no-select", *words)
        if not handover.done:
            move.hand_over(handover, platform_project, split.platform, teams_project, full)
        say(f"{team}: {', '.join(handover.team.logins)} ({handover.resources} resources), {file}")
    files.write(wanted.file, split.platform_text)
    say(f"{wanted.stack}: {wanted.file}")


def _policies(project: Path) -> dict[str, str]:
    """Text of the project's Vault policies, by name. Raises SplitError."""
    try:
        return read_policies(project)
    except StackFileError as error:
        raise SplitError(error.problems) from None


def stack_file(folder: Path, stack: str) -> Path:
    return folder / f"Pulumi.{stack}.yaml"


def _teams_project(into: Path) -> tuple[str, str | None]:
    """Name of the teams' project, and the platform that its stack files need not name."""
    file = into / "Pulumi.yaml"
    try:
        project = read_yaml(file if file.exists() else PROGRAM / "Pulumi.yaml")
        name = str(project["name"])
        default = ((project.get("config") or {}).get(f"{name}:platform") or {}).get("default")
    except (TypeError, KeyError, AttributeError):
        raise SplitError([f"{file}: is not a Pulumi project; it wants a mapping with the key name"]) from None
    return name, default


def _gone(wanted: Wanted, project: str) -> dict[str, list[str]]:
    """The logins that the teams have by their stack files."""
    gone = {}
    for team in wanted.patterns or ():
        if (file := stack_file(wanted.into, team)).exists():
            gone[team] = [*(files.load(file)["config"].get(f"{project}:logins") or {})]
    return gone


def _install_program(into: Path) -> None:
    """Put the teams' program there, where there is none. The project's own file comes last: it says that all
    is there."""
    if (into / "Pulumi.yaml").exists():
        return
    into.mkdir(parents=True, exist_ok=True)
    for name in PROGRAM_FILES:
        if not (into / name).exists():
            scratch = into / f".{name}.{os.getpid()}"
            shutil.copyfile(PROGRAM / name, scratch)
            scratch.replace(into / name)


def _back_up(split: Split) -> Path:
    """Keep the states and the stack file in a folder of their own, for their owner alone."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = split.wanted.file.parent / "split-backup" / f"{split.wanted.stack}-{now}"
    folder.mkdir(parents=True, mode=0o700)
    files.write(folder.parent / ".gitignore", "*\n", 0o600)
    files.write(folder / split.wanted.file.name, split.wanted.file.read_text(encoding="utf-8"), 0o600)
    for state in (split.source, *split.destinations.values()):
        files.write(folder / f"{state.stack}.json", state.text, 0o600)
    return folder
