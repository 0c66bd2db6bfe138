"""The workflows and manifests: what they call exists, and they may do no more than they need."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipeline import ENVIRONMENTS
from pipeline.__main__ import app

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ACTION = ROOT / ".github" / "actions" / "environment" / "action.yml"
OPERATOR = {file.stem: file for file in sorted((ROOT / "deploy" / "pulumi-operator").glob("*.yaml"))}

STACK_FIELDS: dict[str, type] = {
    "backend": str,
    "branch": str,
    "continueResyncOnCommitMatch": bool,
    "envRefs": dict,
    "prerequisites": list,
    "projectRepo": str,
    "refresh": bool,
    "resyncFrequencySeconds": int,
    "secretsProvider": str,
    "serviceAccountName": str,
    "stack": str,
    "useLocalStackOnly": bool,
    "workspaceReclaimPolicy": str,
}
"""Of the custom resource definition stacks.pulumi.com, version v1, of the operator 2.x: what is used here."""


def load(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return found


def triggers(workflow: dict[Any, Any]) -> Any:
    return workflow[True]  # YAML 1.1 reads `on` so


JOBS = [(name, job) for name in WORKFLOWS for job in load(name)["jobs"]]


def job_of(name: str, job: str) -> dict[str, Any]:
    found: dict[str, Any] = load(name)["jobs"][job]
    return found


def runs(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job.get("steps", ()) if "run" in step]


def uses(job: dict[str, Any]) -> list[str]:
    return [step["uses"] for step in job.get("steps", ()) if "uses" in step]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_each_call_of_the_pipeline_is_one_that_it_takes(name: str, job: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in runs(job_of(name, job)):
        if "pipeline" not in line:
            continue
        plain = re.sub(r"\$\{\{.*?\}\}", "dev", line)
        python, module, pipeline, command, *words = shlex.split(plain)
        assert (python, module, pipeline) == ("python", "-m", "pipeline")
        context = commands[command].make_context(command, words)  # raises for an option that is not there
        assert context.params.get("name") == "dev" or context.params.get("names") == ["dev"]


def test_the_pipeline_is_called_for_every_step_of_delivery() -> None:
    text = " ".join(file.read_text() for file in WORKFLOWS.values())
    assert set(re.findall(r"python -m pipeline (\w+)", text)) == {"preview", "up", "drift"}


@pytest.mark.parametrize(("name", "job"), [("preview", "preview"), ("drift", "drift")])
def test_matrices_are_the_environments(name: str, job: str) -> None:
    assert tuple(job_of(name, job)["strategy"]["matrix"]["environment"]) == ENVIRONMENTS
    assert job_of(name, job)["strategy"]["fail-fast"] is False


def test_a_merge_goes_from_one_environment_to_the_next() -> None:
    jobs = load("deploy")["jobs"]
    assert tuple(jobs) == ENVIRONMENTS
    before = None
    for name, job in jobs.items():
        assert job["uses"] == "./.github/workflows/environment.yml"
        assert job["with"] == {"environment": name}
        assert job.get("needs") == before
        before = name
    assert triggers(load("deploy")) == {"push": {"branches": ["main"]}}


def test_what_is_brought_up_is_what_was_previewed_and_approved() -> None:
    preview, up = job_of("environment", "preview"), job_of("environment", "up")
    assert up["needs"] == "preview"
    assert up["environment"] == "${{ inputs.environment }}"
    assert preview["environment"] == "${{ inputs.environment }}-preview"
    assert any("--plan plan.json" in line for line in runs(preview))
    assert any("--plan plan.json" in line for line in runs(up))
    assert up["concurrency"]["cancel-in-progress"] is False


NEEDED = {
    ("test", "test"): None,
    ("preview", "preview"): {"contents": "read", "id-token": "write"},
    ("preview", "comment"): {"pull-requests": "write"},
    ("environment", "preview"): {"contents": "read", "id-token": "write"},
    ("environment", "up"): {"contents": "read", "id-token": "write"},
    ("drift", "drift"): {"contents": "read", "id-token": "write"},
    ("drift", "issue"): {"issues": "write"},
    **{("deploy", name): {"contents": "read", "id-token": "write"} for name in ENVIRONMENTS},
}


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_each_job_may_do_what_it_needs_and_nothing_else(name: str, job: str) -> None:
    assert job_of(name, job).get("permissions") == NEEDED[name, job]
    assert load(name)["permissions"] == ({"contents": "read"} if name == "test" else {})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_secret_is_stored_anywhere(name: str) -> None:
    assert "secrets." not in WORKFLOWS[name].read_text() + ACTION.read_text()
    assert "pull_request_target" not in WORKFLOWS[name].read_text()


def test_a_job_that_writes_runs_nothing_of_the_pull_request() -> None:
    for name, job in (("preview", "comment"), ("drift", "issue")):
        assert uses(job_of(name, job)) == ["actions/download-artifact@v4"]


def test_a_fork_gets_no_credentials() -> None:
    wanted = "github.event.pull_request.head.repo.full_name == github.repository"
    assert job_of("preview", "preview")["if"] == wanted
    with_token = [job for job in JOBS if "id-token" in (job_of(*job).get("permissions") or {})]
    on_pull_request = {name for name in WORKFLOWS if "pull_request" in triggers(load(name))}
    assert [job for job in with_token if job[0] in on_pull_request] == [("preview", "preview")]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_what_is_given_to_the_action_is_what_it_takes(name: str, job: str) -> None:
    action = yaml.safe_load(ACTION.read_text())["inputs"]
    required = {key for key, value in action.items() if value.get("required")}
    for step in job_of(name, job).get("steps", ()):
        if step.get("uses") == "./.github/actions/environment":
            assert required <= set(step["with"]) <= set(action)


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_step_takes_nothing_of_the_event_into_its_script(name: str, job: str) -> None:
    """A title or a branch's name in a script would be run by the shell."""
    for line in runs(job_of(name, job)):
        assert set(re.findall(r"\$\{\{ *(.*?) *\}\}", line)) <= {"matrix.environment", "inputs.environment"}


def test_there_is_a_manifest_of_the_operator_for_each_environment() -> None:
    assert sorted(OPERATOR) == sorted(ENVIRONMENTS)


@pytest.mark.parametrize("name", OPERATOR)
def test_the_operators_stack_is_the_environments(name: str) -> None:
    account, binding, stack = yaml.safe_load_all(OPERATOR[name].read_text())
    assert (stack["apiVersion"], stack["kind"]) == ("pulumi.com/v1", "Stack")
    spec = stack["spec"]
    assert spec["stack"].split("/")[1:] == ["vault-aws-auth", name]
    for field, value in spec.items():
        assert isinstance(value, STACK_FIELDS[field]), field
    for reference in spec["envRefs"].values():
        assert set(reference) == {"type", reference["type"].lower()}
    assert spec["envRefs"]["VAULT_TOKEN"]["type"] == "Secret"
    assert spec["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    config = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
    role = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role.split(":")[4] == config.get("vault-aws-auth:accountId", "111111111111")


def test_with_the_operator_too_an_environment_waits_for_the_one_before() -> None:
    before: list[dict[str, str]] = []
    for name in ENVIRONMENTS:
        *_, stack = yaml.safe_load_all(OPERATOR[name].read_text())
        assert stack["spec"].get("prerequisites", []) == before
        before = [{"name": stack["metadata"]["name"]}]


@pytest.mark.skipif(not shutil.which("go"), reason="actionlint is built with Go, as the sandbox's tools are")
def test_the_workflows_are_what_github_takes() -> None:
    """Keys, expressions, contexts, the inputs of actions and of called workflows."""
    words = ["go", "tool", "actionlint", "-no-color", "-shellcheck=", "-pyflakes="]
    answer = subprocess.run(
        [*words, *map(str, WORKFLOWS.values())],
        cwd=ROOT / "tools" / "actionlint",
        env={**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
