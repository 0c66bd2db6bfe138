"""A stack is split into a platform and two teams while its workloads log in: none of them notices."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import REPOSITORY, Sandbox
from tests.sandbox.team_project import TeamProject

STACK_FILE = """\
# A shop. Everything in one stack, for now.
config:
  aws:region: us-east-1
  vault-aws-auth:accountId: "111111111111"
  vault-aws-auth:cluster:
    name: eks1
    namespaces: [payments, search]
  vault-aws-auth:vault:
    address: https://vault.example.com:8200
    serverIdHeader: vault.example.com
    externalPolicies: [search-readers] # the search team's own
  vault-aws-auth:logins:
    # Who looks after the shop.
    ops: { kind: service-account, serviceAccounts: [default/ops], policies: [dev] }
    # The money.
    payments-api:
      kind: service-account
      serviceAccounts: [payments/api]
      policies: [dev] # nothing else
    payments-batch:
      kind: service-account
      method: pod-identity
      serviceAccounts: [payments/batch]
      policies: [dev]
    payments-report:
      kind: service-account
      serviceAccounts: [payments/report, payments/audit]
      policies: [dev]
      maxTtl: 15m
    # Finding things.
    search-api:
      kind: service-account
      serviceAccounts: [search/api]
      iamRoleName: finder
      vaultRole: search
      policies: [search-readers]
    search-index: { kind: service-account, serviceAccounts: [search/index], policies: [search-readers] }
    search-chart:
      kind: service-account
      serviceAccounts: [search/default]
      serviceAccountMode: none
      policies: [search-readers]
  vault-aws-auth:consumers:
    payments-agent: { kind: vault-agent, login: payments-api }
"""
CALLERS = {
    "ops": ("default/ops", "ops"),
    "payments-api": ("payments/api", "payments-api"),
    "payments-report": ("payments/audit", "payments-report"),
    "search": ("search/api", "finder"),
    "search-index": ("search/index", "search-index"),
    "search-chart": ("search/default", "search-chart"),
}
"""By Vault role: a service account that logs in, and its IAM role."""


class Workloads(threading.Thread):
    """All of them log in, one after the other and from the start, until they are stopped."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(daemon=True)
        self.sandbox = sandbox
        self.stopped = threading.Event()
        self.made: Counter[str] = Counter()
        self.failed: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(0.2):
            for vault_role, (account, iam_role) in CALLERS.items():
                namespace, _, name = account.partition("/")
                try:
                    token = self.sandbox.token(name, namespace)
                    arn = f"arn:aws:iam::111111111111:role/{iam_role}"
                    log_in(self.sandbox, assume_with_token(self.sandbox, token, arn), vault_role)
                    self.made[vault_role] += 1
                except Exception as error:
                    self.failed.append(f"{vault_role}: {error}")

    def stop(self) -> None:
        self.stopped.set()
        self.join(60)


class Stack:
    """The stack, and its file."""

    def __init__(self, sandbox: Sandbox, teams: TeamProject, file: Path) -> None:
        self.sandbox, self.teams, self.file = sandbox, teams, file

    def command(self, *words: str) -> list[str]:
        teams = self.file.with_name("teams.yaml")
        teams.write_text("payments: [payments/*]\nsearch: [search/*]\n")
        options = ["--teams", str(teams), "--into", str(self.teams.project), *words]
        return [sys.executable, "-m", "stack", "split", str(self.file), *options]

    def split(self, *words: str) -> str:
        return self.teams.run(*self.command(*words), folder=REPOSITORY)

    def split_and_kill(self, after: str) -> None:
        """Start it, and kill it once it has said something."""
        process = subprocess.Popen(
            self.command("--yes"),
            cwd=REPOSITORY,
            env={**self.teams.variables, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        for line in process.stdout:
            if after in line:
                break
        else:
            pytest.fail(f"it never said {after!r}")
        at_work = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        psutil.wait_procs(at_work, timeout=60)

    def pulumi(self, *words: str) -> str:
        answer = self.sandbox.shell(shlex.join(["pulumi", *words, "--stack", "one", "--non-interactive"]))
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def names(self) -> set[str]:
        """Of the resources in the stack's state."""
        state = json.loads(self.pulumi("stack", "export"))["deployment"]["resources"]
        return {resource["urn"].rpartition("::")[2] for resource in state}


def changes(preview: str) -> dict[str, list[str]]:
    """By what is done: the names of the resources to which a preview would do it."""
    found: dict[str, list[str]] = {}
    for step in json.loads(preview)["steps"]:
        found.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
    return {done: names for done, names in found.items() if done not in ("same", "read")}


@pytest.mark.timeout(900)
def test_a_stack_is_split_without_one_failed_login(leased: Sandbox, tmp_path: Path) -> None:
    sandbox = leased
    file = tmp_path / "Pulumi.one.yaml"
    file.write_text(STACK_FILE)
    sandbox.up("--stack", "one", "--config", str(file), "--no-logins")
    rule = 'path "search/*" { capabilities = ["read"] }'
    sandbox.vault.sys.create_or_update_policy("search-readers", rule)
    teams = TeamProject(sandbox, tmp_path)
    stack = Stack(sandbox, teams, file)
    whole = stack.pulumi("stack", "export")
    workloads = Workloads(sandbox)
    workloads.start()
    try:
        said = stack.split("--dry-run")
        assert "payments: " in said
        assert file.read_text() == STACK_FILE
        assert not teams.project.exists()
        assert json.loads(stack.pulumi("stack", "export")) == json.loads(whole)

        stack.split_and_kill(after="✓ payments")
        assert file.read_text() == STACK_FILE  # what the platform has lost is still declared
        stack.split("--yes")
        left, kept = file.read_text(), stack.names()
        assert not {name for name in kept if name.startswith(("payments-", "search"))}
        assert "# Who looks after the shop." in left
        assert "The money" not in left
        assert changes(stack.pulumi("preview", "--json")) == {"update": ["vault-identity-policy"]}

        # Killed between the states, both would have the resources.
        (first, *_) = sorted((tmp_path / "split-backup").glob("one-*"))
        assert {it.name for it in first.iterdir()} == {"one.json", "Pulumi.one.yaml"}
        assert {it.stat().st_mode & 0o777 for it in (first, *first.iterdir())} == {0o700, 0o600}
        assert json.loads((first / "one.json").read_text()) == json.loads(whole)
        stack.pulumi("stack", "import", "--file", str(first / "one.json"))
        file.write_text(STACK_FILE)
        assert "the platform forgets them" in stack.split("--yes")
        assert (file.read_text(), stack.names()) == (left, kept)
        assert "Nothing to split" in stack.split("--yes")

        stack.pulumi("up", "--yes", "--skip-preview")
        for team in ("payments", "search"):
            teams.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", team)
            assert json.loads(teams.run("vault-aws-auth", "verify", "--stack", team, "--json"))["ok"]
        told = teams.run("vault-aws-auth", "values", "payments-agent", "--stack", "payments")
        assert "payments-api" in told
    finally:
        workloads.stop()
    assert workloads.failed == []
    assert {role for role, count in workloads.made.items() if count > 3} == {*CALLERS}

    for team in ("payments", "search"):
        teams.pulumi("destroy", "--yes", "--skip-preview", "--stack", team)
    sandbox.vault.sys.delete_policy("search-readers")
    # That nothing else is left in AWS, Kubernetes and Vault, `leased` asks.
