"""Which plugins the engine runs in a sandbox: the local ones, on every machine, unless others are asked for.

- `SANDBOX_PLUGIN_PATH=FOLDER[:FOLDER ...]`: the plugins in these win, as executables
  (`pulumi-resource-vault`) or in folders as Pulumi's plugin cache has them (`resource-vault-v7.14.0`).
  Language hosts are plugins, too.
- `SANDBOX_PLUGINS=official`: the providers in your Pulumi plugin cache win, in the versions of the installed
  SDKs, and a Python language host on PATH.

The engine looks on PATH first, takes any version there, and warns; then beside itself, for language hosts;
then in its plugin cache, for exactly the version that the program asks for. So plugins are installed in the
sandbox's own plugin cache. They are also put into its `bin`, the first folder on PATH, if the engine would
otherwise find another one, or none.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox import environment
from sandbox.home import Home, SandboxError, write_private
from tools import build, versions

PROVIDERS = ("aws", "eks", "kubernetes", "random", "vault")

_UNKNOWN = "0.0.0"
"""For an executable without a version in its name."""
_KINDS = "resource|language|analyzer|converter|tool"
_EXECUTABLE = re.compile(rf"pulumi-({_KINDS})-(.+?)(?<!-exec)")
_FOLDER = re.compile(rf"({_KINDS})-(.+?)-v(\d.*)")


@dataclass(frozen=True)
class Plugin:
    """A plugin as the engine asks for it."""

    kind: str
    name: str
    version: str

    @property
    def binary(self) -> str:
        """Its executable."""
        return f"pulumi-{self.kind}-{self.name}"

    @property
    def folder(self) -> str:
        """Its folder in a plugin cache."""
        return f"{self.kind}-{self.name}-v{self.version}"

    def must_be_on_path(self, others_are: bool) -> bool:
        """Whether the engine asks for a version that is not known; `others_are`: of all providers."""
        return self.kind == "resource" and (others_are or self.version == _UNKNOWN)

    def is_in(self, folder: Path) -> bool:
        """Whether a folder has it: as an executable, or as a program that a language host runs."""
        return os.access(folder / self.binary, os.X_OK) or (folder / "PulumiPlugin.yaml").is_file()


def install(home: Home) -> list[str]:
    """Installs the plugins for a run, in place of those of the last one.

    Returns a line for each folder from which plugins are used instead of the local ones. Raises SandboxError
    if what the user asks for is not there.
    """
    others = _asked_for()
    cache, record = home.root / "pulumi" / "home" / "plugins", home.root / "pulumi" / "plugins.json"
    official = {**_yaml_host(), **others}
    wanted = [*dict.fromkeys([*_providers(), _python_host(), *official])]
    last = home.read_json(record) if record.exists() else []
    _remove([*(home.root / "bin").glob("pulumi-*")])
    _remove([cache / name for name in {*last, *(plugin.folder for plugin in wanted)}])
    write_private(record, json.dumps([plugin.folder for plugin in wanted]))
    # A component provider asks for the others in the versions that it was built with.
    in_any_version = any(plugin.name == "eks" for plugin in others)
    for plugin in wanted:
        folder, first = cache / plugin.folder, home.root / "bin" / plugin.binary
        with_pulumi = _beside_pulumi(plugin)
        elsewhere = shutil.which(plugin.binary, path=versions.search_path())
        if with_pulumi and plugin not in others:
            if elsewhere and Path(elsewhere).resolve() != with_pulumi:
                first.symlink_to(with_pulumi)
            continue
        if plugin in official:
            _link(official[plugin], folder)
        else:
            _write_local(home, plugin, folder / plugin.binary)
        if elsewhere or with_pulumi or plugin.must_be_on_path(in_any_version):
            _put_first(folder / plugin.binary, first)
    return [
        f"from {folder}: {', '.join(plugin.name for plugin, its in others.items() if its == folder)}"
        for folder in dict.fromkeys(others.values())
    ]


def _providers() -> list[Plugin]:
    return [Plugin("resource", name, importlib.metadata.version(f"pulumi-{name}")) for name in PROVIDERS]


def _python_host() -> Plugin:
    return Plugin("language", "python", importlib.metadata.version("pulumi"))


def _yaml_host() -> dict[Plugin, Path]:
    """Pulumi's host for YAML, if it was made ready here: there is no local one."""
    found = build.resolve("pulumi-language-yaml")
    return {Plugin("language", "yaml", _UNKNOWN): found.parent} if found else {}


def _beside_pulumi(plugin: Plugin) -> Path | None:
    """The language host that a release of Pulumi brings."""
    found = build.ensure("pulumi").resolve().parent / plugin.binary
    return found if plugin.kind == "language" and found.exists() else None


# What is asked for


def _asked_for() -> dict[Plugin, Path]:
    """The plugins that are not the local ones, each with the folder that it is in."""
    choice, folders = os.environ.get("SANDBOX_PLUGINS", ""), os.environ.get("SANDBOX_PLUGIN_PATH", "")
    if choice not in ("", "official"):
        raise SandboxError(f"SANDBOX_PLUGINS is {choice!r}; it can be official, or empty")
    found = _of_the_user() if choice else {}
    for folder in reversed(folders.split(os.pathsep) if folders else []):
        found |= _in_folder(Path(folder))
    return found


def _of_the_user() -> dict[Plugin, Path]:
    """The official providers in the user's plugin cache."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    if versions.is_of_a_sandbox(home):  # the shell has sourced its env
        home = Path.home() / ".pulumi"
    cache = home / "plugins"
    places = {plugin: cache / plugin.folder for plugin in _providers()}
    found = {plugin: place for plugin, place in places.items() if plugin.is_in(place)}
    if not found:
        raise SandboxError(
            f"SANDBOX_PLUGINS=official: {cache} has none of {', '.join(p.folder for p in places)}. Install "
            f"one, for example with: pulumi plugin install resource vault v{_providers()[-1].version}"
        )
    if host := shutil.which(_python_host().binary, path=versions.search_path()):
        found[_python_host()] = Path(host).resolve().parent
    return found


def _in_folder(folder: Path) -> dict[Plugin, Path]:
    """The plugins in a folder."""
    forms = "name one with executables pulumi-resource-NAME"
    if not folder.is_dir():
        raise SandboxError(f"SANDBOX_PLUGIN_PATH={folder} is not a folder; {forms}")
    asked = {plugin.binary: plugin for plugin in [*_providers(), _python_host()]}
    found: dict[Plugin, Path] = {}
    for entry in sorted(folder.resolve().iterdir()):
        if (named := _EXECUTABLE.fullmatch(entry.name)) and entry.is_file():
            if not os.access(entry, os.X_OK):
                raise SandboxError(f"{entry} cannot be executed; run: chmod +x {shlex.quote(str(entry))}")
            found[asked.get(entry.name) or Plugin(named[1], named[2], _UNKNOWN)] = entry.parent
        elif named := _FOLDER.fullmatch(entry.name):
            plugin = Plugin(named[1], named[2], named[3])
            if plugin.is_in(entry):
                found.setdefault(plugin, entry)
    if not found:
        raise SandboxError(f"SANDBOX_PLUGIN_PATH={folder} has no plugin; {forms}")
    return found


# What is installed


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _link(source: Path, folder: Path) -> None:
    """Makes a folder of links: the engine takes no link to a folder for a plugin."""
    folder.mkdir(parents=True)
    for entry in source.iterdir():
        (folder / entry.name).symlink_to(entry.resolve())


def _write_local(home: Home, plugin: Plugin, target: Path) -> None:
    words = ["sandbox.plugins", plugin.name]
    if plugin.kind == "language":
        python = home.fork_server / "python"
        environment.write_plugin_launcher(python, home.fork_server, [])
        words = ["sandbox.language", "--python", str(python)]
    environment.write_plugin_launcher(target, home.fork_server, words)


def _put_first(executable: Path, script: Path) -> None:
    """Writes a script and no link, so that a plugin finds what is beside it. The first of a name stays."""
    if executable.exists() and not script.exists():
        write_private(script, f'#!/bin/sh\nexec {shlex.quote(str(executable))} "$@"\n')
        script.chmod(0o700)
