"""What `verify` prints: each attempt as soon as it is made, below the name of its login."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .screen import Screen

if TYPE_CHECKING:
    from .verify import Finding

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}

_VERDICT = 20
"""Where the caller begins, after the mark and `refused by Vault`."""


def show(findings: "Iterable[Finding]", out: Screen) -> "list[Finding]":
    """Print each finding as it comes, and return all of them."""
    shown: list[Finding] = []
    who = ""
    for found in findings:
        if not shown or shown[-1].login != found.login:
            if shown:
                out.put()
            out.put((found.login, "bold"))
            who = ""
        # On a terminal, what the same caller tries next is said without its name.
        same = who and found.caller.startswith(f"{who}, ") and out.columns
        _put(found, f"  {found.caller.removeprefix(f'{who}, ')}" if same else found.caller, out)
        who = who if same else found.caller
        shown.append(found)
    out.put()
    out.put(_summary(shown))
    return shown


def _put(found: "Finding", caller: str, out: Screen) -> None:
    sign, colour = MARKS[found.ok]
    got, _, policies = found.got.partition(" (")
    verdict = f"{got} by {found.refused_by}" if found.ok and found.refused_by else got
    out.row(
        (f"{sign} ", colour), (verdict, colour), f"{caller} ({policies}" if policies else caller, _VERDICT
    )
    if found.ok:
        return
    if found.ok is False:
        by = f", by {found.refused_by}" if found.refused_by else ""
        out.put(f"  expected {found.expected}, got {found.got}{by}", hang=2)
    if found.reason:
        for line in found.reason.splitlines():
            out.put(f"  {line}", hang=2)
    if found.hint:
        out.put("  ", ("→ ", "cyan"), found.hint, hang=4)


def _summary(found: "Sequence[Finding]") -> tuple[str, str]:
    """The last line, and its colour."""
    wrong = [each for each in found if each.ok is False]
    untried = sum(each.ok is None for each in found)
    if wrong:
        more = f", {untried} not tried from here" if untried else ""
        names = ", ".join(dict.fromkeys(each.login for each in wrong))
        return f"{len(wrong)} of {len(found)} not as expected{more}; see {names}", "red"
    if untried:
        return f"{len(found) - untried} of {len(found)} as expected, {untried} not tried from here", "yellow"
    return f"all {len(found)} as expected", "green"
