"""The changes as text, JSON or a page."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import IO, Any

from ..console import camel_case, write_page
from ..origin import now
from ..screen import Screen
from .changes import Comparison, Group, Who
from .reach import PathChange
from .settings import FieldChange, LoginChange

ROOT = "as good as root"


def write_text(found: Comparison, file: IO[str]) -> None:
    """For people; in colour on a terminal."""
    styles = {"+": "green", "-": "red", "!": "bold red", "~": "yellow"}
    out = Screen(file)
    for line in _lines(found):
        style = styles.get(line.strip()[:1], "bold" if line.endswith(":") else "")
        out.put((line, style), hang=len(line) - len(line.lstrip()) + 4)


def _lines(found: Comparison) -> Iterator[str]:
    yield f"from {found.old}"
    yield f"to   {found.new}"
    yield ""
    if found.is_empty:
        yield "no change: the same callers, with the same tokens"
    for title, sign, groups in sections(found):
        yield f"{title}:"
        for group in groups:
            yield from _group(sign, group)
        yield ""
    if found.logins:
        yield "logins that are new, gone or set otherwise:"
        for login in found.logins:
            yield f"  {sign_of(login)} {login_words(login)}"
            yield from (f"      {field_words(each, sign_of(login))}" for each in login.fields)
        yield ""
    if found.settings:
        yield "what all logins have in common:"
        yield from (f"  ~ {field_words(each)}" for each in found.settings)
        yield ""
    yield from (f"note: {note}" for note in found.notes)


def sections(found: Comparison) -> list[tuple[str, str, tuple[Group, ...]]]:
    """The parts that are about callers: a title and a sign for each, and its groups; those that are not
    empty."""
    parts = [
        ("can newly log in", "+", found.can),
        ("can no longer log in", "-", found.cannot),
        ("reach more or less than before", "~", found.differ),
    ]
    return [part for part in parts if part[2]]


def _group(sign: str, group: Group) -> Iterator[str]:
    yield from (f"  {sign} {who_words(who, sign)}" for who in group.who)
    yield from (f"      ! {line}" for line in root_words(group))
    yield from (f"      {line}" for line in reach_words(group))


def who_words(who: Who, sign: str) -> str:
    """Such as `service account default/app of cluster eks1, by login app`."""
    which = "among them, as before" if sign == "+" else "of these can still"
    text = str(who.caller)
    if not who.caller.kind.startswith("login "):
        text += f", by login{'s' * (len(who.logins) > 1)} {', '.join(who.logins)}"
    if who.roles_of:
        text += f", with the role of login{'s' * (len(who.roles_of) > 1)} {', '.join(who.roles_of)}"
    return f"{text}; {which}: {', '.join(who.others)}" if who.others else text


def root_words(group: Group) -> Iterator[str]:
    """What makes the group's tokens as good as root, or no longer does."""
    reach = group.reach
    for gained, reasons in ((True, reach.root_gained), (False, reach.root_lost)):
        if not reasons:
            continue
        if gained:
            verdict = f"becomes {ROOT}" if reach.becomes_root else f"is {ROOT} already, now by this too"
        else:
            verdict = f"no longer {ROOT}" if reach.no_longer_root else f"is still {ROOT}, no longer by this"
        yield f"{verdict}: {'; '.join(reasons)}"


def reach_words(group: Group) -> Iterator[str]:
    """The paths and policies that the group's tokens gain and lose."""
    for path in group.reach.paths:
        yield from path_words(path)
    for sign, policies in (("+", group.reach.unknown_gained), ("-", group.reach.unknown_lost)):
        yield from (
            f"{sign} all that the policy {name} allows; its content is not known here" for name in policies
        )


def path_words(change: PathChange) -> Iterator[str]:
    """A line for what is gained, one for what is lost, one for conditions that change."""
    rest = f"; unchanged at {', '.join(change.unchanged)}" if change.unchanged else ""
    if change.gained:
        yield f"+ {change.path}  {', '.join(change.gained)}{_if(change.after)}{rest}"
    if change.lost:
        yield f"- {change.path}  {', '.join(change.lost)}{_if(change.before)}{rest}"
    if not (change.gained or change.lost):
        before, after = (_if(each).strip() or "(always)" for each in (change.before, change.after))
        yield f"~ {change.path}  {before} → {after}{rest}"


def _if(conditions: tuple[str, ...]) -> str:
    return f" (if {', or '.join(conditions)})" if conditions else ""


def sign_of(login: LoginChange) -> str:
    """`+` for a new login, `-` for one that is gone, `~` for one that changes."""
    return "~" if login.before and login.after else "+" if login.after else "-"


def login_words(login: LoginChange) -> str:
    """Its name, or its two names."""
    if login.before and login.after and login.before != login.after:
        return f"{login.after}, renamed from {login.before}"
    return login.after or login.before


def field_words(change: FieldChange, sign: str = "~") -> str:
    """Such as `maxTtl: 1h → 2h`; of a login that is new or gone, the value alone."""
    if sign != "~":
        return f"{change.field}: {change.after or change.before}"
    return f"{change.field}: {change.before or 'none'} → {change.after or 'none'}"


def document(found: Comparison) -> dict[str, Any]:
    """For scripts."""
    plain: dict[str, Any] = camel_case(asdict(found))
    for kind in ("can", "cannot", "differ"):
        for group, of in zip(plain[kind], getattr(found, kind), strict=True):
            group["who"] = [
                {
                    "text": str(who.caller),
                    "kind": who.caller.kind,
                    "pattern": who.caller.pattern,
                    "cluster": who.caller.cluster,
                    "logins": list(who.logins),
                    "others": list(who.others),
                    "rolesOf": list(who.roles_of),
                }
                for who in of.who
            ]
    names = {"can": "canNewlyLogIn", "cannot": "canNoLongerLogIn", "differ": "reachChanged"}
    shown = {names.get(key, key): value for key, value in plain.items()}
    becomes = [str(who.caller) for who in found.become_root]
    return {
        "changed": not found.is_empty,
        "gainsOrLosses": found.gains_or_losses,
        "becomeRoot": becomes,
        **shown,
    }


def write_json(found: Comparison, file: IO[str]) -> None:
    """The same for scripts."""
    json.dump(document(found), file, indent=2, ensure_ascii=False)
    file.write("\n")


def write_html(found: Comparison, file: IO[str]) -> None:
    """One self-contained page."""
    write_page("compare.html", file, found=found, date=now(), show=sys.modules[__name__])


WRITERS: dict[str, Callable[[Comparison, IO[str]], None]] = {
    "table": write_text,
    "json": write_json,
    "html": write_html,
}
