"""The engine runs the same plugins on every machine; others, where they are asked for, and only then."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path

import pytest

from sandbox import environment, plugin_choice
from sandbox.home import Home, SandboxError
from tools import build, versions

VAULT = f"resource-vault-v{importlib.metadata.version('pulumi-vault')}"
EKS = f"resource-eks-v{importlib.metadata.version('pulumi-eks')}"
AWS = f"resource-aws-v{importlib.metadata.version('pulumi-aws')}"
LOCAL = {"aws", "eks", "kubernetes", "random", "vault", "python"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A sandbox that is not started, of a user who has nothing of Pulumi's."""
    for name in (*environment.PLUGINS, "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    made = Home(tmp_path / "sandbox")
    mask = os.umask(0o022)
    made.create()
    os.umask(mask)
    return made


def executable(path: Path, says: str = "") -> Path:
    """A plugin that tells who it is, and where it was started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{says or path}" $(ls "$(dirname "$0")")\n')
    path.chmod(0o755)
    return path


def chosen(home: Home) -> dict[str, str]:
    """What the engine would start of each plugin, by its order: PATH, itself, its plugin cache."""
    pulumi = build.ensure("pulumi").resolve().parent
    cache = home.root / "pulumi" / "home" / "plugins"
    path = os.pathsep.join([*environment.path_prefix(home), os.environ["PATH"]])
    found: dict[str, str] = {}
    for name in LOCAL:
        kind = "language" if name == "python" else "resource"
        binary = f"pulumi-{kind}-{name}"
        found[name] = "nothing"
        for folder in (*path.split(os.pathsep), str(pulumi), *map(str, cache.glob(f"{kind}-{name}-v*"))):
            if (file := Path(folder, binary)).exists():
                text = file.read_text()
                while str(cache) in text and "launch.py" not in text:  # a script that goes on to there
                    text = Path(text.split("exec ")[1].split()[0]).read_text()
                found[name] = "local" if "launch.py" in text else text.split('"')[1].split()[0]
                break
    return found


def only_local(home: Home) -> bool:
    return set(chosen(home).values()) == {"local"}


def test_they_are_the_local_ones_whatever_is_on_path_and_in_the_users_cache(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "user" / ".pulumi" / "plugins" / VAULT / "pulumi-resource-vault")
    assert plugin_choice.install(home) == []
    assert only_local(home)
    assert list((home.root / "bin").glob("pulumi-*")) == [], "on PATH, the engine would warn of each"
    for binary in ("pulumi-resource-aws", "pulumi-language-python"):
        executable(tmp_path / "on path" / binary)
    monkeypatch.setenv("PATH", f"{tmp_path / 'on path'}:{os.environ['PATH']}")
    plugin_choice.install(home)
    assert only_local(home)


def test_official_ones_of_the_users_cache_are_taken_when_asked_for(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "user" / ".pulumi" / "plugins"
    executable(cache / VAULT / "pulumi-resource-vault", "official")
    executable(cache / "resource-aws-v1.0.0" / "pulumi-resource-aws", "another version")
    monkeypatch.setenv("SANDBOX_PLUGINS", "official")
    (told,) = plugin_choice.install(home)
    assert told == f"from {cache / VAULT}: vault"
    assert chosen(home) == {**dict.fromkeys(LOCAL, "local"), "vault": "official"}
    monkeypatch.delenv("SANDBOX_PLUGINS")
    plugin_choice.install(home)
    assert only_local(home)
    assert (cache / VAULT / "pulumi-resource-vault").read_text().count("official") == 1, "the user's stays"


def test_the_engine_itself_finds_them_in_the_sandboxs_cache(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not if they were links to folders: the engine passes over those."""
    executable(tmp_path / "user" / ".pulumi" / "plugins" / VAULT / "pulumi-resource-vault", "official")
    monkeypatch.setenv("SANDBOX_PLUGINS", "official")
    plugin_choice.install(home)
    answer = subprocess.run(
        [str(build.ensure("pulumi")), "plugin", "ls", "--json"],
        env={**os.environ, "PULUMI_HOME": str(home.root / "pulumi" / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {plugin["name"] for plugin in json.loads(answer.stdout)} == LOCAL


def test_a_component_provider_finds_the_others_in_any_version(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official `eks` asks for the versions that it was built with, which the engine takes from PATH."""
    folder = tmp_path / "plugins of my own"
    executable(folder / "pulumi-resource-eks", "official")
    monkeypatch.setenv("SANDBOX_PLUGIN_PATH", str(folder))
    plugin_choice.install(home)
    assert chosen(home) == {**dict.fromkeys(LOCAL, "local"), "eks": "official"}
    first = {path.name for path in (home.root / "bin").glob("pulumi-*")}
    assert first == {f"pulumi-resource-{name}" for name in LOCAL - {"python"}}


def test_a_folder_may_be_laid_out_as_pulumis_cache(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`eks` may be a program of Node.js there, which the Node.js host runs, and not the engine."""
    folder = tmp_path / "plugins"
    executable(folder / AWS / "pulumi-resource-aws", "official")
    executable(folder / "resource-aws-v1.0.0" / "pulumi-resource-aws", "another version")
    (folder / EKS).mkdir()
    (folder / EKS / "PulumiPlugin.yaml").write_text("runtime: nodejs\n")
    monkeypatch.setenv("SANDBOX_PLUGIN_PATH", str(folder))
    plugin_choice.install(home)
    cache = home.root / "pulumi" / "home" / "plugins"
    assert [path.name for path in (cache / EKS).iterdir()] == ["PulumiPlugin.yaml"]
    assert not (home.root / "bin" / "pulumi-resource-eks").exists()
    assert chosen(home)["aws"] == "official"


def test_a_plugin_finds_what_is_beside_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi's Python host looks for `pulumi-language-python-exec` there."""
    host = executable(tmp_path / "hosts" / "pulumi-language-python", "official")
    executable(tmp_path / "hosts" / "pulumi-language-python-exec")
    monkeypatch.setenv("SANDBOX_PLUGIN_PATH", str(host.parent))
    plugin_choice.install(home)
    assert chosen(home)["python"] == "official"
    (installed,) = (home.root / "pulumi" / "home" / "plugins").glob("language-python-v*")
    answer = subprocess.run([str(installed / host.name)], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["official", "pulumi-language-python", "pulumi-language-python-exec"]


def test_plugins_of_another_kind_are_taken_from_the_folder_too_and_go_with_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "plugins" / "pulumi-language-nodejs")
    executable(tmp_path / "plugins" / "pulumi-resource-mine")
    monkeypatch.setenv("SANDBOX_PLUGIN_PATH", str(tmp_path / "plugins"))
    plugin_choice.install(home)
    cache = home.root / "pulumi" / "home" / "plugins"
    added = {
        *cache.glob("language-nodejs-v*/pulumi-language-nodejs"),
        home.root / "bin" / "pulumi-resource-mine",
    }
    assert len(added) == 2
    assert all(path.exists() for path in added)
    monkeypatch.delenv("SANDBOX_PLUGIN_PATH")
    plugin_choice.install(home)
    assert not any(path.exists() for path in added)
    assert only_local(home)


def test_the_local_ones_of_another_sandbox_are_not_taken_for_official_ones(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shell that has sourced its `env`: PULUMI_HOME and PATH are that sandbox's."""
    other = Home(tmp_path / "other")
    other.create()
    plugin_choice.install(other)
    executable(other.root / "bin" / "pulumi-language-python")
    monkeypatch.setenv("PULUMI_HOME", str(other.root / "pulumi" / "home"))
    monkeypatch.setenv("PATH", os.pathsep.join([*environment.path_prefix(other), os.environ["PATH"]]))
    plugin_choice.install(home)
    monkeypatch.setenv("PATH", versions.search_path())
    assert only_local(home)
    assert str(other.root) not in next((home.root / "pulumi").rglob("pulumi-resource-vault")).read_text()
    monkeypatch.setenv("SANDBOX_PLUGINS", "official")
    with pytest.raises(SandboxError, match=r"user/.pulumi/plugins has none of"):
        plugin_choice.install(home)


def test_what_a_sandbox_of_an_earlier_version_has_is_replaced(home: Home, tmp_path: Path) -> None:
    """It has a link to the user's folder, where nothing may be written."""
    users = executable(tmp_path / "user" / ".pulumi" / "plugins" / VAULT / "pulumi-resource-vault", "mine")
    cache = home.root / "pulumi" / "home" / "plugins"
    cache.mkdir(parents=True)
    (cache / VAULT).symlink_to(users.parent)
    plugin_choice.install(home)
    assert only_local(home)
    assert "mine" in users.read_text()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SANDBOX_PLUGINS", "mine", "SANDBOX_PLUGINS is 'mine'; it can be official, or empty"),
        (
            "SANDBOX_PLUGINS",
            "official",
            r"has none of resource-aws-v.* pulumi plugin install resource vault v",
        ),
        ("SANDBOX_PLUGIN_PATH", "/nonexistent", "SANDBOX_PLUGIN_PATH=/nonexistent is not a folder; name one"),
        (
            "SANDBOX_PLUGIN_PATH",
            "{tmp_path}/empty",
            "SANDBOX_PLUGIN_PATH=.*/empty has no plugin; name one with",
        ),
        (
            "SANDBOX_PLUGIN_PATH",
            "{tmp_path}/broken",
            "broken/pulumi-resource-vault cannot be executed; run: chmod",
        ),
    ],
)
def test_what_cannot_be_had_is_one_message(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    executable(tmp_path / "broken" / "pulumi-resource-vault").chmod(0o644)
    monkeypatch.setenv(variable, value.format(tmp_path=tmp_path))
    with pytest.raises(SandboxError, match=said):
        plugin_choice.install(home)


def test_a_shell_of_the_sandbox_goes_on_with_the_choice(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "build_environment", lambda *_: {})
    folder = executable(tmp_path / "plugins" / "pulumi-resource-eks").parent

    def seen() -> str:
        environment.write_shell_file(home)
        return subprocess.run(
            ["bash", "-c", f'source "{home.root}/env"; echo "$SANDBOX_PLUGIN_PATH"'],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": os.environ["PATH"], "SANDBOX_PLUGIN_PATH": "of another sandbox"},
        ).stdout.strip()

    assert seen() == ""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDBOX_PLUGIN_PATH", "plugins")
    assert seen() == str(folder)
