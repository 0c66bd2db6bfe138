"""The pipeline's steps on three environments: a change goes through all, or stops where it fails.

Of a small project, as each step runs the engine; with this project's own, `test_pipeline_of_this_project.py`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tally
from tests.sandbox.callers import trust
from tests.sandbox.environments import ENVIRONMENTS, Environments
from tests.sandbox.kit import REPOSITORY
from tests.sandbox.lease import Pool

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("pipeline")]

PROJECT = Path(__file__).parent / "small"

PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def no_roles(args, report):
    if args.resource_type == "aws:iam/role:Role":
        report("This house has enough roles")


PolicyPack(
    name="house-rules",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="no-roles", description="No IAM roles", validate=no_roles)],
)
"""


@pytest.fixture(scope="module")
def environments(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """Three environments, promoted once from nothing."""
    with pool.lease() as sandbox:
        made = Environments(sandbox, PROJECT, tmp_path_factory.mktemp("pipeline") / "stacks")
        made.prepare(lambda _, name: {"aws:region": "us-east-1", "small:roles": ["app"], "small:hours": 1})
        try:
            status, result, printed = made.promote("--no-verify")
            assert status == 0, printed
            assert [result[name]["step"] for name in ENVIRONMENTS] == ["up", "up", "up"]
            made.first_drift = made.run("drift")[:2]
            yield made
        finally:
            for name in ENVIRONMENTS:
                made.pulumi("destroy", "--yes", "--skip-preview", "--remove", "--stack", name)


@pytest.fixture
def commit(environments: Environments) -> Iterator[Environments]:
    """The same, for a commit that changes stack files: afterwards they are as they were."""
    before = {name: environments.stack_file(name).read_text() for name in ENVIRONMENTS}
    yield environments
    for name, text in before.items():
        environments.stack_file(name).write_text(text)


def change(environments: Environments, *names: str, roles: list[str] | None = None, hours: int = 1) -> None:
    """What a commit brings to the environments of these names."""
    for name in names:
        config = {**environments.config(name), "small:roles": roles or ["app"], "small:hours": hours}
        environments.write(name, config)


def roles(environments: Environments) -> dict[str, dict[str, Any]]:
    """The IAM roles of the environments, by name."""
    found = environments.sandbox.aws("iam").list_roles()["Roles"]
    return {role["RoleName"]: role for role in found if role["RoleName"].startswith(ENVIRONMENTS)}


def hours(environments: Environments) -> list[int]:
    found = roles(environments)
    return [found[f"{name}-app"]["MaxSessionDuration"] // 3600 for name in ENVIRONMENTS]


def vault_policies(environments: Environments) -> set[str]:
    return set(environments.sandbox.vault.sys.list_policies()["data"]["policies"])


def test_what_was_promoted_is_there_and_there_is_nothing_left_to_do(environments: Environments) -> None:
    assert {f"{name}-app" for name in ENVIRONMENTS} <= set(roles(environments))
    assert {f"{name}-readers" for name in ENVIRONMENTS} <= vault_policies(environments)
    status, result = environments.first_drift
    assert status == 0
    assert [each["changes"] for each in result] == [[], [], []]


def test_an_update_that_fails_stops_the_promotion_and_goes_through_when_it_is_fixed(
    commit: Environments,
) -> None:
    """The preview cannot know that AWS will refuse, because a role of that name exists already."""
    iam = commit.sandbox.aws("iam")
    iam.create_role(RoleName="staging-worker", AssumeRolePolicyDocument=trust("111111111111"))
    change(commit, *ENVIRONMENTS, roles=["app", "worker"])
    status, result, _ = commit.promote("--no-verify")
    assert status == 1
    assert result["dev"]["ok"]
    assert (result["staging"]["step"], result["staging"]["touched"]) == ("up", True)
    assert "EntityAlreadyExists" in result["staging"]["reason"]
    assert (result["prod"]["step"], result["prod"]["touched"]) == ("none", False)
    assert result["prod"]["reason"] == "not touched, as staging failed"
    assert "dev-worker" in roles(commit)
    assert "prod-worker" not in roles(commit)

    iam.delete_role(RoleName="staging-worker")
    status, result, _ = commit.promote("--no-verify")
    assert status == 0
    assert result["dev"]["report"]["changes"] == []
    assert "worker" in [each["name"] for each in result["prod"]["report"]["changes"]]
    assert "prod-worker" in roles(commit)


def test_drift_is_found_named_and_repaired(commit: Environments, tmp_path: Path) -> None:
    sandbox = commit.sandbox
    assert commit.run("up", "dev", "--no-verify")[0] == 0
    sandbox.vault.sys.delete_policy("dev-readers")
    any_caller = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [any_caller]})
    sandbox.aws("iam").update_assume_role_policy(RoleName="dev-app", PolicyDocument=document)
    change(commit, "dev", roles=["app", "next"])

    written = tmp_path / "drift.md"
    answer = commit.pipeline("drift", "dev", "--summary", str(written))
    assert answer.returncode == 3, answer.stdout + answer.stderr
    text = written.read_text()
    assert "| create | `aws:iam:Role` next |  |  |" in text
    assert "| create | `vault:index:Policy` readers |  | gone outside of Pulumi |" in text
    assert "| update | `aws:iam:Role` app | `assumeRolePolicy` | changed outside" in text
    assert "sts:AssumeRole" not in text  # no values, only what changed
    assert "aws:iam:Role next: declared, but not deployed" in answer.stdout
    assert "vault:index:Policy readers: gone outside of Pulumi" in answer.stdout
    assert "aws:iam:Role app: changed outside of Pulumi: assumeRolePolicy" in answer.stdout

    assert commit.run("up", "dev", "--no-verify")[0] == 0
    assert "dev-readers" in vault_policies(commit)
    assert commit.run("drift", "dev")[0] == 0


def test_an_update_does_what_its_plan_says_and_nothing_else(commit: Environments, tmp_path: Path) -> None:
    change(commit, "dev", hours=2)
    plan, written = tmp_path / "dev.plan", tmp_path / "dev.md"
    status, result, _ = commit.run("preview", "dev", "--plan", str(plan), "--summary", str(written))
    assert status == 0
    (found,) = (each for each in result["changes"] if each["name"] == "app")
    assert (found["operation"], found["type"]) == ("update", "aws:iam:Role")
    assert found["keys"] == ["maxSessionDuration"]
    assert "| update | `aws:iam:Role` app | `maxSessionDuration`" in written.read_text()
    assert hours(commit)[0] == 1

    change(commit, "dev", roles=["app", "unseen"], hours=2)
    status, (done,), _ = commit.run("up", "dev", "--plan", str(plan))
    assert status == 1
    assert done["step"] == "up"
    assert "is not allowed by the plan" in done["reason"]
    assert "dev-unseen" not in roles(commit)


def test_a_guardrail_refuses_at_preview_with_its_name(commit: Environments, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "__main__.py").write_text(PACK)
    before = hours(commit)
    change(commit, "dev", hours=3)
    written = tmp_path / "dev.md"
    words = ("up", "dev", "--guardrails", str(tmp_path), "--summary", str(written))
    status, (done,), _ = commit.run(*words)
    assert status == 1
    assert (done["step"], done["touched"]) == ("preview", False)
    assert "guardrail no-roles refuses aws:iam:Role app" in done["reason"]
    assert hours(commit) == before
    assert "guardrail no-roles refuses aws:iam:Role app" in written.read_text()


def test_a_cancelled_job_lets_the_engine_end_its_step(commit: Environments) -> None:
    """If it were killed, the state would not show whether the step was done."""
    change(commit, "dev", roles=["app", "cancelled", *(f"later-{number}" for number in range(20))])
    tally.add("run", 2)
    process = subprocess.Popen(
        commit.command("up", "dev", "--no-verify"),
        cwd=REPOSITORY,
        env=commit.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "aws:iam:Role cancelled creating" in line:
            break
    process.terminate()
    printed, _ = process.communicate(timeout=200)
    assert process.returncode == 130, printed
    assert "interrupted; the engine has finished its current step" in printed
    assert "Traceback" not in printed
    state = json.loads(commit.pulumi("stack", "export", "--stack", "dev"))
    assert not state["deployment"].get("pending_operations")
    assert "dev-later-19" not in roles(commit)
    change(commit, "dev", roles=["app", "cancelled"])
    assert commit.run("up", "dev", "--no-verify")[0] == 0
    assert "dev-cancelled" in roles(commit)
