"""The workflows: what they call exists, and they may do no more than they need."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer
import yaml

from components.version import VERSION
from pipeline import ENVIRONMENTS
from pipeline.__main__ import app
from tests.servers import Silent, serving
from tools import build

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ACTIONS = {
    f"./{file.parent.relative_to(ROOT)}": file
    for file in sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
}
BEGIN, END = "./.github/actions/environment", "./.github/actions/end-environment"
CODEOWNERS = ROOT / ".github" / "CODEOWNERS"


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


def actions(job: dict[str, Any]) -> list[str]:
    """Those of others, without their commits."""
    return [each.partition("@")[0] for each in uses(job)]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_each_call_of_the_pipeline_is_one_that_it_takes(name: str, job: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in runs(job_of(name, job)):
        if "pipeline" not in line:
            continue
        plain = re.sub(r"\$\{\{.*?\}\}", "dev", line)
        python, module, pipeline, command, *words = shlex.split(plain.removeprefix("exec "))
        assert (python, module, pipeline) == ("python", "-m", "pipeline")
        context = commands[command].make_context(command, words)  # raises for an option that is not there
        assert context.params.get("name") == "dev" or context.params.get("names") == ["dev"]


def test_the_pipeline_is_called_for_every_step_of_delivery() -> None:
    text = " ".join(file.read_text() for file in WORKFLOWS.values())
    assert set(re.findall(r"python -m pipeline (\w+)", text)) == {"preview", "access", "up", "drift"}


@pytest.mark.parametrize(("name", "job"), [("preview", "preview"), ("preview", "access"), ("drift", "drift")])
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


def test_an_approval_that_nobody_has_given_holds_up_no_other_environment() -> None:
    assert "concurrency" not in load("deploy")
    for name, job in load("deploy")["jobs"].items():
        # of the whole call: from the preview to the end of the update, nobody else changes the environment
        assert job["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}


def test_an_update_hears_that_its_job_is_cancelled() -> None:
    """GitHub signals the shell of the step, which tells its children nothing: so it becomes the pipeline."""
    (update,) = [line for line in runs(job_of("environment", "up")) if " up " in line]
    assert update.startswith("exec python -m pipeline up ")


NEEDED = {
    ("test", "test"): None,
    ("preview", "preview"): {"contents": "read", "id-token": "write"},
    ("preview", "access"): {"contents": "read"},
    ("preview", "comment"): {"pull-requests": "write"},
    ("environment", "preview"): {"contents": "read", "id-token": "write"},
    ("environment", "up"): {"contents": "read", "id-token": "write"},
    ("drift", "drift"): {"contents": "read", "id-token": "write"},
    ("drift", "issue"): {"issues": "write"},
    **{("deploy", name): {"contents": "read", "id-token": "write"} for name in ENVIRONMENTS},
    ("release", "test"): {"contents": "read"},
    ("release", "build"): {"contents": "read"},
    ("release", "sign"): {"id-token": "write", "attestations": "write"},
    ("release", "index"): {"id-token": "write"},
    ("release", "release"): {"contents": "write"},
}


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_each_job_may_do_what_it_needs_and_nothing_else(name: str, job: str) -> None:
    assert job_of(name, job).get("permissions") == NEEDED[name, job]
    assert load(name)["permissions"] == ({"contents": "read"} if name == "test" else {})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_secret_is_stored_anywhere(name: str) -> None:
    actions = "".join(action.read_text() for action in ACTIONS.values())
    assert "secrets." not in WORKFLOWS[name].read_text() + actions
    assert "pull_request_target" not in WORKFLOWS[name].read_text()


def test_a_job_that_writes_runs_nothing_of_the_pull_request() -> None:
    for name, job in (("preview", "comment"), ("drift", "issue")):
        assert actions(job_of(name, job)) == ["actions/download-artifact"]


def test_a_fork_gets_no_credentials() -> None:
    wanted = "github.event.pull_request.head.repo.full_name == github.repository"
    assert job_of("preview", "preview")["if"] == wanted
    with_token = [job for job in JOBS if "id-token" in (job_of(*job).get("permissions") or {})]
    on_pull_request = {name for name in WORKFLOWS if "pull_request" in triggers(load(name))}
    assert [job for job in with_token if job[0] in on_pull_request] == [("preview", "preview")]


def test_who_gains_what_is_told_without_credentials_for_a_fork_too() -> None:
    job = job_of("preview", "access")
    assert "if" not in job
    assert "environment" not in job
    assert BEGIN not in uses(job)
    (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False, "fetch-depth": 0}
    (line,) = [line for line in runs(job) if "python -m pipeline" in line]
    assert " access ${{ matrix.environment }} --base HEAD^1 " in line
    (write,) = [line for line in runs(job_of("preview", "comment")) if "comment.md" in line]
    assert "access-$name.md" in write


def test_what_runs_of_a_pull_request_can_be_asked_for_first() -> None:
    """In an environment of its own, so that reviewers of it are not asked for what is on the main branch."""
    assert job_of("preview", "preview")["environment"] == "${{ matrix.environment }}-pull-request"
    others = [job_of("drift", "drift"), job_of("environment", "preview"), job_of("environment", "up")]
    assert not any(job["environment"].endswith("-pull-request") for job in others)


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_what_is_given_to_an_action_is_what_it_takes(name: str, job: str) -> None:
    for step in job_of(name, job).get("steps", ()):
        if step.get("uses", "").startswith("./"):
            action = yaml.safe_load(ACTIONS[step["uses"]].read_text()).get("inputs", {})
            required = {key for key, value in action.items() if value.get("required")}
            assert required <= set(step.get("with", {})) <= set(action)


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_with_a_vault_token_revokes_it_whatever_happens(name: str, job: str) -> None:
    steps = job_of(name, job).get("steps", [])
    begins = [step["with"] for step in steps if step.get("uses") == BEGIN]
    if begins:
        assert (steps[-1]["uses"], steps[-1]["if"]) == (END, "always()")
        assert steps[-1]["with"].items() <= begins[0].items()


class Vault(Silent):
    """Writes down what it is asked."""

    asked: ClassVar[list[tuple[str, str | None, str | None]]] = []

    def do_POST(self) -> None:
        token, namespace = self.headers["X-Vault-Token"], self.headers["X-Vault-Namespace"]
        self.asked.append((self.path, token, namespace))
        self.send_response(204)
        self.end_headers()


@pytest.mark.parametrize(
    ("token", "namespace", "asked"),
    [
        ("hvs.it", "", [("/v1/auth/token/revoke-self", "hvs.it", None)]),
        ("hvs.it", "team", [("/v1/auth/token/revoke-self", "hvs.it", "team")]),
        ("", "", []),  # the job failed before it had one
    ],
)
def test_the_token_is_revoked_by_the_token_itself(
    token: str, namespace: str, asked: list[tuple[str, str | None, str | None]]
) -> None:
    (step,) = yaml.safe_load(ACTIONS[END].read_text())["runs"]["steps"]
    Vault.asked.clear()
    with serving(Vault) as address:
        given = {"ADDRESS": address, "NAMESPACE": namespace, "VAULT_TOKEN": token, "VAULT_CACERT": ""}
        command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
        subprocess.run(command, env={**os.environ, **given, "no_proxy": "*"}, timeout=60, check=True)
    assert Vault.asked == asked


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_step_takes_nothing_of_the_event_into_its_script(name: str, job: str) -> None:
    """A title or a branch's name in a script would be run by the shell."""
    for line in runs(job_of(name, job)):
        assert set(re.findall(r"\$\{\{ *(.*?) *\}\}", line)) <= {"matrix.environment", "inputs.environment"}


COMMIT = re.compile(r"uses: (?!\./)([\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")
BY_TAG = {"pulumi/actions"}
"""Of the vendor whose program the job then runs with all credentials."""


@pytest.mark.parametrize("file", [*WORKFLOWS.values(), *ACTIONS.values()], ids=lambda file: file.parent.name)
def test_an_action_of_others_is_pinned_to_a_commit(file: Path) -> None:
    """A tag can be moved to other code, which then has the job's permissions."""
    used = [line.strip() for line in file.read_text().splitlines() if re.search(r"uses: (?!\./)", line)]
    by_tag = [line for line in used if not COMMIT.search(line)]
    assert {re.split(r"[ @]", line.removeprefix("- "))[1] for line in by_tag} <= BY_TAG


def test_a_version_is_released_by_its_tag_and_nothing_else() -> None:
    assert triggers(load("release")) == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", VERSION), "the tag of this version is one"
    assert load("release")["permissions"] == {}
    build = job_of("release", "build")
    (step,) = [step for step in build["steps"] if step.get("run") == "make dist"]
    assert step["env"] == {
        "TAG": "${{ github.ref_name }}",
        "REPOSITORY": "${{ github.server_url }}/${{ github.repository }}",
    }


def test_a_release_is_tested_signed_and_published_in_this_order() -> None:
    jobs = load("release")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in triggers(load("test"))
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "test": None,
        "build": None,
        "sign": ["test", "build"],
        "index": "sign",
        "release": "index",
    }
    (signed,) = [step for step in jobs["sign"]["steps"] if "attest" in step["uses"]]
    assert set(signed["with"]["subject-path"].split()) == {"dist/*.whl", "dist/*.json"}


def test_what_publishes_a_release_runs_nothing_of_the_repository() -> None:
    """Only the jobs that build and test check it out, and they may write nothing."""
    jobs = load("release")["jobs"]
    for name in ("sign", "index", "release"):
        assert "actions/checkout" not in actions(jobs[name])
        assert not any(re.search(r"\b(make|python|pip)\b", line) for line in runs(jobs[name]))
    assert jobs["index"]["environment"] == "release", "an approval can be required"


def test_what_judges_a_change_has_owners() -> None:
    lines = [line.split() for line in CODEOWNERS.read_text().splitlines() if not line.startswith("#")]
    owned = {path for path, *owners in lines if owners}
    assert {"/policies/", "/pipeline/", "/cli/", "/.github/", "/deploy/", "/Pulumi.prod.yaml"} <= owned
    assert [path for path in owned if not (ROOT / path.strip("/")).exists()] == []


def test_the_workflows_are_what_github_takes() -> None:
    """Keys, expressions, contexts, the inputs of actions and of called workflows."""
    words = [str(build.ensure("actionlint")), "-no-color", "-shellcheck=", "-pyflakes="]
    answer = subprocess.run(
        [*words, *map(str, WORKFLOWS.values())],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
