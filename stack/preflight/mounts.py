"""Mounts of Vault that exist, and their configuration: read side by side, as far as the token may."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from stack.file import StackFile
from stack.preflight import in_vault
from stack.preflight.web import Answer, Server, Unreachable


@dataclass
class Seen:
    """What Vault says of the mounts."""

    mounts: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    """By path, `auth/aws` or `dev`, as the tables of mounts have them; None: there is none."""

    configs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By path, `auth/aws/config/client`: what their configuration says; empty where there is none."""

    unseen: list[str] = field(default_factory=list)
    """What may not be read, and why."""


def look(stack: StackFile, paths: Sequence[str]) -> Seen:
    """Reads the mounts at these paths, side by side."""
    seen = Seen()
    tables = {path: "/v1/sys/auth" if path.startswith("auth/") else "/v1/sys/mounts" for path in paths}
    auth = f"auth/{stack.vault['mount_path']}"
    engine = stack.secrets_engine.options["path"] if stack.secrets_engine and stack.uses_engine else ""
    configs = [f"{auth}/config/client", f"{auth}/config/sts?list=true"] if stack.uses_mount else []
    configs += [f"{engine}/config/root"] if engine else []
    try:
        vault = in_vault.server(stack.vault["address"], stack.vault["namespace"])
        asked = {path: f"/v1/{quote(path, safe='/?=')}" for path in configs}
        answers = vault.get_all(dict.fromkeys([*tables.values(), *asked.values()]))
        for path, table in tables.items():
            _see_mount(vault, path, answers[table], seen)
    except Unreachable as error:
        seen.unseen.append(str(error))
        return seen
    for path, at in asked.items():
        if (seen.mounts.get(path.rpartition("/config/")[0], {"type": "aws"}) or {}).get("type") == "aws":
            if answers[at].status in (200, 404):
                seen.configs[path.partition("?")[0]] = in_vault.data_of(answers[at])
            else:
                seen.unseen.append(f"{path.partition('?')[0]}: {in_vault.reason(answers[at])}")
    return seen


def _see_mount(vault: Server, path: str, table: Answer, seen: Seen) -> None:
    name = path.removeprefix("auth/")
    if table.status == 200:
        found = in_vault.data_of(table).get(f"{name}/")
        seen.mounts[path] = found if isinstance(found, Mapping) else None
        return
    # A token that may do anything below a mount may see it here.
    alone = vault.get(quote(f"/v1/sys/internal/ui/mounts/{path}"))
    if alone.status == 200:
        found = in_vault.data_of(alone)  # of the mount that the path is below, which may be another one
        seen.mounts[path] = found if found.get("path", name).strip("/") == name else None
    else:
        seen.unseen.append(f"{path}: {in_vault.reason(table)}")
