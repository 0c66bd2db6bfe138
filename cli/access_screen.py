"""What `access` prints for people: each login, who may use it, and the paths that its token reaches."""

from typing import IO, TYPE_CHECKING

from .screen import Part, Screen

if TYPE_CHECKING:
    from .access import Access, Reach, Report

_STYLES = {"deny": "red", "sudo": "red", "read": "green", "list": "green"}
_LABEL = 14
"""Where the values begin, after the widest label and its indent."""


def write(report: "Report", file: IO[str]) -> None:
    """In colour and within the lines of a terminal, if the file is one."""
    out = Screen(file)
    paths = [len(reach.path) for login in report.logins for reach in login.reach]
    widest = max(paths, default=0) if out.columns is None else max((out.columns - 8) // 2, 8)
    at = 4 + min(max(paths, default=0), widest) + 2
    for login in report.logins:
        _put_login(login, out)
        for reach in login.reach:
            _put_path(reach, out, at, with_policies=len(login.policies) > 1)
        out.put()
    for note in report.notes:
        out.put((f"note: {note}", "yellow"), hang=6)


def _put_login(login: "Access", out: Screen) -> None:
    kind = f"{login.kind}, {login.method}" if login.method else login.kind
    root = [("  as good as root", "bold red")] if login.as_root else []
    out.put((login.login, "bold"), f" ({kind})", *root, hang=2)
    label, *more = ("who", *[""] * (len(login.who) - 1)) if login.who else ("",)
    for name, who in zip([label, *more], login.who, strict=False):
        out.row("  ", name, who, _LABEL)
    limit = f", for {login.max_ttl} at most" if login.max_ttl else ""
    out.row("  ", "Vault role", f"{login.vault_role}{limit}", _LABEL)
    out.row("  ", "policies", ", ".join(login.policies), _LABEL)
    out.put("  reaches" if login.reach else "  reaches     ?")


def _put_path(reach: "Reach", out: Screen, at: int, *, with_policies: bool) -> None:
    allowed: list[Part] = []
    for capability in reach.capabilities:
        allowed += [*([", "] if allowed else []), (capability, _STYLES.get(capability, "yellow"))]
    if reach.conditions:
        allowed.append(f" (if: {', '.join(reach.conditions)})")
    if reach.as_root:
        allowed.append(("  as good as root", "bold red"))
    if with_policies:
        allowed.append(f"  by {', '.join(reach.policies)}")
    if out.is_narrow or 4 + len(reach.path) + 2 > at:
        out.put(f"    {reach.path}", hang=6)
        indent = 6 if out.is_narrow else at
        out.put(" " * indent, *allowed, hang=indent)
    else:
        out.put(f"    {reach.path}".ljust(at), *allowed, hang=at)
