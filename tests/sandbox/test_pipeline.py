"""Three environments and the pipeline's steps on them: a change goes through all, or stops where it fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.callers import trust
from tests.sandbox.environments import ENVIRONMENTS, Environments
from tests.sandbox.kit import REPOSITORY, Sandbox

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("pipeline")]

PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def no_users(args, report):
    if args.resource_type == "aws:iam/user:User":
        report("Vault has a stored credential")


PolicyPack(
    name="house-rules",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="no-users", description="No IAM users", validate=no_users)],
)
"""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """Three environments, promoted once from nothing."""
    folder = tmp_path_factory.mktemp("pipeline")
    made = Environments(Sandbox(folder / "sandbox"), folder / "stacks")
    try:
        made.prepare()
        answer = made.pipeline("promote")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        made.first_promotion = answer.stdout
        yield made
    finally:
        made.sandbox.run("down", "--force")


@pytest.fixture
def commit(environments: Environments) -> Iterator[Environments]:
    """The same, for a commit that changes stack files: afterwards they are as they were."""
    before = {name: environments.stack_file(name).read_text() for name in ENVIRONMENTS}
    yield environments
    for name, text in before.items():
        environments.stack_file(name).write_text(text)


def run(environments: Environments, *words: str) -> tuple[int, Any, str]:
    """A command of the pipeline with --json: exit code, result, and everything else that it printed."""
    answer = environments.pipeline(*words, "--json")
    return answer.returncode, json.loads(answer.stdout), answer.stderr


def promote(environments: Environments, *words: str) -> tuple[int, dict[str, Any], str]:
    status, result, printed = run(environments, "promote", *words)
    return status, {each["environment"]: each for each in result}, printed


def vault_role(environments: Environments, name: str, login: str = "api") -> dict[str, Any] | None:
    answer = environments.sandbox.vault.read(f"auth/aws-{name}/role/{login}")
    return dict(answer["data"]) if answer else None


def max_ttls(environments: Environments) -> list[int]:
    roles = [vault_role(environments, name) for name in ENVIRONMENTS]
    return [role["token_max_ttl"] if role else 0 for role in roles]


def set_max_ttl(environments: Environments, value: str) -> None:
    """The change that a commit brings to every environment."""
    for name in ENVIRONMENTS:
        config = environments.config(name)
        config["vault-aws-auth:logins"]["api"]["maxTtl"] = value
        environments.write(name, config)


def add_login(environments: Environments, name: str, login: str, **settings: Any) -> None:
    config = environments.config(name)
    config["vault-aws-auth:logins"][login] = {
        "kind": "service-account",
        "serviceAccounts": [f"{name}/{login}"],
        "policies": ["readers"],
        "iamRoleName": f"{name}-{login}",
        **settings,
    }
    environments.write(name, config)


def test_every_environment_is_its_own_and_there_is_nothing_left_to_do(environments: Environments) -> None:
    assert environments.first_promotion.count("all 10 as expected") == 3
    for name in ENVIRONMENTS:
        role = vault_role(environments, name)
        assert role
        assert role["bound_iam_principal_arn"] == [f"arn:aws:iam::111111111111:role/{name}-api"]
        client = environments.sandbox.vault.read(f"auth/aws-{name}/config/client")["data"]
        assert client["iam_server_id_header_value"] == f"{name}.vault.example.com"
    status, result, _ = run(environments, "drift")
    assert status == 0
    assert [each["changes"] for each in result] == [[], [], []]


def test_a_configuration_that_is_refused_stops_the_promotion_before_anything_is_changed(
    commit: Environments,
) -> None:
    dev, *others = max_ttls(commit)
    set_max_ttl(commit, "45m")
    add_login(commit, "staging", "worker", policies=["no-such-policy"])
    status, result, printed = promote(commit)
    assert status == 1
    assert (result["dev"]["step"], result["dev"]["ok"]) == ("verify", True)
    (change,) = result["dev"]["report"]["changes"]
    assert (change["operation"], change["type"]) == ("update", "vault:aws:AuthBackendRole")
    assert change["keys"] == ["tokenMaxTtl", "tokenTtl"]
    assert (result["staging"]["step"], result["staging"]["touched"]) == ("preview", False)
    assert 'logins.worker.policies[0]: "no-such-policy" is not a Vault policy' in result["staging"]["reason"]
    assert (result["prod"]["step"], result["prod"]["touched"]) == ("none", False)
    assert result["prod"]["reason"] == "not touched, as staging failed"
    assert dev != 2700
    assert max_ttls(commit) == [2700, *others]
    assert "Traceback" not in printed


def test_an_update_that_fails_stops_the_promotion_and_goes_through_when_it_is_mended(
    commit: Environments,
) -> None:
    """The preview cannot know that AWS will refuse: somebody else has a role of that name."""
    iam = commit.sandbox.aws("iam")
    iam.create_role(RoleName="staging-worker", AssumeRolePolicyDocument=trust("111111111111"))
    for name in ENVIRONMENTS:
        add_login(commit, name, "worker")
    status, result, _ = promote(commit, "--no-verify")
    assert status == 1
    assert result["dev"]["ok"]
    assert (result["staging"]["step"], result["staging"]["touched"]) == ("up", True)
    assert "EntityAlreadyExists" in result["staging"]["reason"]
    assert result["prod"]["step"] == "none"
    assert vault_role(commit, "dev", "worker")
    assert not vault_role(commit, "prod", "worker")

    iam.delete_role(RoleName="staging-worker")
    status, result, _ = promote(commit, "--no-verify")
    assert status == 0
    assert result["dev"]["report"]["changes"] == []
    assert "worker-iam-role" in [change["name"] for change in result["prod"]["report"]["changes"]]
    assert vault_role(commit, "prod", "worker")


def test_a_login_that_does_not_work_stops_the_promotion(commit: Environments) -> None:
    """What Pulumi calls a success is not one yet: no chart has made this service account."""
    before = max_ttls(commit)[2]
    set_max_ttl(commit, "40m")
    add_login(commit, "staging", "late", serviceAccountMode="none")
    status, result, printed = promote(commit, "staging", "prod")
    assert status == 1
    assert (result["staging"]["step"], result["staging"]["ok"]) == ("verify", False)
    assert "a login does not work" in result["staging"]["reason"]
    assert "service account staging/late" in printed
    assert result["prod"]["step"] == "none"
    assert max_ttls(commit)[2] == before != 2400


def test_drift_is_found_named_and_repaired(commit: Environments, tmp_path: Path) -> None:
    sandbox = commit.sandbox
    assert run(commit, "up", "dev", "--no-verify")[0] == 0
    sandbox.vault.delete("auth/aws-dev/role/api")
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    sandbox.aws("iam").update_assume_role_policy(RoleName="dev-api", PolicyDocument=document)
    add_login(commit, "dev", "next")

    written = tmp_path / "drift.md"
    answer = commit.pipeline("drift", "dev", "--summary", str(written))
    assert answer.returncode == 3, answer.stdout + answer.stderr
    told = written.read_text()
    assert "| create | `aws:iam:Role` next-iam-role |  |  |" in told
    assert "| create | `vault:aws:AuthBackendRole` api-vault-role |  | gone outside of Pulumi |" in told
    assert "| update | `aws:iam:Role` api-iam-role | `assumeRolePolicy` | changed outside" in told
    assert "sts:AssumeRole" not in told  # no values, only what changed
    assert "aws:iam:Role next-iam-role: declared, and not deployed" in answer.stdout
    assert "vault:aws:AuthBackendRole api-vault-role: gone outside of Pulumi" in answer.stdout
    assert "aws:iam:Role api-iam-role: changed outside of Pulumi: assumeRolePolicy" in answer.stdout

    assert run(commit, "up", "dev", "--no-verify")[0] == 0
    assert vault_role(commit, "dev")
    assert run(commit, "drift", "dev")[0] == 0


def test_an_update_does_what_its_plan_says_and_nothing_else(commit: Environments, tmp_path: Path) -> None:
    before = max_ttls(commit)[0]
    set_max_ttl(commit, "50m")
    plan, written = tmp_path / "dev.plan", tmp_path / "dev.md"
    status, result, _ = run(commit, "preview", "dev", "--plan", str(plan), "--summary", str(written))
    assert status == 0
    assert "api-vault-role" in [change["name"] for change in result["changes"]]
    assert "| update | `vault:aws:AuthBackendRole` api-vault-role | `tokenMaxTtl`" in written.read_text()
    assert max_ttls(commit)[0] == before

    add_login(commit, "dev", "unseen")
    status, (done,), _ = run(commit, "up", "dev", "--plan", str(plan))
    assert status == 1
    assert done["step"] == "up"
    assert "is not allowed by the plan" in done["reason"]
    roles = {role["RoleName"] for role in commit.sandbox.aws("iam").list_roles()["Roles"]}
    assert "dev-unseen" not in roles


def test_a_guardrail_refuses_at_preview_with_its_name(commit: Environments, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "__main__.py").write_text(PACK)
    before = max_ttls(commit)
    set_max_ttl(commit, "55m")
    written = tmp_path / "dev.md"
    status, (done,), _ = run(commit, "up", "dev", "--guardrails", str(tmp_path), "--summary", str(written))
    assert status == 1
    assert (done["step"], done["touched"]) == ("preview", False)
    assert "guardrail no-users refuses aws:iam:User vault-identity-user" in done["reason"]
    assert max_ttls(commit) == before
    assert "guardrail no-users refuses aws:iam:User vault-identity-user" in written.read_text()


def test_a_cancelled_job_lets_the_engine_end_its_step(commit: Environments) -> None:
    """Killed in the middle of a step, nobody could tell whether that step was done."""
    add_login(commit, "dev", "cancelled")
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
        if "cancelled-iam-role creating" in line:
            break
    process.terminate()
    printed, _ = process.communicate(timeout=200)
    assert process.returncode == 130, printed
    assert "interrupted; the engine has ended the step that it was at" in printed
    assert "Traceback" not in printed
    state = json.loads(commit.pulumi("stack", "export", "--stack", "dev"))
    assert not state["deployment"].get("pending_operations")
    assert run(commit, "up", "dev", "--no-verify")[0] == 0
    assert vault_role(commit, "dev", "cancelled")
