"""Who gains what by a change, as a section of the pull request's comment.

It is `vault-aws-auth access --compare`: computed from stack files and policies alone. Names in it are those
of the pull request's files, so each is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli.compare import Comparison, Project, compare, load, show
from cli.errors import Refused
from pipeline.environment import Environment

ROOM = 6000
"""Characters of a section. GitHub allows 65,536 for all sections of all environments together."""
CELL = 400
MOST = 10
"""Callers with the same changes that are named."""


def since(base: str, environment: Environment) -> Comparison:
    """What changes for an environment from a revision to the files in the checkout. Raises Refused.

    Where the revision has no stack file of the environment, nobody could log in before.
    """
    where = Project(environment.project, environment.name, environment.stack_file.parent)
    old = load(base, where, new_stack=True)
    return compare(old, load(str(environment.stack_file), where))


def section(environment: str, found: Comparison) -> str:
    """The changes as Markdown, at most ROOM characters and a heading."""
    title = f"### {code(environment)}: who gains what in Vault"
    if found.is_empty:
        return "\n".join([title, "", "No change: the same callers, with the same tokens.", ""])
    lines = [title, "", *_fitting(list(_lines(found)))]
    return "\n".join([*lines, ""])


def failure(environment: str, error: Refused) -> str:
    """Why the changes could not be computed, as Markdown."""
    title = f"### {code(environment)}: who gains what in Vault could not be computed"
    text = "\n".join(filter(None, [error.reason, error.hint]))[: ROOM // 2].replace("```", "'''")
    return "\n".join([title, "", "```", text, "```", ""])


def _lines(found: Comparison) -> Iterator[str]:
    if found.become_root:
        who = [code(str(each.caller)) for each in found.become_root]
        more = f" and {len(who) - MOST} more" if len(who) > MOST else ""
        yield f"**Becomes {show.ROOT}:** {', '.join(who[:MOST])}{more}"
        yield ""
    for heading, sign, groups in show.sections(found):
        yield f"**{heading[0].upper()}{heading[1:]}**"
        yield ""
        for group in groups:
            yield from (f"- {code(f'{sign} {show.who_words(who, sign)}')}" for who in group.who[:MOST])
            if len(group.who) > MOST:
                yield f"- … and {len(group.who) - MOST} more callers"
            yield from (f"  - ⚠️ {code(line)}" for line in show.root_words(group))
            yield from (f"  - {code(line)}" for line in show.reach_words(group))
        yield ""
    if found.logins:
        yield "**Logins that are new, gone or set otherwise**"
        yield ""
        for login in found.logins:
            sign = show.sign_of(login)
            yield f"- {code(f'{sign} {show.login_words(login)}')}"
            yield from (f"  - {code(show.field_words(each, sign))}" for each in login.fields)
        yield ""
    if found.settings:
        yield "**What all logins have in common**"
        yield ""
        yield from (f"- {code(show.field_words(each))}" for each in found.settings)
        yield ""
    yield from (f"Note: {code(note)}" for note in found.notes)


def _fitting(lines: list[str]) -> Iterator[str]:
    """As many lines as fit, and the number of the rest."""
    room = ROOM
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            rest = sum(1 for each in lines[number:] if each)
            yield ""
            yield f"… {rest} more lines: `vault-aws-auth access --compare` shows all."
            return
        yield line


def code(text: str) -> str:
    """Text that Markdown, HTML and mentions leave alone, on one line, cut where it is long."""
    plain = " ".join(text.split())
    cut = f"{plain[:CELL]}…" if len(plain) > CELL else plain
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", cut)), default=0))
    pad = " " if "`" in cut else ""
    return f"{fence}{pad}{cut}{pad}{fence}"
