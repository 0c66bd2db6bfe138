"""Reports as Markdown, for a comment on a pull request, a job's summary or an issue."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.report import Change, Report

LIMIT = 60
"""Rows of a table; GitHub takes 65,536 characters in a comment, of all environments together."""


def of_preview(environment: str, report: Report, guarded: bool) -> str:
    """What an update would do, what the guardrails say, and why it cannot be done."""
    title = f"{report.counts()}, {report.unchanged} unchanged" if report.ok else "refused"
    lines = [f"### `{environment}`: {title}", ""]
    if not report.ok:
        lines += ["```", report.reason.replace("```", "'''"), "```", ""]
    if report.violations:
        lines += ["| guardrail | resource | |", "|---|---|---|"]
        for found in report.violations:
            level = "must" if found.mandatory else "should"
            lines.append(f"| {level}: {found.policy} | {_cell(found.resource)} | {_cell(found.message)} |")
        lines.append("")
    elif not guarded:
        lines += ["No guardrails were enforced: there is no policy pack.", ""]
    return "\n".join([*lines, *_table(report.changes)])


def of_drift(environment: str, report: Report) -> str:
    """What is not as the stack's last update left it, or not as the project declares it."""
    if not report.ok:
        title = "could not be looked at"
        return "\n".join([f"### `{environment}`: {title}", "", "```", report.reason, "```", ""])
    title = f"{len(report.changes)} differ" if report.changes else "no drift"
    return "\n".join([f"### `{environment}`: {title}", "", *_table(report.changes)])


def words(change: Change) -> str:
    """What has happened to a resource, for drift."""
    keys = f": {', '.join(change.keys)}" if change.keys else ""
    if change.outside:
        return f"{change.outside} outside of Pulumi{keys}"
    if change.operation == "create":
        return "declared, and not deployed"
    if change.operation == "delete":
        return "deployed, and no longer declared"
    return f"declared otherwise than deployed{keys}"


def _table(changes: list[Change]) -> Iterable[str]:
    if not changes:
        return
    yield "| | resource | what changes | |"
    yield "|---|---|---|---|"
    for change in changes[:LIMIT]:
        keys = ", ".join(f"`{key}`" for key in change.keys)
        outside = f"{change.outside} outside of Pulumi" if change.outside else ""
        yield f"| {change.operation} | `{change.type}` {change.name} | {keys} | {outside} |"
    if len(changes) > LIMIT:
        yield f"| … | {len(changes) - LIMIT} more | | |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
