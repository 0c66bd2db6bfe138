"""The stack files: that of the platform without what went, and those of the teams with what they got."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stack.sections import PROJECT
from stack.split import SplitError, read_yaml, text
from stack.split.plan import CONSUMERS, LOGINS, Plan, Team


def load(file: Path) -> dict[str, Any]:
    """A stack file. Raises SplitError for a file that is none."""
    document = read_yaml(file) or {}
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise SplitError([f"{file}: is not a stack file; it wants a mapping with the key config"])
    problems = []
    for key, value in document["config"].items():
        if not isinstance(key, str):
            problems.append(f"{file}: config.{key}: is not text; write PROJECT:KEY")
        elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
            problems.append(f"{file}: {key}: is JSON in quotes; write it without quotes, as YAML")
    if problems:
        raise SplitError(problems)
    return document


def platform(before: str, plan: Plan) -> str:
    """The platform's stack file, made from the whole stack's; comments are kept where that can be done."""
    gone = [(LOGINS, name) for team in plan.teams for name in team.logins]
    gone += [(CONSUMERS, name) for team in plan.teams for name in team.consumers]
    wanted = {**yaml.safe_load(before), "config": plan.platform}
    after = before
    try:
        for key, name in gone:
            after = text.cut(after, ("config", key, name))
        for (section, key), value in plan.added.items():
            after = text.put(after, ("config", *f"{PROJECT}:{section}".split("."), key), value)
        if yaml.safe_load(after) == wanted:
            return after
    except (text.Unable, KeyError, yaml.YAMLError):
        pass
    return text.dumped(wanted)


def team(
    file: Path, source: str, stack: str, project: str, got: Team, default: str | None = None
) -> str | None:
    """A team's stack file: a new one, or the one that is there with what the team gets; None if it has it.

    `source` is the text of the whole stack's file, whose comments go along; `default` is the platform of a
    team's stack file that names none. Raises SplitError for a file that says something else.
    """
    if not file.exists():
        return _new(source, stack, project, got)
    document = load(file)
    there = document["config"]
    problems, missing = [], []
    for section in ("logins", "consumers"):
        key = f"{project}:{section}"
        for name, declared in got.config.get(key, {}).items():
            present = (there.get(key) or {}).get(name)
            if present is None:
                missing.append((key, name, declared))
            elif present != declared:
                problems.append(f"{file}: has another {key}.{name}; rename one, or take it out")
    platform_key = f"{project}:platform"
    has = there.get(platform_key, default)
    if has != got.config[platform_key]:
        problems.append(
            f"{file}: is of the platform {has}, not {got.config[platform_key]}; give the team another name"
        )
    if problems:
        raise SplitError(problems)
    if not missing:
        return None
    after = file.read_text(encoding="utf-8")
    for key, name, declared in missing:
        there.setdefault(key, {})[name] = declared
        after = text.put(after, ("config", key, name), declared)
    return after if yaml.safe_load(after) == document else text.dumped(document)


def _new(source: str, stack: str, project: str, got: Team) -> str:
    about = {key: value for key, value in got.config.items() if key not in _sections(project)}
    lines = [
        f"# What team {got.name} has on the platform of stack {stack}, from which it came.\n",
        "config:\n",
    ]
    for key, value in about.items():
        if key == f"{project}:tags":
            lines.append(
                "  # As the resources were tagged there. Without the first three, the next update says that "
                "they are of this stack.\n"
            )
        lines.append(_indented(text.dumped({key: value}), 2))
    try:
        head = "".join(lines)
        for key, names in _sections(project).items():
            if key in got.config:
                head += f"  {key}:\n" + "".join(
                    text.shifted(text.entry(source, ("config", names, name)), 4) for name in got.config[key]
                )
        if yaml.safe_load(head) == {"config": got.config}:
            return head
    except (text.Unable, KeyError, yaml.YAMLError):
        pass
    rest = {key: got.config[key] for key in _sections(project) if key in got.config}
    return "".join(lines) + _indented(text.dumped(rest), 2)


def _sections(project: str) -> Mapping[str, str]:
    """The sections of a team's stack file, with those of the platform's that they come from."""
    return {f"{project}:logins": LOGINS, f"{project}:consumers": CONSUMERS}


def _indented(lines: str, indent: int) -> str:
    return "".join(" " * indent + line + "\n" for line in lines.splitlines())


def write(file: Path, content: str, mode: int = 0o644) -> None:
    """Write a file, all of it or nothing; one that is there keeps its mode."""
    kept = file.stat().st_mode & 0o777 if file.exists() else None
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(
            os.open(scratch, flags, mode if kept is None else kept), "w", encoding="utf-8"
        ) as handle:
            if kept is not None:  # whatever the umask says
                os.fchmod(handle.fileno(), kept)
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)
