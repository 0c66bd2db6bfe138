"""Whatever answers, and whatever the shell is like: one message and an exit code, never a traceback."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import console
from cli.__main__ import app
from tests.cli.conftest import Run
from tests.cli.world import World
from tests.servers import Silent, serving


@contextmanager
def answering(status: int, kind: str, body: str) -> Iterator[str]:
    """A server that gives one answer to everything. Its address."""

    class Handler(Silent):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

    with serving(Handler) as address:
        yield address


def told(done: Result) -> str:
    """What was said in place of a traceback."""
    assert done.exit_code in (1, 2)
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    return done.stdout + done.stderr


PAGE = "<html><title>Log in</title></html>"
ANSWERS = [
    (200, "text/html", PAGE),
    (502, "text/html", PAGE),
    (200, "application/json", "{}"),
    (200, "application/json", "[]"),
    (200, "application/json", "null"),
    (200, "application/json", '{"auth": null, "data": null, "version": 1}'),
    (200, "application/json", '{"auth": {}, "data": []}'),
    (200, "application/json", "{"),
    (204, "text/plain", ""),
    (404, "application/json", "[]"),
    (403, "application/json", '{"errors": null}'),
]


@pytest.mark.parametrize(("status", "kind", "body"), ANSWERS)
@pytest.mark.parametrize("command", ["login", "doctor", "access"])
def test_what_answers_for_vault_may_be_anything(
    run: Run, command: str, status: int, kind: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.own")
    with answering(status, kind, body) as address:
        words = [command] if command == "access" else [command, "pod"]
        done = run(*words, "--vault-address", address)
    if command == "access" and done.exit_code == 0:
        return  # the policies are not there, or not to be seen
    assert told(done)


@pytest.mark.parametrize(("status", "kind", "body"), ANSWERS)
def test_what_answers_for_kubernetes_may_be_anything(
    run: Run, world: World, status: int, kind: str, body: str
) -> None:
    with answering(status, kind, body) as address:
        outputs = world.outputs()
        kubeconfig = outputs["kubeconfig"]
        kubeconfig = json.loads(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
        kubeconfig["clusters"][0]["cluster"] = {"server": address}
        done = run("login", "pod", outputs={**outputs, "kubeconfig": kubeconfig})
        assert "service-account token" in told(done)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a kubeconfig",
        b"- a\n- list\n",
        b"{",
        b"\xff\xfe\x00",
        b"apiVersion: v1\nkind: Config\n",
        b"current-context: a\ncontexts: 1\n",
        b"current-context: a\ncontexts: [1]\nclusters: [2]\nusers: [3]\n",
        b"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
        b"clusters: [{name: c, cluster: {server: 'https://a', certificate-authority-data: '%%%'}}]\n"
        b"users: [{name: u, user: {token: t}}]\n",
        b"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
        b"clusters: [{name: c, cluster: {server: 'not a url'}}]\nusers: [{name: u, user: {token: t}}]\n",
        b"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
        b"clusters: [{name: c, cluster: {}}]\nusers: [{name: u, user: {}}]\n",
        b"[" * 5_000,
    ],
)
def test_a_broken_kubeconfig_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert str(path) in told(run("login", "pod"))


LOGIN = {"kind": "service-account", "vaultRole": "r", "serviceAccounts": ["a/b"], "principals": []}


@pytest.mark.parametrize(
    "change",
    [
        {"callers": []},
        {"callers": {"pod": []}},
        {"callers": "x"},
        {"logins": {"pod": []}},
        {"logins": []},
        {"logins": {"pod": {**LOGIN, "serviceAccounts": ["app"]}}},
        {"logins": {"pod": {**LOGIN, "serviceAccounts": [1]}}},
        {"logins": {"pod": {**LOGIN, "principals": ["ci"]}}},
        {"logins": {"pod": {**LOGIN, "policies": "dev"}}},
        {"logins": {"pod": {**LOGIN, "kind": "no-such-kind"}}},
        {"vault": []},
        {"vault": {"address": 1}},
        {"cluster": "eks1"},
        {"kubeconfig": "{"},
        {"kubeconfig": "- a"},
        {"kubeconfig": 3},
        {"kubeconfig": {"clusters": "none"}},
        {"consumers": []},
    ],
)
def test_outputs_of_the_wrong_shape_are_told(run: Run, world: World, change: dict[str, Any]) -> None:
    for command in (["login", "pod"], ["verify", "--no-refusals"], ["doctor", "pod"]):
        done = run(*command, outputs={**world.outputs(), **change})
        assert done.exit_code == 0 or told(done)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", '"text"', "{", "[" * 100_000, "{}", "\ufeff{}"])
def test_outputs_that_are_none_are_told(world: World, text: str) -> None:
    done = CliRunner().invoke(app, ["login", "pod", "--outputs", "-"], input=text)
    assert "stack outputs" in told(done)


@pytest.mark.parametrize("token", ["hvs.\u00e9\u4e2d", "hvs.\nX-Other: 1", " hvs.x"])
def test_a_token_with_other_characters_is_told(run: Run, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token)
    told(run("access"))
    told(run("doctor", "pod"))


@pytest.mark.parametrize(
    "address", ["http://", "vault", "http://[::1", "http://a b", "ftp://x", "http://\u00e9..x"]
)
def test_an_address_that_is_none_is_told(run: Run, address: str) -> None:
    told(run("login", "pod", "--vault-address", address))


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_a_terminal_without_unicode_gets_its_answer(
    world: World, tmp_path: Path, variables: dict[str, str]
) -> None:
    outputs = world.outputs()
    outputs["consumers"] = {"it": {"kind": "gloo", "values": {"name": "h\u00e9\u4e2d"}}}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs, ensure_ascii=False), encoding="utf-8")
    env = {**os.environ, **variables}

    def run(*words: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "cli", *words, "--outputs", str(tmp_path / "outputs.json")]
        return subprocess.run(command, env=env, capture_output=True, check=False)

    done = run("doctor", "pod")
    assert b"Traceback" not in done.stderr
    assert b"bound principal" in done.stdout
    done = run("values", "it", "--format", "json")
    assert json.loads(done.stdout) == {"name": "h\u00e9\u4e2d"}


def test_json_is_json_where_there_is_no_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", out)
    console.print_json({"a": "\U0001f600"})
    out.flush()
    written: Any = out.buffer
    assert json.loads(written.getvalue()) == {"a": "\U0001f600"}
