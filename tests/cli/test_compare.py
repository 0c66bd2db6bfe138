"""`access --compare`: revisions, stack files and deployed stacks as sides, and what is wrong with a side."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.__main__ import app

STACK: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:cluster": {"name": "eks1", "nodeGroups": {"default": {}}},
    "vault-aws-auth:vault": {"address": "https://vault.example.com:8200"},
    "vault-aws-auth:logins": {
        "pod": {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]},
    },
}
CI = {"kind": "service-account", "serviceAccounts": ["ci/runner"], "policies": ["admin"]}
ADMIN = 'path "sys/policies/acl/*" { capabilities = ["update"] }\n'


class Project:
    """A project in a git repository; in a folder of it, as the projects of teams are."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "infra"
        (self.folder / "policies" / "vault").mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch", "main", ".")
        self.write("policies/vault/dev.hcl", 'path "dev/*" { capabilities = ["read"] }\n')
        self.write("policies/vault/admin.hcl", ADMIN)
        self.stack()
        self.commit()

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            ["git", *who, *words], cwd=self.root, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, text: str) -> Path:
        (self.folder / path).write_text(text, encoding="utf-8")
        return self.folder / path

    def stack(self, name: str = "dev", **logins: Any) -> Path:
        """Write a stack file, with more logins."""
        both = {**STACK["vault-aws-auth:logins"], **logins}
        config = {**STACK, "vault-aws-auth:logins": both}
        return self.write(f"Pulumi.{name}.yaml", yaml.safe_dump({"config": config}))

    def compare(self, old: str, new: str, *words: str) -> Result:
        return CliRunner().invoke(app, ["access", "--compare", old, new, *words])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    # As on a pull request: no credentials, no Vault, no engine, no state.
    for name in [each for each in os.environ if each.startswith(("AWS_", "VAULT_", "PULUMI_", "GIT_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "bin").mkdir()
    git = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "bin" / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    made = Project(tmp_path / "repository")
    monkeypatch.chdir(made.folder)
    return made


def everything(root: Path) -> dict[str, tuple[float, int]]:
    """All files with times and sizes."""
    return {str(each): (each.stat().st_mtime, each.stat().st_size) for each in sorted(root.rglob("*"))}


def test_two_revisions_are_compared_without_credentials_and_the_checkout_stays_as_it_is(
    project: Project,
) -> None:
    project.stack(ci=CI)
    new = project.commit()
    project.write("Pulumi.dev.yaml", "not: [a stack file")  # of no account, for revisions are compared
    project.write("policies/vault/admin.hcl", "{{{")
    before = everything(project.root)
    done = project.compare("main~1", new)
    assert done.exit_code == 0, done.output
    assert "+ service account ci/runner of cluster eks1, by login ci" in done.stdout
    assert "! becomes as good as root: sys/policies/acl/* can write policies" in done.stdout
    assert "+ sys/policies/acl/*  update" in done.stdout
    assert everything(project.root) == before


def test_the_other_way_round_it_is_lost(project: Project) -> None:
    project.stack(ci=CI)
    project.commit()
    done = project.compare("HEAD", "HEAD~1")
    assert "can no longer log in:\n  - service account ci/runner" in done.stdout
    assert "newly" not in done.stdout


def test_a_policy_of_a_revision_is_read_from_that_revision(project: Project) -> None:
    project.write("policies/vault/dev.hcl", 'path "dev/*" { capabilities = ["read", "update"] }\n')
    project.commit()
    assert "+ dev/*  update" in project.compare("HEAD~1", "HEAD").stdout
    assert project.compare("HEAD", ".").stdout.count("no change") == 1


def test_a_policy_that_is_a_link_is_followed(project: Project) -> None:
    link = project.folder / "policies" / "vault" / "dev.hcl"
    link.unlink()
    link.symlink_to("../../shared.hcl")
    project.write("shared.hcl", 'path "dev/*" { capabilities = ["read"] }\n')
    project.commit()
    assert "no change" in project.compare("HEAD~1", "HEAD").stdout
    (project.folder / "shared.hcl").unlink()
    project.commit()
    done = project.compare("HEAD~1", "HEAD")
    assert done.exit_code == 1
    assert "policies/vault/dev.hcl cannot be read" in done.stderr


def test_files_are_compared_with_each_other_and_with_a_revision(project: Project) -> None:
    old = project.folder / "Pulumi.dev.yaml"
    new = project.stack("new", ci=CI)
    for sides in ((str(old), str(new)), ("HEAD", str(new))):
        done = project.compare(*sides, "--stack", "dev")
        assert done.exit_code == 0, done.output
        assert "+ service account ci/runner" in done.stdout


def test_a_file_without_policies_beside_it_has_the_projects(project: Project, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere.yaml"
    alone.write_text((project.folder / "Pulumi.dev.yaml").read_text())
    assert "no change" in project.compare("HEAD", str(alone)).stdout


def test_the_exit_code_says_whether_there_is_a_gain_or_loss_only_if_asked(project: Project) -> None:
    renamed = {**STACK["vault-aws-auth:logins"]["pod"]}
    project.stack(ci=CI)
    project.commit()
    assert project.compare("HEAD~1", "HEAD").exit_code == 0
    assert project.compare("HEAD~1", "HEAD", "--exit-code").exit_code == 3
    assert project.compare("HEAD", "HEAD", "--exit-code").exit_code == 0
    project.write(
        "Pulumi.dev.yaml", yaml.safe_dump({"config": {**STACK, "vault-aws-auth:logins": {"pods": renamed}}})
    )
    done = project.compare("HEAD~1", ".", "--exit-code")
    assert "~ pods, renamed from pod" in done.stdout
    assert done.exit_code == 0


def test_json_is_for_scripts(project: Project) -> None:
    project.stack(ci=CI)
    commit = project.commit()
    for words in (["--json"], ["--format", "json"]):
        found = json.loads(project.compare("HEAD~1", "HEAD", *words).stdout)
        assert found["gainsOrLosses"] is True
        assert found["becomeRoot"] == ["service account ci/runner of cluster eks1"]
        assert found["new"]["revision"] == commit
        (group,) = found["canNewlyLogIn"]
        assert group["who"][0]["pattern"] == "ci/runner"
        assert group["reach"]["paths"][0]["path"] == "sys/policies/acl/*"
        assert group["reach"]["paths"][0]["gained"] == ["update"]
    error = json.loads(project.compare("nowhere", "HEAD", "--json").stdout)["error"]
    assert error["link"] == "compare"


def test_the_page_names_both_sides_and_escapes_what_it_shows(project: Project, tmp_path: Path) -> None:
    project.write("policies/vault/admin.hcl", 'path "<script>x</script>" { capabilities = ["sudo"] }\n')
    project.stack(ci=CI)
    commit = project.commit()
    page = tmp_path / "page.html"
    done = project.compare("main~1", "HEAD", "--format", "html", "--output", str(page))
    assert (done.exit_code, done.stdout) == (0, "")
    text = page.read_text()
    assert "main~1 · stack dev" in text
    assert commit[:12] in text
    assert "Becomes as good as root:</b> service account ci/runner of cluster eks1" in text
    assert "&lt;script&gt;x" in text
    for foreign in ("<script", "src=", "<link", "url(", "@import"):
        assert foreign not in text


def test_a_shallow_clone_says_how_to_get_the_rest(project: Project, tmp_path: Path) -> None:
    project.stack(ci=CI)
    project.commit()
    project.git("clone", "--quiet", "--depth", "1", f"file://{project.root}", str(tmp_path / "clone"))
    words = ["access", "--compare", "HEAD^1", "HEAD", "--project", str(tmp_path / "clone" / "infra")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "HEAD^1: is neither a revision nor a file" in done.stderr
    assert "fetch-depth: 0" in done.stderr


def wrong_stack(project: Project) -> tuple[str, ...]:
    return "HEAD", "HEAD", "--stack", "prod"


def two_stacks(project: Project) -> tuple[str, ...]:
    project.stack("prod")
    return "HEAD", "."


def no_file(project: Project) -> tuple[str, ...]:
    return "HEAD", "Pulumi.nowhere.yaml"


def not_yaml(project: Project) -> tuple[str, ...]:
    return "HEAD", str(project.write("Pulumi.x.yaml", "a: [b"))


def no_config(project: Project) -> tuple[str, ...]:
    return "HEAD", str(project.write("Pulumi.x.yaml", "a: b"))


def wrong_policy(project: Project) -> tuple[str, ...]:
    project.write("policies/vault/dev.hcl", 'path "dev/*" {')
    return "HEAD", "."


def not_utf8(project: Project) -> tuple[str, ...]:
    (project.folder / "policies" / "vault" / "dev.hcl").write_bytes(b"\xff")
    return "HEAD", "."


def no_pulumi(project: Project) -> tuple[str, ...]:
    return "stack:dev", "."


def not_a_state(project: Project) -> tuple[str, ...]:
    return "HEAD", str(project.write("state.json", "[]"))


def an_option(project: Project) -> tuple[str, ...]:
    return "--upload-pack=x", "HEAD"


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (wrong_stack, "has no stack file Pulumi.prod.yaml"),
        (two_stacks, "name it with --stack; there are: dev, prod"),
        (no_file, "Pulumi.nowhere.yaml: cannot be read: No such file"),
        (not_yaml, "Pulumi.x.yaml: is not valid YAML: line 1"),
        (no_config, "Pulumi.x.yaml has no `config`"),
        (wrong_policy, "policies/vault/dev.hcl cannot be read: is not HCL"),
        (not_utf8, "policies/vault/dev.hcl is not UTF-8"),
        (no_pulumi, "there is no `pulumi` on PATH"),
        (not_a_state, "is not JSON of `pulumi stack export`"),
        (an_option, "is neither a revision nor a file"),
    ],
)
def test_a_side_that_cannot_be_had_is_one_clear_error(project: Project, of: Any, words: str) -> None:
    done = project.compare(*of(project))
    assert done.exit_code == 1, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert done.stderr.count("✗") == 1


def test_outside_of_a_repository_files_can_still_be_compared(project: Project, tmp_path: Path) -> None:
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    file = lonely / "Pulumi.dev.yaml"
    file.write_text((project.folder / "Pulumi.dev.yaml").read_text())
    (lonely / "policies" / "vault").mkdir(parents=True)
    (lonely / "policies" / "vault" / "dev.hcl").write_text('path "dev/*" { capabilities = ["read"] }\n')
    run = CliRunner()
    project_of = ("--project", str(lonely))
    done = run.invoke(app, ["access", "--compare", str(file), str(lonely), *project_of])
    assert done.exit_code == 0, done.output
    done = run.invoke(app, ["access", "--compare", "main", str(file), *project_of])
    assert done.exit_code == 1
    assert "not a git repository" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--exit-code",),
        ("--compare", "a", "b", "--outputs", "x.json"),
        ("--compare", "a", "b", "--vault-address", "http://x"),
        ("--compare", "a", "b", "--json", "--format", "html"),
        ("--compare", "a"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["access", *words]).exit_code == 2


def test_a_teams_stack_file_is_compared_by_its_logins(project: Project) -> None:
    logins = {"api": {"kind": "service-account", "serviceAccounts": ["pay/api"], "policies": ["readers"]}}
    config = {"aws:region": "us-east-1", "team:platform": "x/y/z", "team:logins": logins}
    project.write("Pulumi.pay.yaml", yaml.safe_dump({"config": config}))
    project.commit()
    logins["web"] = {**logins["api"], "serviceAccounts": ["pay/web"]}
    project.write("Pulumi.pay.yaml", yaml.safe_dump({"config": config}))
    done = project.compare("HEAD", ".", "--stack", "pay")
    assert done.exit_code == 0, done.output
    assert "can newly log in:\n  + service account pay/web, by login web\n" in done.stdout
    assert "+ all that the policy readers allows" in done.stdout


STATE: dict[str, Any] = {
    "version": 3,
    "deployment": {
        "manifest": {"time": "2026-11-27T17:33:09.123456789Z"},
        "resources": [
            {
                "type": "pulumi:pulumi:Stack",
                "outputs": {
                    "vault": {
                        "address": "https://vault.example.com:8200",
                        "mountPath": "aws",
                        "stsEndpoint": "https://sts.us-east-1.amazonaws.com",
                        "stsRegion": "us-east-1",
                    },
                    "cluster": {"name": "eks1", "oidcIssuer": "x", "oidcProviderArn": "x"},
                    "logins": {
                        "pod": {
                            "kind": "service-account",
                            "vaultRole": "pod",
                            "iamRoleArn": "arn:aws:iam::111111111111:role/pod",
                            "serviceAccounts": ["default/app"],
                            "principals": ["arn:aws:iam::111111111111:role/pod"],
                            "policies": ["dev"],
                            "maxTtl": "1h",
                        }
                    },
                    "callers": {"pod": {"method": "irsa"}},
                    "kubeconfig": {"4dabf18193072939515e22adb298388d": "x", "ciphertext": "x"},
                },
            },
            {
                "type": "vault:index/policy:Policy",
                "inputs": {"name": "dev", "policy": 'path "dev/*" { capabilities = ["read"] }'},
            },
            {
                "type": "vault:aws/authBackendRole:AuthBackendRole",
                "inputs": {"role": "pod", "tokenTtl": 3600, "tokenMaxTtl": 3600},
            },
        ],
    },
}


def test_what_is_deployed_is_compared_with_what_is_declared(project: Project, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps(STATE))
    done = project.compare(str(state), ".")
    assert done.exit_code == 0, done.output
    assert "no change" in done.stdout
    assert "(2026-11-27 17:33 UTC)" in done.stdout
    project.stack(ci=CI)
    project.write("policies/vault/dev.hcl", 'path "dev/*" { capabilities = ["read", "update"] }\n')
    done = project.compare(str(state), ".")
    assert "+ service account ci/runner of cluster eks1, by login ci" in done.stdout
    assert "~ service account default/app of cluster eks1, by login pod\n      + dev/*  update" in done.stdout


def test_of_outputs_alone_policies_are_not_known_and_it_says_so(project: Project, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(STATE["deployment"]["resources"][0]["outputs"]))
    done = project.compare(str(outputs), ".")
    assert "all that the policy dev allows" in done.stdout
    assert "not known here: dev" in done.stdout


def test_the_stack_itself_is_asked_through_pulumi(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    fake = tmp_path / "bin" / "pulumi"
    state = tmp_path / "state.json"
    state.write_text(json.dumps(STATE))
    fake.write_text(f'#!/bin/sh\necho "$@" > {said}\n/bin/cat {state}\n')
    fake.chmod(0o755)
    assert "no change" in project.compare("stack:dev", ".").stdout
    assert said.read_text() == "stack export --non-interactive --stack dev\n"
    fake.write_text("#!/bin/sh\necho 'error: no stack named dev found' >&2\nexit 255\n")
    done = project.compare("stack:dev", ".")
    assert done.exit_code == 1
    assert "refused by Pulumi\n  error: no stack named dev found" in done.stderr
