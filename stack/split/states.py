"""The states of stacks, and what is in which: read with `pulumi stack export`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.split import SplitError

Resource = dict[str, Any]


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder."""

    folder: Path

    def call(self, *words: str) -> str:
        """Run a command of `pulumi` to its end, and return what it printed. Ctrl-C waits for that end, as a
        state is written in several steps. Raises SplitError with Pulumi's own words."""
        command = ["pulumi", *words, "--non-interactive", "--color", "never"]
        try:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                encoding="utf-8",
            )
        except FileNotFoundError:
            raise SplitError(["there is no pulumi on PATH; install it: https://www.pulumi.com"]) from None
        try:
            output, errors = process.communicate()
        except KeyboardInterrupt:
            process.communicate()
            raise
        if process.returncode != 0:
            said = (errors.strip() or output.strip()).removeprefix("error: ")
            raise SplitError([f"pulumi {' '.join(words[:2])} failed: {said}"])
        return output

    def stacks(self) -> dict[str, str]:
        """The project's stacks: the full name, ORGANIZATION/PROJECT/STACK, by the short one."""
        listed = json.loads(self.call("stack", "ls", "--json", "--fully-qualify-stack-names"))
        return {it["name"].rpartition("/")[2]: it["name"] for it in listed}

    def export(self, stack: str) -> State:
        """The state of a stack; its secrets stay encrypted."""
        text = self.call("stack", "export", "--stack", stack)
        deployment = json.loads(text).get("deployment") or {}
        return State(
            stack,
            text,
            deployment.get("resources") or [],
            [it["resource"]["urn"] for it in deployment.get("pending_operations") or []],
        )


@dataclass(frozen=True)
class State:
    """What a stack has."""

    stack: str
    text: str
    """As it was exported."""
    resources: list[Resource]
    pending: list[str]
    """URNs of what an update was at when it was killed."""

    def components(self, wanted: Collection[str]) -> dict[str, str]:
        """The URN of each of these components that it has, by `TYPE::NAME`. Their parent is the stack."""
        return {tail: it["urn"] for it in self.resources if (tail := it["urn"].split("::", 2)[2]) in wanted}

    def tree(self, urns: Iterable[str]) -> list[Resource]:
        """Resources and all below them, in the order of the state: a parent comes before its children."""
        found = {*urns}
        tree = []
        for resource in self.resources:
            if resource["urn"] in found or resource.get("parent") in found:
                found.add(resource["urn"])
                tree.append(resource)
        return tree

    def dependents(self, moving: Collection[str]) -> list[str]:
        """URNs of the resources that would stay and depend on ones that move."""
        return [
            it["urn"]
            for it in self.resources
            if it["urn"] not in moving and not moving.isdisjoint(_dependencies(it))  # type: ignore[attr-defined]
        ]


def _dependencies(resource: Resource) -> set[str]:
    properties = (resource.get("propertyDependencies") or {}).values()
    found = {*(resource.get("dependencies") or ()), *(urn for urns in properties for urn in urns or ())}
    return found | {str(resource.get("deletedWith") or "")}


def check_quiet(state: State) -> None:
    """Raise SplitError for a state that an update has left half-way."""
    if state.pending:
        raise SplitError(
            [
                f"stack {state.stack}: an update was killed while it worked on "
                f"{state.pending[0].rpartition('::')[2]}; run pulumi up --refresh there first"
            ]
        )
    if doomed := [it["urn"] for it in state.resources if it.get("delete")]:
        raise SplitError(
            [
                f"stack {state.stack}: {doomed[0].rpartition('::')[2]} is still to be deleted; run pulumi up "
                "there first"
            ]
        )
