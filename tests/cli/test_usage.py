"""A wrong command line: exit code 2, and JSON on standard output where JSON was asked for."""

import json

import pytest

from tests.cli.conftest import Run

JSON = [
    ["login", "absent", "--json"],
    ["login", "--json"],
    ["login", "pod", "--json", "--unknown"],
    ["login", "pod", "--json", "--service-account", "no-slash"],
    ["login", "pod", "--json", "--project", "no/such/folder"],
    ["verify", "absent", "--json"],
    ["doctor", "--json"],
    ["doctor", "absent", "--json"],
    ["doctor", "pod", "more", "--json"],
    ["access", "--format", "json", "--unknown"],
    ["access", "--format=json", "--unknown"],
    ["values", "absent", "--format", "json"],
    ["unknown", "--json"],
    ["login", "pod", "--json", "--stack", "dev"],
]


@pytest.mark.parametrize("words", JSON, ids=" ".join)
def test_where_json_was_asked_for_a_usage_error_is_json(words: list[str], run: Run) -> None:
    done = run(*words)
    assert done.exit_code == 2, done.output
    error = json.loads(done.stdout)["error"]
    assert error["link"] == "command line"
    assert error["code"] == "usage"
    assert error["by"] is None
    assert error["reason"]
    assert error["hint"].endswith(" --help")
    assert not done.stderr


@pytest.mark.parametrize("words", JSON, ids=" ".join)
def test_without_json_it_is_text_on_standard_error(words: list[str], run: Run) -> None:
    plain = [word for word in words if word not in ("--json", "--format", "json", "--format=json")]
    done = run(*plain)
    assert done.exit_code == 2, done.output
    assert not done.stdout
    assert done.stderr
