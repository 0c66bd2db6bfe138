"""Where the stack's outputs come from, and what is said when they are not there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from tests.cli.conftest import Run
from tests.cli.world import World


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World) -> Path:
    """A `pulumi` that answers as the real one does, and keeps its command lines."""
    masked = {**world.outputs(), "kubeconfig": "[secret]"}
    (tmp_path / "masked").write_text(json.dumps(masked))
    (tmp_path / "kubeconfig").write_text(json.dumps(world.outputs()["kubeconfig"]))
    calls, script = tmp_path / "calls", tmp_path / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\n'
        f'case "$*" in *"--stack broken"*) echo "error: no stack named broken" >&2; exit 255;;\n'
        f"*--show-secrets*) cat {tmp_path}/kubeconfig;; *) cat {tmp_path}/masked;; esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return calls


def test_the_kubeconfig_is_fetched_only_when_nothing_else_leads_to_the_cluster(
    pulumi: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["login", "pod", "--stack", "dev"])
    assert done.exit_code == 0, done.stderr
    first, second = pulumi.read_text().splitlines()
    assert first == "stack output --json --non-interactive --stack dev"
    assert second == "stack output kubeconfig --show-secrets --json --non-interactive --stack dev"

    pulumi.unlink()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    done = CliRunner().invoke(app, ["login", "pod"])
    assert done.exit_code == 0, done.stderr
    assert "--show-secrets" not in pulumi.read_text()


def test_the_word_stack_prefers_the_stacks_kubeconfig(
    pulumi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "other"))
    (tmp_path / "other").write_text("not a kubeconfig")
    assert CliRunner().invoke(app, ["login", "pod", "--kubeconfig", "stack"]).exit_code == 0
    assert CliRunner().invoke(app, ["login", "pod"]).exit_code == 1


def test_pulumis_own_words_are_passed_on(pulumi: Path) -> None:
    done = CliRunner().invoke(app, ["login", "pod", "--stack", "broken"])
    assert done.exit_code == 1
    assert "no stack named broken" in done.stderr


def test_without_pulumi_the_way_on_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["verify"])
    assert done.exit_code == 1
    assert "--outputs" in done.stderr


def test_a_kubeconfig_exported_as_text_works(run: Run, world: World) -> None:
    outputs = world.outputs()
    outputs["kubeconfig"] = json.dumps(outputs["kubeconfig"])
    assert run("login", "pod", outputs=outputs).exit_code == 0


def test_a_masked_kubeconfig_is_explained(run: Run, world: World) -> None:
    done = run("login", "pod", outputs={**world.outputs(), "kubeconfig": "[secret]"})
    assert done.exit_code == 1
    assert "--show-secrets" in done.stderr


def test_a_kubeconfig_whose_command_fails_is_one_message(run: Run, world: World) -> None:
    outputs = world.outputs()
    outputs["kubeconfig"]["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "sh",
            "args": ["-c", "echo expired credentials >&2; exit 3"],
        }
    }
    done = run("login", "pod", outputs=outputs)
    assert done.exit_code == 1
    assert "expired credentials" in done.stderr


@pytest.mark.parametrize(
    "outputs", [{}, [], {"vault": {}, "logins": {}}, {"vault": "[secret]", "logins": {}}]
)
def test_outputs_of_another_shape_are_named_by_their_keys(run: Run, outputs: object) -> None:
    done = run("verify", outputs=outputs)
    assert done.exit_code == 1
    assert "stack outputs" in done.stderr


def test_what_is_not_json_is_not_repeated() -> None:
    done = CliRunner().invoke(app, ["verify", "--outputs", "-"], input="hvs.secret")
    assert done.exit_code == 1
    assert "not JSON" in done.stderr
    assert "hvs.secret" not in done.output
