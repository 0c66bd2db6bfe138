"""A tool is asked for its version as nobody: it finds no account of the user, and runs no log-in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import versions
from tools.table import TOOLS

MINE = {
    "AWS_PROFILE": "mine",
    "AWS_ACCESS_KEY_ID": "AKIAMINE",
    "KUBECONFIG": "/home/me/.kube/config",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "PULUMI_ACCESS_TOKEN": "pul-mine",
    "PULUMI_BACKEND_URL": "s3://mine",
    "VAULT_ADDR": "https://vault.example.com",
    "VAULT_TOKEN": "hvs.mine",
}


@pytest.mark.parametrize("name", TOOLS)
def test_no_tool_is_asked_with_the_users_accounts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in MINE.items():
        monkeypatch.setenv(variable, value)
    tool = tmp_path / name
    tool.write_text(f'#!/bin/sh\nenv > {tmp_path}/env; echo "$@" > {tmp_path}/words; echo v1.2.3\n')
    tool.chmod(0o700)
    assert versions.version_of(str(tool), TOOLS[name].version_args) == (1, 2)
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert not set(MINE.values()) & set(seen.values())
    assert seen["KUBECONFIG"] == os.devnull, "without it, kubectl reads ~/.kube/config"
    assert seen["PATH"] == os.environ["PATH"]
    if name == "kubectl":
        assert "--client" in (tmp_path / "words").read_text()


def test_the_real_kubectl_runs_no_credential_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    plugin.chmod(0o700)
    home = tmp_path / ".kube"
    home.mkdir()
    (home / "config").write_text(f"""\
apiVersion: v1
kind: Config
current-context: mine
contexts: [{{name: mine, context: {{cluster: mine, user: me}}}}]
clusters: [{{name: mine, cluster: {{server: "https://127.0.0.1:1"}}}}]
users:
- name: me
  user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {plugin}, interactiveMode: Never}}}}
""")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(home / "config"))
    assert versions.on_path(TOOLS["kubectl"])
    assert not ran.exists()
