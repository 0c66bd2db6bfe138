"""Each link of a login's chain, in its order, as far as one can look: right, wrong with the fix, unknown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .errors import Refused, UsageProblem
from .links import CommonLinks
from .outputs import Stack
from .workloads import Check, NotChecked, Options, workload

OUTPUTS = "stack outputs"


@dataclass(frozen=True)
class Link:
    """One link, and how it looks."""

    link: str
    ok: bool | None
    """None: could not be looked at."""
    detail: str = ""
    fix: str = ""


def examine(stack: Stack, name: str, options: Options) -> Iterator[Link]:
    """All links of the login `name`; `UsageProblem` if the stack has no such login."""
    who = workload(name, stack, options)
    yield Link(OUTPUTS, True, f"login {name}: {who.caller} is Vault role {who.login.vault_role}")
    found: dict[str, Link] = {}
    blocked: set[str] = set()
    checks = CommonLinks(who).in_order(who.checks())
    for check in checks:
        # Only what is known to be wrong is in the way; what could not be looked at may be right.
        if missing := [n for n in check.needs if n in blocked or (n in found and found[n].ok is False)]:
            blocked.add(check.link)
            found[check.link] = Link(check.link, None, f"not tried, for want of: {', '.join(missing)}")
        else:
            found[check.link] = _look(check)
    for check in checks:
        link = found[check.link]
        if link.ok is None and check.proved_by and found[check.proved_by].ok:
            link = replace(link, ok=True, detail=f"proved by: {check.proved_by}", fix="")
        yield link


def _look(check: Check) -> Link:
    try:
        return Link(check.link, True, check.run())
    except NotChecked as unknown:
        return Link(check.link, None, f"not checked: {unknown}")
    except Refused as error:
        by = f"{error.by}: " if error.by else ""
        return Link(check.link, False, by + error.reason, error.hint)
    except UsageProblem as error:
        return Link(check.link, False, str(error))
