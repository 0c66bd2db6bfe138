"""Hands the resources of a team from the platform's state to the team's.

`pulumi state move` writes the team's state first, and then the platform's: killed in between, both have the
resources. The next run finds that and takes them out of the platform's. Nothing else is ever in both.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

from stack.split import SplitError
from stack.split.plan import Team
from stack.split.states import Project, State, check_quiet


class Step(Enum):
    """What is left to do for a team."""

    MOVE = "move"
    FORGET = "forget"
    """Both states have the resources: take them out of the platform's."""
    NOTHING = "nothing"


@dataclass
class Handover:
    """A team's components, by what is left to do with each; as URNs in the platform's state."""

    team: Team
    move: list[str] = field(default_factory=list)
    forget: list[str] = field(default_factory=list)
    resources: int = 0
    """How many resources these are, with the components themselves."""

    @property
    def done(self) -> bool:
        return not self.move and not self.forget


def find(team: Team, source: State, destination: State | None) -> Handover:
    """What is where. Raises SplitError for a component that neither state has, one of which the two have
    different resources, and a resource that stays and depends on one that goes."""
    here = source.components(team.components)
    there = destination.components(team.components) if destination else {}
    problems = [
        f"{team.name}: {tail.partition('::')[2]} is declared and not deployed; run pulumi up --stack "
        f"{source.stack} first"
        for tail in sorted(team.components - here.keys() - there.keys())
    ]
    found = Handover(team)
    for tail, urn in here.items():
        (found.forget if tail in there else found.move).append(urn)
        if tail in there and destination and _ids(source, urn) != _ids(destination, there[tail]):
            problems.append(
                f"{team.name}: both stacks have {tail.partition('::')[2]}, and not the same one; rename one"
            )
    moving = [it["urn"] for it in source.tree([*found.move, *found.forget])]
    found.resources = len(moving)
    return found if not problems else _refuse(problems)


def _refuse(problems: list[str]) -> Handover:
    raise SplitError(problems)


def _ids(state: State, urn: str) -> dict[str, str]:
    return {it["urn"].split("::", 2)[2]: it.get("id", "") for it in state.tree([urn])}


def check_alone(source: State, handovers: Collection[Handover]) -> None:
    """Raise SplitError where something that stays with the platform depends on what goes."""
    moving = {it["urn"] for handover in handovers for it in source.tree([*handover.move, *handover.forget])}
    if left := source.dependents(moving):
        names = ", ".join(urn.rpartition("::")[2] for urn in left)
        raise SplitError([f"stack {source.stack}: {names} would stay and depends on what goes to a team"])


def hand_over(handover: Handover, platform: Project, source: str, teams: Project, destination: str) -> None:
    """Do what is left. `source` and `destination` are the stacks' full names; the team's stack exists."""
    if handover.move:
        teams.call("state", "move", "--yes", "--source", source, "--dest", destination, *handover.move)
    if handover.forget:
        state = platform.export(source)
        check_quiet(state)
        urns = [it["urn"] for it in state.tree(handover.forget)]
        platform.call("state", "delete", "--yes", "--stack", source, *urns)
