"""Which state has what, and so what is left to do; and what the command refuses before it does anything."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from stack import __main__ as command
from stack.split import SplitError, move, plan
from stack.split.states import State, check_quiet
from tests.unit.test_split_files import WHOLE

LOGIN = "vault-aws-auth:index:ServiceAccountLogin"
STACK = "pulumi:pulumi:Stack"
TEAM = plan.Team("payments", {}, frozenset({f"{LOGIN}::pay"}), ["pay"], [])


def state(stack: str, project: str, logins: list[str], **ids: str) -> State:
    """A state with logins of two resources each, whose IAM roles have these IDs."""
    start = f"urn:pulumi:{stack}::{project}::"
    resources: list[dict[str, Any]] = [{"urn": f"{start}{STACK}::{project}-{stack}", "type": STACK}]
    for login in logins:
        urn = f"{start}{LOGIN}::{login}"
        resources.append({"urn": urn, "parent": resources[0]["urn"]})
        role = f"{start}{LOGIN}$aws:iam/role:Role::{login}-iam-role"
        resources.append({"urn": role, "parent": urn, "id": ids.get(login, login)})
    return State(stack, "", resources, [])


def whole(*logins: str) -> State:
    return state("shop", "vault-aws-auth", [*logins])


def names(urns: list[str]) -> list[str]:
    return [urn.rpartition("::")[2] for urn in urns]


@pytest.mark.parametrize("there", [None, state("payments", "team", [])])
def test_what_only_the_platform_has_is_moved_with_all_below_it(there: State | None) -> None:
    found = move.find(TEAM, whole("pay", "ops"), there)
    assert (names(found.move), found.forget, found.resources) == (["pay"], [], 2)


def test_what_both_have_was_moved_by_a_run_that_was_killed_and_the_platform_forgets_it() -> None:
    found = move.find(TEAM, whole("pay", "ops"), state("payments", "team", ["pay"]))
    assert (found.move, names(found.forget), found.resources) == ([], ["pay"], 2)


def test_what_only_the_team_has_is_done() -> None:
    assert move.find(TEAM, whole("ops"), state("payments", "team", ["pay"])).done


@pytest.mark.parametrize(
    ("here", "there", "problem"),
    [
        (
            whole("ops"),
            None,
            "payments: pay is declared and not deployed; run pulumi up --stack shop first",
        ),
        (
            whole("pay"),
            state("payments", "team", ["pay"], pay="another"),
            "payments: both stacks have pay, and not the same one; rename one",
        ),
    ],
)
def test_what_cannot_be_handed_over_is_refused(here: State, there: State | None, problem: str) -> None:
    with pytest.raises(SplitError) as error:
        move.find(TEAM, here, there)
    assert error.value.problems == [problem]


@pytest.mark.parametrize(
    "tie",
    [{"dependencies": ["URN"]}, {"propertyDependencies": {"x": ["URN"]}}, {"deletedWith": "URN"}],
)
def test_what_stays_may_not_depend_on_what_goes(tie: dict[str, Any]) -> None:
    here = whole("pay", "ops")
    role = next(it["urn"] for it in here.resources if it["urn"].endswith("pay-iam-role"))
    here.resources[-1].update(json.loads(json.dumps(tie).replace("URN", role)))
    with pytest.raises(SplitError, match="ops-iam-role would stay and depends on what goes to a team"):
        move.check_alone(here, [move.find(TEAM, here, None)])
    move.check_alone(whole("pay", "ops"), [move.find(TEAM, whole("pay", "ops"), None)])


def test_a_stack_that_an_update_left_half_way_is_refused() -> None:
    half = State("shop", "", [], ["urn:pulumi:shop::p::t::pay-iam-role"])
    with pytest.raises(SplitError, match="killed while it worked on pay-iam-role; run pulumi up --refresh"):
        check_quiet(half)
    doomed = State("shop", "", [{"urn": "urn:pulumi:shop::p::t::old", "delete": True}], [])
    with pytest.raises(SplitError, match="old is still to be deleted; run pulumi up there first"):
        check_quiet(doomed)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a stack file, and a `pulumi` that knows one stack, and does nothing."""
    (tmp_path / "Pulumi.shop.yaml").write_text(WHOLE)
    (tmp_path / "policies" / "vault").mkdir(parents=True)
    (tmp_path / "policies" / "vault" / "dev.hcl").write_text("")
    exported = {"deployment": {"resources": whole("ops", "pay", "find").resources}}
    exported["deployment"]["resources"].append(
        {"urn": "urn:pulumi:shop::vault-aws-auth::vault-aws-auth:index:VaultAgentConsumer::agent"}
    )
    (tmp_path / "shop.json").write_text(json.dumps(exported))
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        '"stack ls") echo \'[{"name": "organization/vault-aws-auth/shop"}]\' ;;\n'
        f'"stack export") cat {tmp_path}/shop.json ;;\n'
        '*) echo "error: the stack is currently locked" >&2; exit 1 ;;\n'
        "esac\n"
    )
    pulumi.chmod(0o700)
    monkeypatch.setenv("PATH", f"{pulumi.parent}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        command.main(lambda: command.app(["split", *words], standalone_mode=False))
    assert ended.value.code == 1
    return capsys.readouterr().err


def everything(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["Pulumi.shop.yaml"], "error: say who gets what: either --by-namespace or --teams FILE\n"),
        (
            ["Pulumi.shop.yaml", "--by-namespace", "--teams", "teams.yaml"],
            "error: say who gets what: either --by-namespace or --teams FILE\n",
        ),
        (
            ["shop.yaml", "--by-namespace"],
            "error: shop.yaml: is not called Pulumi.STACK.yaml",
        ),
        (["Pulumi.none.yaml", "--by-namespace"], "Pulumi.none.yaml: cannot be read: "),
        (["Pulumi.shop.yaml", "--by-namespace", "--stack", "other"], "error: there is no stack other in "),
        (["Pulumi.shop.yaml", "--teams", "teams.yaml"], "error: teams.yaml: cannot be read: "),
        (["Pulumi.shop.yaml", "--by-namespace"], "error: nobody can be asked here; look with --dry-run"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_in_one_line(
    words: list[str], problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(folder)
    said = refused(capsys, *words, "--into", "teams")
    assert problem in said
    assert said.count("\n") == 1
    assert everything(folder) == before


def test_a_dry_run_says_what_goes_where_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(folder)
    command.main(
        lambda: command.app(
            ["split", "Pulumi.shop.yaml", "--into", "teams", "--by-namespace", "--dry-run"],
            standalone_mode=False,
        )
    )
    said = capsys.readouterr().out
    assert "payments: teams/Pulumi.payments.yaml (new), 3 resources" in said
    assert "  logins: pay\n  consumers: agent\n" in said
    assert "  gets for its teams: vaultIdentity.allLookups: True\n" in said
    assert everything(folder) == before


def test_what_pulumi_refuses_is_told_in_its_words_and_the_platform_keeps_what_it_declares(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "Pulumi.shop.yaml", "--into", "teams", "--by-namespace", "--yes")
    assert said == "error: pulumi stack init failed: the stack is currently locked\n"
    assert (folder / "Pulumi.shop.yaml").read_text() == WHOLE


def test_without_pulumi_that_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    said = refused(capsys, "Pulumi.shop.yaml", "--into", "teams", "--by-namespace")
    assert said.startswith("error: there is no pulumi on PATH")
