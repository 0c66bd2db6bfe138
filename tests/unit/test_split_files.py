"""The stack files of a split: comments go along with what they are about, and nothing else is touched."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.split import SplitError, files, plan, teams, text
from tests.unit.test_split_plan import POLICIES

WHOLE = """\
# A shop.
encryptionsalt: v1:salt # of the whole
config:
  aws:region: us-east-1
  vault-aws-auth:accountId: "111111111111"
  vault-aws-auth:cluster: { name: eks1 } # the only one
  vault-aws-auth:vault:
    address: https://vault.example.com:8200
    externalPolicies:
      - readers # the search team's own

  vault-aws-auth:logins:
    # Looks after the shop.
    ops: { kind: service-account, serviceAccounts: [default/ops], policies: [dev] }

    # The money.
    # Beware.
    pay:
      kind: service-account
      serviceAccounts: [payments/api]
      policies: [dev] # for now
      # maxTtl: 1h
    find:
      kind: service-account
      serviceAccounts:
        - search/api
      policies: [readers]
    # commented:
    #   kind: out
  # What they are told.
  vault-aws-auth:consumers:
    agent: { kind: vault-agent, login: pay }
"""


def split(whole: str = WHOLE) -> plan.Plan:
    config = yaml.safe_load(whole)["config"]
    settings = plan.read(config, POLICIES)
    return plan.make(
        config,
        settings,
        POLICIES,
        teams.by_patterns(settings, {"payments": ["pay"], "search": ["search/*"]}, {}),
        stack="shop",
        platform="organization/vault-aws-auth/shop",
        project="team",
    )


def team_file(file: Path, name: str, whole: str = WHOLE, default: str | None = None) -> str | None:
    (team,) = [team for team in split(whole).teams if team.name == name]
    return files.team(file, whole, "shop", "team", team, default)


def test_the_platforms_file_loses_what_went_and_keeps_every_other_line() -> None:
    assert (
        files.platform(WHOLE, split())
        == """\
# A shop.
encryptionsalt: v1:salt # of the whole
config:
  aws:region: us-east-1
  vault-aws-auth:accountId: "111111111111"
  vault-aws-auth:cluster: { name: eks1 } # the only one
  vault-aws-auth:vault:
    address: https://vault.example.com:8200
    externalPolicies:
      - readers # the search team's own
    policies: [dev]

  vault-aws-auth:logins:
    # Looks after the shop.
    ops: { kind: service-account, serviceAccounts: [default/ops], policies: [dev] }

    # commented:
    #   kind: out
  vault-aws-auth:vaultIdentity: {allLookups: true}
"""
    )


def test_a_teams_file_has_its_logins_as_people_wrote_them(tmp_path: Path) -> None:
    made = team_file(tmp_path / "Pulumi.payments.yaml", "payments")
    assert made is not None
    assert (
        made.partition("  team:logins:\n")[2]
        == """\
    # The money.
    # Beware.
    pay:
      kind: service-account
      serviceAccounts: [payments/api]
      policies: [dev] # for now
      # maxTtl: 1h
  team:consumers:
    agent: { kind: vault-agent, login: pay }
"""
    )
    config = yaml.safe_load(made)["config"]
    assert config["team:platform"] == "organization/vault-aws-auth/shop"
    assert config["team:tags"] == {
        "managed-by": "pulumi",
        "pulumi-project": "vault-aws-auth",
        "pulumi-stack": "shop",
    }


@pytest.mark.parametrize(
    "written",
    [
        WHOLE.replace("config:\n", "config: &all\n") + "copy: *all\n",
        yaml.safe_dump(yaml.safe_load(WHOLE), default_flow_style=True),
        yaml.safe_dump(yaml.safe_load(WHOLE), indent=8),
        WHOLE.replace("      policies: [dev] # for now\n", "      policies:\n      - dev\n"),
    ],
    ids=["anchors", "braces", "indent", "lists at their key"],
)
def test_however_it_is_written_the_files_say_what_was_planned(written: str, tmp_path: Path) -> None:
    planned = split(written)
    assert yaml.safe_load(files.platform(written, planned))["config"] == planned.platform
    for team in planned.teams:
        made = team_file(tmp_path / f"Pulumi.{team.name}.yaml", team.name, written)
        assert made is not None
        assert yaml.safe_load(made)["config"] == team.config


def test_a_file_that_is_there_gets_what_it_lacks_and_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.payments.yaml"
    first = team_file(file, "payments")
    assert first is not None
    own = (
        first.replace("    pay:\n", "    older: { kind: principal } # ours\n    pay:\n")
        + "encryptionsalt: v1:x\n"
    )
    file.write_text(own)
    assert team_file(file, "payments") is None
    document = yaml.safe_load(own)
    del document["config"]["team:consumers"]
    file.write_text(own.partition("  team:consumers:")[0] + "encryptionsalt: v1:x\n")
    made = team_file(file, "payments")
    assert made is not None
    assert "# ours" in made
    assert yaml.safe_load(made) == yaml.safe_load(own)


def test_a_file_that_says_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.payments.yaml"
    made = team_file(file, "payments")
    assert made is not None
    other = made.replace("organization/vault-aws-auth/shop", "organization/vault-aws-auth/other")
    file.write_text(other.replace("payments/api", "payments/web"))
    with pytest.raises(SplitError) as error:
        team_file(file, "payments")
    assert error.value.problems == [
        f"{file}: has another team:logins.pay; rename one, or take it out",
        f"{file}: is of the platform organization/vault-aws-auth/other, not "
        "organization/vault-aws-auth/shop; give the team another name",
    ]
    assert file.read_text() == other.replace("payments/api", "payments/web")


def test_a_file_without_a_platform_is_of_the_projects_own(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.payments.yaml"
    file.write_text("config:\n  team:logins: {}\n")
    assert team_file(file, "payments", default="organization/vault-aws-auth/shop") is not None
    with pytest.raises(SplitError, match="is of the platform organization/vault-aws-auth/other"):
        team_file(file, "payments", default="organization/vault-aws-auth/other")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: "),
        ("a: [", "is not valid YAML: "),
        ("- a", "is not a stack file; it wants a mapping with the key config"),
        ("config: x", "is not a stack file; it wants a mapping with the key config"),
    ],
)
def test_what_is_no_stack_file_is_refused(content: str | None, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SplitError, match=problem):
        files.load(file)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "names no team; write TEAM"),
        ("a/b: [x]", "'a/b' cannot name a stack; write letters, digits, _, - and ."),
        ("a: x", r"a: is not a list of patterns; write e.g. \[payments/\*, checkout\]"),
        ("a: [", "is not valid YAML: "),
    ],
)
def test_what_is_no_file_of_teams_is_refused(content: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "teams.yaml"
    file.write_text(content)
    with pytest.raises(SplitError, match=problem):
        teams.read(file)


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    files.write(file, "{}", 0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    files.write(file, "[]")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("[]", 0o640)
    assert [it.name for it in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a:\n  b: 1\n", 2, "a:\n  b: 2\n"),
        ("a:\n  c: 1\n", True, "a:\n  c: 1\n  b: true\n"),
        ("a:\n  c: 1\n", {"d": 1}, "a:\n  c: 1\n  b: {d: 1}\n"),
        ("a:\n  c: 1 # x\n", [2], "a:\n  c: 1 # x\n  b: [2]\n"),
        ("a: {c: 1} # x\n", [2], "a: {c: 1, b: [2]} # x\n"),
        ("a: {}\n", True, "a: {b: true}\n"),
        ("a:\n  b:\n    - 1\n  c: 1\n", [2], "a:\n  c: 1\n  b: [2]\n"),
        ("c: 1", 2, "c: 1\na: {b: 2}\n"),
    ],
)
def test_an_entry_is_put_in_as_the_mapping_is_written(before: str, value: Any, after: str) -> None:
    assert text.put(before, ("a", "b"), value) == after
