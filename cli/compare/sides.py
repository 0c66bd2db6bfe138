"""The sides of a comparison: a git revision, a stack file, or a stack as it is deployed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import checkout
from ..errors import Refused
from . import git
from .table import Source, Table

LINK = "compare"
DEPLOYED = "stack:"
_STACK_FILES = (".yaml", ".yml")
_POLICIES = "policies/vault"


@dataclass(frozen=True)
class Project:
    """Where revisions and stacks are looked for."""

    folder: Path
    stack: str | None = None
    """Name of the stack; None: PULUMI_STACK, or the only stack file that there is."""
    stack_files: Path | None = None
    """Folder of the stack files where that is not the project's."""

    @property
    def where_stack_files_are(self) -> Path:
        """Folder of the stack files."""
        return self.stack_files or self.folder


def load(given: str, project: Project, *, new_stack: bool = False) -> Table:
    """The table of one side. Raises Refused.

    With `new_stack`, a revision that has no stack file is one in which nobody may log in.
    """
    if not checkout.code():
        raise Refused(
            LINK,
            None,
            "stack files are read by the project's own code, which is not installed with this command",
            hint="run it in a checkout of the project: .venv/bin/vault-aws-auth, or python -m cli",
        )
    if given.startswith(DEPLOYED):
        from .deployed import of_stack

        return of_stack(project.folder, given.removeprefix(DEPLOYED) or project.stack)
    path = Path(given)
    if path.suffix == ".json":
        from .deployed import of_file

        return of_file(path)
    if path.suffix in _STACK_FILES:
        return _of_file(path, project)
    if found := _revision(project, given):
        return _of_revision(found, project, new_stack)
    if path.is_dir():
        inside = replace(project, folder=path, stack_files=None)
        return _of_file(path / _file_name(inside, _names_in(path)), inside, given)
    if path.is_file():
        return _of_file(path, project)
    raise Refused(
        LINK,
        None,
        f"{given}: is neither a revision nor a file",
        hint=git.why_unknown(project.folder),
    )


def _revision(project: Project, given: str) -> git.Revision | None:
    try:
        return git.find(project.folder, given)
    except Refused:
        if Path(given).exists():  # no git is needed for it
            return None
        raise


# A stack file in the checkout, or anywhere


def _of_file(path: Path, project: Project, given: str = "") -> Table:
    content = _of_disk(path, "name a stack file, Pulumi.STACK.yaml")
    beside = path.resolve().parent
    root = next(
        (folder for folder in (beside, *beside.parents) if (folder / _POLICIES).is_dir()), project.folder
    )
    policies = {
        file.stem: _of_disk(file) for file in sorted((root / _POLICIES).glob("*.hcl")) if file.is_file()
    }
    source = Source(given or str(path), "file", _stack_of(path.name))
    defaults = _of_disk(root / "Pulumi.yaml") if (root / "Pulumi.yaml").is_file() else b""
    return _declared(source, content, path.name, defaults, policies)


def _of_disk(file: Path, hint: str = "make it readable") -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(LINK, None, f"{file}: cannot be read: {error.strerror}", hint=hint) from None


def _names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("Pulumi.*.yaml"))


def _stack_of(name: str) -> str:
    return name.removeprefix("Pulumi.").rpartition(".")[0] if name.startswith("Pulumi.") else ""


def _file_name(project: Project, names: list[str]) -> str:
    """The stack file's name among those that there are. Raises Refused if it is not said which."""
    known = [_stack_of(name) for name in names if name.startswith("Pulumi.") and name.count(".") > 1]
    chosen = project.stack or os.environ.get("PULUMI_STACK")
    if not chosen and len(known) == 1:
        chosen = known[0]
    if not chosen:
        raise Refused(
            LINK,
            None,
            "which stack is not said",
            hint=f"name it with --stack; there are: {', '.join(known) or 'none'}",
        )
    return f"Pulumi.{chosen.rpartition('/')[2]}.yaml"  # a stack's full name is ORGANIZATION/PROJECT/STACK


# A revision


def _of_revision(revision: git.Revision, project: Project, new_stack: bool) -> Table:
    folder = os.path.relpath(project.where_stack_files_are, project.folder)
    names = [name for name in revision.names(folder) if name.endswith(".yaml")]
    name = _file_name(project, names)
    source = Source(revision.given, "revision", _stack_of(name), revision.commit, revision.date)
    path = name if folder == "." else f"{folder}/{name}"
    wanted = [f"{_POLICIES}/{each}" for each in revision.names(_POLICIES) if each.endswith(".hcl")]
    found = git.read_all(revision, [path, "Pulumi.yaml", *wanted])
    content = found[path]
    if content is None:
        if new_stack:
            return Table(source, {}, {})
        known = ", ".join(_stack_of(each) for each in names if each.count(".") > 1)
        raise Refused(
            LINK,
            None,
            f"{source} has no stack file {path}",
            hint=f"name another stack with --stack; that revision has: {known or 'none'}",
        )
    policies = {}
    for file in wanted:
        text = found[file]
        if text is None:
            raise Refused(LINK, None, f"{source}: {file} cannot be read", hint="it is a link to nowhere")
        policies[Path(file).stem] = text
    return _declared(source, content, path, found["Pulumi.yaml"] or b"", policies)


# Both


def _declared(
    source: Source, content: bytes, name: str, defaults: bytes, policies: Mapping[str, bytes]
) -> Table:
    from stack.draft import PROVIDERS
    from stack.sections import PROJECT, REGION_KEY

    from .declared import Tree, table

    config = _config(content, name, source)
    project = next((key.rpartition(":")[0] for key in config if key.endswith(":logins")), PROJECT)
    if project == PROJECT:
        config = _defaults(defaults, source) | config
    else:
        # A team's own project, with the component library: its policies are the platform's.
        config = {
            f"{PROJECT}:{key}": config.get(f"{project}:{key}") for key in ("accountId", "logins", "tags")
        } | {REGION_KEY: config.get(REGION_KEY)}
        policies = {}
    config = {key: value for key, value in config.items() if key.partition(":")[0] in (PROJECT, *PROVIDERS)}
    texts = {}
    for policy, text in policies.items():
        try:
            texts[policy] = text.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(
                LINK, None, f"{source}: {_POLICIES}/{policy}.hcl is not UTF-8", hint="save it as UTF-8"
            ) from None
    try:
        return table(Tree(source, config, texts, project == PROJECT))
    except RecursionError:
        raise Refused(
            LINK, None, f"{source}: {name} is nested too deeply", hint="write fewer levels"
        ) from None


def _yaml(content: bytes, name: str, source: Source) -> Mapping[str, Any]:
    from stack import yaml_file

    try:
        found = yaml_file.read(content, name)
    except yaml_file.WrongFile as error:
        raise Refused(LINK, None, f"{source}: {error}", hint="mend it, or compare with another one") from None
    if not isinstance(found, Mapping | None):
        raise Refused(LINK, None, f"{source}: {name} is not a mapping", hint="name a stack file")
    return found or {}


def _config(content: bytes, name: str, source: Source) -> dict[str, Any]:
    found = _yaml(content, name, source).get("config")
    if not isinstance(found, Mapping):
        raise Refused(
            LINK, None, f"{source}: {name} has no `config`", hint="name a stack file, Pulumi.STACK.yaml"
        )
    return _full_keys(found)


def _defaults(content: bytes, source: Source) -> dict[str, Any]:
    """The configuration that the project file gives to every stack."""
    project = _yaml(content, "Pulumi.yaml", source) if content else {}
    found = project.get("config")
    values = {}
    for key, declared in (found if isinstance(found, Mapping) else {}).items():
        if not isinstance(declared, Mapping) or not {"type", "default", "value"} & set(declared):
            values[key] = declared
        elif "value" in declared or "default" in declared:
            values[key] = declared.get("value", declared.get("default"))
    return _full_keys(values)


def _full_keys(values: Mapping[Any, Any]) -> dict[str, Any]:
    from stack.sections import PROJECT

    return {key if ":" in (key := str(each)) else f"{PROJECT}:{key}": values[each] for each in values}
