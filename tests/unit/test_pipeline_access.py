"""What the pipeline says of who gains what: for a pull request's comment, without credentials."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import acl
from cli.compare.changes import compare
from cli.compare.table import Caller, Kind, Login, Source, Table
from cli.errors import Refused
from pipeline import access, summary
from pipeline.__main__ import app
from pipeline.report import Change, Report, Violation
from tests.cli.test_compare import CI, Project, project

__all__ = ["project"]  # a fixture


def tables(*sides: Mapping[str, tuple[str, ...]], rules: str = 'path "x" { capabilities = ["sudo"] }') -> Any:
    """Two sides: by login, its service accounts."""
    found = []
    for side in sides:
        logins = {
            name: Login(
                name,
                frozenset(Caller(Kind.SERVICE_ACCOUNT.value, each, "c") for each in accounts),
                ("strong",),
                name,
            )
            for name, accounts in side.items()
        }
        found.append(Table(Source("side", "file"), logins, {"strong": tuple(acl.parse(rules))}))
    return compare(*found)


def test_the_section_says_who_gains_what_and_what_becomes_root() -> None:
    text = access.section("dev", tables({}, {"app": ("n/app",)}))
    assert text.startswith("### `dev`: who gains what in Vault\n")
    assert "**Becomes as good as root:** `service account n/app of cluster c`" in text
    assert "**Can newly log in**\n\n- `+ service account n/app of cluster c, by login app`" in text
    assert "  - `+ x sudo`" in text


def test_the_section_says_that_nothing_changes() -> None:
    assert "No change: the same callers" in access.section("dev", tables({}, {}))


HOSTILE = "a|b`c``d</details>@everyone [x](http://x) <!-- \n# h"


def test_what_a_pull_request_names_stays_text() -> None:
    rules = json.dumps({"path": {HOSTILE: {"capabilities": ["read"]}}})
    text = access.section("dev", tables({}, {HOSTILE: (HOSTILE,)}, rules=rules))
    spans = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")  # as CommonMark finds code spans
    outside = "\n".join(spans.sub("", line) for line in text.splitlines())
    for sign in ("@", "<", "[", "everyone", "# h"):
        assert sign not in outside.replace("###", "")
    assert "@everyone" in text


@pytest.mark.parametrize("size", [1, 60])
def test_a_section_is_cut_where_it_is_too_long_and_says_so(size: int) -> None:
    side = {f"login-{number}": (f"namespace-{number}/app",) for number in range(500)}
    rules = "\n".join(f'path "p{n}{"x" * size}" {{ capabilities = ["read"] }}' for n in range(500))
    text = access.section("dev", tables({}, side, rules=rules))
    assert len(text) < access.ROOM + 200
    assert "… and 490 more callers" in text
    assert re.search(r"… \d+ more lines: `vault-aws-auth access --compare` shows all\.", text)


def test_what_becomes_root_is_told_even_where_the_rest_does_not_fit() -> None:
    text = access.section("dev", tables({}, {"l" * 128: tuple(f"n{i}/{'a' * 253}" for i in range(400))}))
    assert "**Becomes as good as root:**" in text
    assert "and 390 more" in text


def test_previews_and_sections_of_three_environments_fit_into_one_comment() -> None:
    violations = [
        Violation(f"rule-{number}", True, "|" * 2000, "says|" * 500 + "\n" + "what|" * 500 + "\nWhy: x")
        for number in range(50)
    ]
    changes = [
        Change("update", "a:b:C", f"long-{number}" * 90, ("key",) * 100, "gone") for number in range(200)
    ]
    report = Report(False, changes, violations=violations, errors=["e" * 99_000])
    preview = summary.of_preview("staging", report, "not every guardrail is enforced: " + "x" * 5000)
    many = {f"login-{number}": (f"{'n' * 63}/{'a' * 250}{number}",) for number in range(300)}
    section = access.section("staging", tables({}, many))
    failed = access.failure("staging", Refused("compare", None, "r" * 99_000, hint="h" * 99_000))
    assert 3 * (len(preview) + max(len(section), len(failed))) < 65_536 - 200


def run(project: Project, *words: str) -> Any:
    return CliRunner().invoke(app, ["access", "dev", "--base", "HEAD^1", *words])


def test_the_step_compares_the_checkout_with_the_base_without_credentials(
    project: Project, tmp_path: Path
) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: vault-aws-auth\nruntime: python\n")
    project.commit()
    project.stack(ci=CI)
    project.commit()
    written = tmp_path / "section.md"
    done = run(project, "--summary", str(written))
    assert done.exit_code == 0, done.output
    assert "can newly log in:\n  + service account ci/runner of cluster eks1" in done.stdout
    assert "- `+ service account ci/runner of cluster eks1, by login ci`" in written.read_text()
    found = json.loads(run(project, "--json").stdout)
    assert found["environment"] == "dev"
    assert found["becomeRoot"] == ["service account ci/runner of cluster eks1"]


def test_an_environment_that_is_new_has_nobody_before(project: Project, tmp_path: Path) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: vault-aws-auth\nruntime: python\n")
    project.commit()
    project.stack("prod")
    project.commit()
    done = CliRunner().invoke(app, ["access", "prod", "--base", "HEAD^1"])
    assert done.exit_code == 0, done.output
    assert "can newly log in:\n  + service account default/app of cluster eks1" in done.stdout


def test_stack_files_in_another_folder_are_compared_with_those_of_the_base(project: Project) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: vault-aws-auth\nruntime: python\n")
    (project.root / "stacks").mkdir()
    file = project.root / "stacks" / "Pulumi.dev.yaml"
    (project.folder / "Pulumi.dev.yaml").rename(file)
    project.commit()
    project.stack(ci=CI).rename(file)
    project.commit()
    done = run(project, "--config-dir", "../stacks")
    assert done.exit_code == 0, done.output
    assert "  + service account ci/runner of cluster eks1" in done.stdout
    assert "default/app" not in done.stdout


def test_a_base_that_cannot_be_read_fails_and_the_comment_says_why(project: Project, tmp_path: Path) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: vault-aws-auth\nruntime: python\n")
    written = tmp_path / "section.md"
    done = CliRunner().invoke(app, ["access", "dev", "--base", "nowhere", "--summary", str(written)])
    assert done.exit_code == 1
    assert "nowhere: is neither a revision nor a file" in done.stdout
    assert "could not be computed\n\n```\nnowhere: is neither" in written.read_text()
