"""What one run of the engine did, from its event log.

Reports are posted in comments and issues that many people read, so they name the resources and properties
that change, but not the values, which events contain. Refusals and errors are quoted from the guardrail, the
program or the provider, and may contain a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPERATIONS = ("create", "update", "replace", "delete")
"""What a step can do to a resource. The two halves of a replacement are not reported separately."""

DEFAULT_PROVIDER = re.compile(r"(?a)::pulumi:providers:\w+::default(_\w+)?$")
"""A provider that the engine creates itself, e.g. for a stack reference; its display hides it too."""

MARKUP = re.compile(r"<\{%.*?%\}>")


@dataclass(frozen=True)
class Change:
    """What a run does, or would do, to a resource."""

    operation: str
    """One of OPERATIONS."""
    type: str
    name: str
    keys: tuple[str, ...] = ()
    """The properties that change, if the engine reports them."""
    outside: str = ""
    """What happened outside Pulumi since the last update: `gone`, `changed`, or empty."""


@dataclass(frozen=True)
class Violation:
    """What a guardrail reports for a resource, or for the stack."""

    policy: str
    mandatory: bool
    resource: str
    message: str


@dataclass
class Report:
    """One run of the engine."""

    ok: bool
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    violations: list[Violation] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Why the run failed, in a few lines. Empty if it succeeded."""
        if self.ok:
            return ""
        refusals = [
            f"guardrail {each.policy} refuses {each.resource}: {each.message}"
            for each in self.violations
            if each.mandatory
        ]
        return "\n".join([*refusals, *self.errors]) or "the engine gave no reason"

    def counts(self, done: bool = False) -> str:
        """`1 to create, 2 to update`; if `done`, `1 created, 2 updated`; or `no changes`."""
        found = [change.operation for change in self.changes]
        parts = [
            f"{found.count(name)} {f'{name}d' if done else f'to {name}'}"
            for name in OPERATIONS
            if name in found
        ]
        return ", ".join(parts) or "no changes"


def read(log: Path, ok: bool, stderr: str) -> Report:
    """The report of the run that wrote this event log. The log is missing if the run did not start."""
    events = (
        [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]
        if log.exists()
        else []
    )
    report = Report(ok)
    refreshed = dict(_refreshed(events))
    for event in events:
        if "resourcePreEvent" in event:
            change = _change(event["resourcePreEvent"]["metadata"], refreshed)
            if change:
                report.changes.append(change)
        elif "policyEvent" in event:
            report.violations.append(_violation(event["policyEvent"]))
        elif event.get("diagnosticEvent", {}).get("severity") == "error":
            report.errors.append(_text(event["diagnosticEvent"]["message"]))
        elif "summaryEvent" in event:
            report.unchanged = event["summaryEvent"]["resourceChanges"].get("same", 0)
    if not ok and not report.errors:
        said = (line.strip() for line in stderr.splitlines())
        report.errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    report.errors = list(dict.fromkeys(report.errors))
    report.changes.sort(key=lambda change: (change.type, change.name))
    return report


def _refreshed(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """By URN, what the refresh found changed outside Pulumi."""
    for event in events:
        found = event.get("resOutputsEvent", {}).get("metadata", {})
        if found.get("op") == "refresh":
            if not found.get("new"):
                yield found["urn"], "gone"
            elif found.get("diffs"):
                yield found["urn"], "changed"


def _change(step: Mapping[str, Any], refreshed: Mapping[str, str]) -> Change | None:
    operation, urn = step["op"], step["urn"]
    if operation not in OPERATIONS or DEFAULT_PROVIDER.search(urn):
        return None
    keys = tuple(sorted({key.split(".")[0].split("[")[0] for key in step.get("diffs") or ()}))
    return Change(operation, _type(urn), urn.split("::")[-1], keys, refreshed.get(urn, ""))


def _violation(event: Mapping[str, Any]) -> Violation:
    urn = event.get("resourceUrn") or ""
    resource = f"{_type(urn)} {urn.split('::')[-1]}" if "::" in urn else "the stack"
    mandatory = event.get("enforcementLevel") == "mandatory"
    return Violation(event["policyName"], mandatory, resource, _text(event["message"]))


def _type(urn: str) -> str:
    """The type in a URN, shortened like in Pulumi's display: `aws:iam:Role`."""
    package, module, name = urn.split("::")[2].split("$")[-1].split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def _text(message: str) -> str:
    return MARKUP.sub("", message).strip()
