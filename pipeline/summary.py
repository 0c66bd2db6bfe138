"""Reports as Markdown, for a comment on a pull request, a job's summary or an issue."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report import Change, Report, Violation

ROOM = 4000
"""Characters of a table, and of the reasons below it. GitHub allows 65,536 for all environments together, and
`pipeline.access` has a section for each, too."""
CELL = 800


def of_preview(environment: str, report: Report, caveat: str = "") -> str:
    """What an update would do, what the guardrails report, and why it fails.

    `caveat` says which guardrails are not enforced.
    """
    title = f"{report.counts()}, {report.unchanged} unchanged" if report.ok else "refused"
    lines = [f"### `{environment}`: {title}", ""]
    if report.errors or not (report.ok or report.violations):
        lines += _quoted("\n".join(report.errors) or report.reason)
    lines += _guardrails(report.violations)
    if caveat:
        lines += [f"{caveat[0].upper()}{_cell(caveat[1:])}.", ""]
    return "\n".join([*lines, *_table(report.changes)])


def of_drift(environment: str, report: Report) -> str:
    """What differs from the stack's last update, or from the project's declaration."""
    if not report.ok:
        title = "could not be checked"
        return "\n".join([f"### `{environment}`: {title}", "", *_quoted(report.reason)])
    title = f"{len(report.changes)} differ" if report.changes else "no drift"
    return "\n".join([f"### `{environment}`: {title}", "", *_table(report.changes)])


def describe(change: Change) -> str:
    """How a resource differs, for drift."""
    keys = f": {', '.join(change.keys)}" if change.keys else ""
    if change.outside:
        return f"{change.outside} outside of Pulumi{keys}"
    if change.operation == "create":
        return "declared, but not deployed"
    if change.operation == "delete":
        return "deployed, but no longer declared"
    return f"deployed differently than declared{keys}"


def _table(changes: list[Change]) -> Iterator[str]:
    if not changes:
        return
    rows = []
    for change in changes:
        keys = ", ".join(f"`{key}`" for key in change.keys)
        outside = f"{change.outside} outside of Pulumi" if change.outside else ""
        rows.append(_row(change.operation, f"`{change.type}` {change.name}", keys, outside))
    yield "| | resource | what changes | |"
    yield "|---|---|---|---|"
    yield from _first(rows, "| … | {} more | | |")
    yield ""


def _guardrails(violations: list[Violation]) -> Iterator[str]:
    """What is wrong with which resource, then what each rule requires and why."""
    if not violations:
        return
    rows, rules = [], {}
    for found in sorted(violations, key=lambda each: not each.mandatory):
        what, rule = _parts(found.message)
        rows.append(_row(f"{'must' if found.mandatory else 'should'}: {found.policy}", found.resource, what))
        rules[found.policy] = f"- {found.policy}: {_cell(rule)}"
    yield "| guardrail | resource | |"
    yield "|---|---|---|"
    yield from _first(rows, "| … | {} more | |")
    yield ""
    yield from _first([line for policy, line in rules.items() if line != f"- {policy}: "], "- … {} more")
    yield ""


def _parts(message: str) -> tuple[str, str]:
    """What is wrong with the resource; and the rule, why, and how to fix it, which is the same for all.

    A message starts with the rule's description.
    """
    says, _, rest = message.partition("\n")
    what, why, advice = rest.partition("Why: ")
    return (what.strip(), f"{says}\n{why}{advice}".strip()) if what.strip() else (message, "")


def _first(lines: list[str], more: str) -> Iterator[str]:
    """As many lines as fit, and the number of the rest."""
    room = ROOM
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield more.format(len(lines) - number)
            return
        yield line


def _quoted(text: str) -> list[str]:
    cut = f"{text[: ROOM // 2]}\n…" if len(text) > ROOM // 2 else text
    return ["```", cut.replace("```", "'''"), "```", ""]


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    cut = f"{text[:CELL]}…" if len(text) > CELL else text
    return cut.replace("|", "\\|").replace("\n", "<br>")
