"""`doctor`: checks each link of a login's chain in order: right, wrong with the fix, or unknown."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from .console import print_json
from .doctor_checks import CommonChecks
from .errors import Refused, UsageProblem
from .options import CallerOptions
from .outputs import Stack
from .screen import Screen
from .workloads import Check, NotChecked, workload

OUTPUTS = "stack outputs"


@dataclass(frozen=True)
class Link:
    """One link, and what was found."""

    link: str
    ok: bool | None
    """None if it could not be checked."""
    detail: str = ""
    fix: str = ""


def examine(stack: Stack, name: str, chosen: CallerOptions) -> Iterator[Link]:
    """All links of the login `name`; raises `UsageProblem` if the stack has no such login."""
    who = workload(name, stack, chosen)
    yield Link(OUTPUTS, True, f"login {name}: {who.caller} logs in to Vault role {who.login.vault_role}")
    found: dict[str, Link] = {}
    blocked: set[str] = set()
    checks = CommonChecks(who).in_order(who.checks())
    for check in checks:
        # Only links that are known to be wrong block others; an unknown one may be right.
        if missing := [n for n in check.needs if n in blocked or (n in found and found[n].ok is False)]:
            blocked.add(check.link)
            found[check.link] = Link(check.link, None, f"skipped, because of: {', '.join(missing)}")
        else:
            found[check.link] = _run(check)
    for check in checks:
        link = found[check.link]
        if link.ok is None and check.proved_by and found[check.proved_by].ok:
            link = replace(link, ok=True, detail=f"proved by: {check.proved_by}", fix="")
        yield link


def _run(check: Check) -> Link:
    try:
        return Link(check.link, True, check.run())
    except NotChecked as unknown:
        return Link(check.link, None, f"not checked: {unknown}")
    except Refused as error:
        by = f"{error.by}: " if error.by else ""
        return Link(check.link, False, by + error.reason, error.hint)
    except UsageProblem as error:
        return Link(check.link, False, str(error))


def print_links(links: list[Link], *, as_json: bool) -> None:
    """Print a line per link with the fix below it, or JSON, where `ok` is null for what was not checked."""
    if as_json:
        print_json({"ok": all(link.ok for link in links), "links": [asdict(link) for link in links]})
        return
    out = Screen()
    width = max(len(link.link) for link in links)
    for link in links:
        mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}[link.ok]
        out.row((f"{mark}  ", style), (link.link, "bold"), link.detail, width + 5)
        if link.fix:
            out.put("   ", ("→ ", "cyan"), link.fix, hang=5)
    wrong, unknown = (sum(link.ok is state for link in links) for state in (False, None))
    out.put()
    if not wrong and not unknown:
        out.put((f"all {len(links)} links are right", "green"))
        return
    counts = [f"{wrong} wrong"] if wrong else []
    counts += [f"{unknown} not checked"] if unknown else []
    out.put((f"{' and '.join(counts)} of {len(links)} links", "red" if wrong else "yellow"))
