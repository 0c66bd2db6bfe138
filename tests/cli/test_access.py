"""`access`: logins joined with what their policies allow in Vault; and `values`."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli import acl
from cli.__main__ import app
from tests.cli.conftest import Run
from tests.cli.world import World

DEV = """
path "dev/*" { capabilities = ["list", "create", "read"] }
path "secret/data/{{identity.entity.id}}/*" {
  capabilities = ["read"]
  required_parameters = ["version"]
}
"""


@pytest.fixture
def readable(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("VAULT_TOKEN", "operator")
    world.vault_objects["sys/policies/acl/dev"] = {"policy": DEV}
    return world


def test_each_login_shows_who_as_what_and_the_paths(run: Run, readable: World) -> None:
    done = run("access", "--format", "json")
    assert done.exit_code == 0, done.output
    node, pod = json.loads(done.stdout)["logins"]
    assert pod["who"] == ["default/vault-auth"]
    assert pod["identity"] == ["arn:aws:iam::111111111111:role/vault-auth"]
    assert (pod["vaultRole"], pod["maxTtl"], pod["method"]) == ("dev-role-iam2", "768h", "irsa")
    assert node["method"] is None
    assert node["who"] == ["EC2 instances of role eks1-node of 111111111111"]
    assert [(r["path"], r["capabilities"], r["conditions"]) for r in pod["reach"]] == [
        ("dev/*", ["create", "read", "list"], []),
        ("secret/data/{{identity.entity.id}}/*", ["read"], ["required_parameters"]),
    ]


def test_callers_that_are_principals_themselves_are_said_in_words(run: Run, readable: World) -> None:
    outputs = readable.with_principal(
        "arn:aws:iam::222222222222:role/ci*", "arn:aws:iam::222222222222:user/team/bot"
    )
    logins = json.loads(run("access", "--format", "json", outputs=outputs).stdout)["logins"]
    assert ["role ci* of 222222222222", "user team/bot of 222222222222"] in [one["who"] for one in logins]


def test_policies_of_one_login_add_up_and_deny_wins(run: Run, readable: World) -> None:
    readable.vault_objects["sys/policies/acl/more"] = {
        "policy": 'path "dev/*" { capabilities = ["deny"] }\npath "other" { policy = "read" }'
    }
    outputs = readable.outputs()
    outputs["logins"]["pod"]["policies"] = ["dev", "more"]
    reach = json.loads(run("access", "--format", "json", outputs=outputs).stdout)["logins"][1]["reach"]
    assert {r["path"]: (r["capabilities"], r["policies"]) for r in reach} == {
        "dev/*": (["deny"], ["dev", "more"]),
        "other": (["read", "list"], ["more"]),
        "secret/data/{{identity.entity.id}}/*": (["read"], ["dev"]),
    }
    table = [line.split() for line in run("access", outputs=outputs).stdout.splitlines()]
    assert ["dev/*", "deny", "by", "dev,", "more"] in table
    assert ["dev/*", "create,", "read,", "list"] in table, "of the login with one policy"


def test_without_a_token_the_report_says_what_it_lacks(run: Run) -> None:
    for format in ("table", "json", "html"):
        done = run("access", "--format", format)
        assert done.exit_code == 0
        assert "VAULT_TOKEN is not set" in done.stdout


@pytest.mark.parametrize(
    ("text", "note"),
    [(None, "Vault has no such policy"), ('path "a" { capabilities = [', "its text cannot be parsed")],
)
def test_a_policy_that_is_missing_or_not_understood_is_noted(
    run: Run, readable: World, text: str | None, note: str
) -> None:
    readable.vault_objects = {"sys/policies/acl/dev": {"policy": text}} if text else {}
    done = run("access")
    assert done.exit_code == 0
    assert f"policy dev: {note}" in done.stdout


def test_a_token_that_may_not_read_policies_is_noted(
    run: Run, readable: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "nobody")
    assert "VAULT_TOKEN may not read it" in run("access").stdout


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(
    run: Run, readable: World, tmp_path: Path
) -> None:
    readable.vault_objects["sys/policies/acl/dev"] = {
        "policy": 'path "<script>alert(1)</script>" { capabilities = ["read"] }'
    }
    page = tmp_path / "access.html"
    done = run("access", "--format", "html", "--output", str(page))
    assert (done.exit_code, done.stdout) == (0, "")
    text = page.read_text()
    assert "&lt;script&gt;alert(1)" in text
    for foreign in ("<script", "src=", "<link", "url(", "@import"):
        assert foreign not in text


def test_what_is_as_good_as_root_is_marked_in_every_form(run: Run, readable: World) -> None:
    readable.vault_objects["sys/policies/acl/dev"] = {
        "policy": 'path "sys/policies/acl/*" { capabilities = ["update"] }\npath "x" { policy = "read" }'
    }
    assert run("access").stdout.count("as good as root") == 4  # each of two logins, and its path
    for login in json.loads(run("access", "--json").stdout)["logins"]:
        assert login["asRoot"] is True
        assert [each["asRoot"] for each in login["reach"]] == [
            ["can write policies, which is root in two steps"],
            [],
        ]
    page = run("access", "--format", "html").stdout
    assert '<b>As good as root:</b> <a href="#node">node</a>, <a href="#pod">pod</a>.' in page
    readable.vault_objects["sys/policies/acl/dev"] = {"policy": DEV}
    assert "s good as root" not in run("access", "--format", "html").stdout


HISTORY = [
    {"kind": "update", "result": "failed", "environment": {"git.head": "f" * 40}},
    {
        "kind": "update",
        "result": "succeeded",
        "endTime": "2026-11-27T17:33:09.000Z",
        "environment": {"git.head": "0123456789abcdef", "git.dirty": "true"},
    },
]


def test_the_page_says_stack_revision_and_date(
    readable: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outputs").write_text(json.dumps(readable.outputs()))
    (tmp_path / "history").write_text(json.dumps(HISTORY))
    fake = tmp_path / "pulumi"
    fake.write_text(
        f'#!/bin/sh\ncase "$2" in output) cat {tmp_path}/outputs;; history) cat {tmp_path}/history;; esac\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    page = CliRunner().invoke(app, ["access", "--stack", "prod", "--format", "html"]).stdout
    assert "<dt>stack</dt><dd>prod</dd>" in page
    assert "<code>0123456789ab</code> and changes that were not committed" in page
    assert "<dt>deployed</dt><dd>2026-11-27 17:33 UTC</dd>" in page
    assert re.search(r"<dt>read</dt><dd>20\d\d-\d\d-\d\d \d\d:\d\d UTC</dd>", page)


def test_what_the_page_does_not_know_it_says(run: Run, readable: World) -> None:
    page = run("access", "--format", "html").stdout
    assert "<dt>stack</dt><dd>outputs on standard input</dd>" in page
    assert "<dt>revision</dt><dd>not known</dd>" in page


def test_a_page_that_has_nowhere_to_go_is_a_usage_error(run: Run) -> None:
    assert run("access", "--output", "no/such/folder/page").exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        'path "a" {\n  capabilities = ["read"]\n}\npath "b" { capabilities = [] }',
        '{"path": {"a": {"capabilities": ["read"]}, "b": {"capabilities": []}}}',
        '{"path": [{"a": {"capabilities": ["read"]}}, {"b": [{"capabilities": []}]}]}',
        '# comment\npath "a" { capabilities = ["read",] } // more\npath "b" {}',
    ],
)
def test_policies_in_hcl_and_json_read_alike(text: str) -> None:
    assert acl.parse(text) == [acl.Rule("a", frozenset({"read"})), acl.Rule("b", frozenset())]


def test_values_of_a_consumer_are_printed(run: Run, world: World) -> None:
    outputs = world.outputs()
    outputs["consumers"] = {"gloo": {"kind": "gloo", "values": {"settings": {"a": 1}}}}
    assert yaml.safe_load(run("values", "gloo", outputs=outputs).stdout) == {"settings": {"a": 1}}
    done = run("values", "gloo", "--format", "json", outputs=outputs)
    assert json.loads(done.stdout) == {"settings": {"a": 1}}
    assert run("values", "absent", outputs=outputs).exit_code == 2


def test_a_stack_without_a_cluster_has_its_reports(run: Run, readable: World) -> None:
    outputs = readable.outputs()
    del outputs["cluster"]
    assert run("access", outputs=outputs).exit_code == 0
    assert run("verify", "node", outputs=outputs).exit_code == 0
