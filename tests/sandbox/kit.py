"""A sandbox as the tests use it: through its commands, and through the APIs of what it runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import hvac
import psutil
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from sandbox import enterprise, services
from sandbox.home import Home
from tests import tally

REPOSITORY = Path(__file__).resolve().parents[2]

SMALL_STACK = """\
config:
  aws:region: us-east-1
  vault-aws-auth:cluster: { name: eks1 }
  vault-aws-auth:vault: { serverIdHeader: vault.example.com }
  vault-aws-auth:logins:
    api:
      kind: service-account
      serviceAccounts: [default/api]
      policies: [dev]
"""
"""One pod that logs in, for what it is all the same which stack it happens to."""

ADVISORY = ("--guardrails", str(Path(__file__).parent / "advisory.json"))
"""For stacks that a test is about and that the guardrails would refuse."""


def commands_of(page: str, heading: str) -> list[str]:
    """The commands that a section of a page gives, in order, without their comments."""
    text = (REPOSITORY / "docs" / page).read_text()
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert found, f"{page} has no section {heading}"
    blocks = re.findall(r"```console\n(.*?)```", found[1], re.S)
    lines = [line.strip() for line in "".join(blocks).replace("\\\n", " ").splitlines()]
    return [line[2:].partition("  #")[0].strip() for line in lines if line.startswith("$ ")]


@dataclass
class Sandbox:
    """A sandbox under test, used through its command line as its users do."""

    home: Path
    first_up: str = ""

    def run(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`python -m sandbox WORDS`; the caller looks at the exit code."""
        return tally.note(
            subprocess.run(
                [sys.executable, "-m", "sandbox", *words],
                cwd=REPOSITORY,
                env={**os.environ, "SANDBOX_HOME": str(self.home), **(env or {})},
                capture_output=True,
                text=True,
                timeout=280,
                check=False,
            )
        )

    def up(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Brings a stack up and returns what was printed."""
        answer = self.run("up", *words, env=env)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def up_as_on_aws(self, *words: str) -> str:
        """The same, where what is new in IAM is not everywhere for five seconds, on the way up alone."""
        home = Home(self.home)
        home.create()
        home.choose_eventual_consistency(5)
        try:
            return self.up(*words)
        finally:
            home.choose_eventual_consistency(0)
            services.tell_eventual_consistency(home)

    def start(self) -> None:
        """Starts the processes alone, without any stack."""
        answer = self.run("start")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def start_with_issuer(self, issuer: str, namespace: str = "") -> None:
        """Starts the processes alone, with the stand-in for Vault Enterprise as a stack would ask for it."""
        home = Home(self.home)
        home.create()
        federation = {"vault-aws-auth:federation": {"issuer": issuer}}
        enterprise.choose(home, {**federation, "vault-aws-auth:vault": {"namespace": namespace}})
        self.start()

    def recorded_writes(self) -> list[dict[str, Any]]:
        """What was written to Vault through that stand-in, the oldest first."""
        text = (self.home / "enterprise" / "writes.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was started for this sandbox: its command line or environment says so."""
        mark = str(self.home)
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                if any(mark in word for word in words) or process.environ().get("SANDBOX_HOME") == mark:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def service_pids(self) -> dict[str, int]:
        """The long-running processes that it has recorded, by name."""
        record = self.home / "processes.json"
        entries = json.loads(record.read_text()) if record.exists() else {}
        return {name: int(entry["pid"]) for name, entry in entries.items()}

    def still_running(self) -> list[psutil.Process]:
        """The same, once those that are about to end have had the time to."""
        deadline = time.monotonic() + 30
        while (alive := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return alive

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command line in a shell that has sourced the sandbox's environment."""
        script = f"source {shlex.quote(str(self.home / 'env'))} && {command}"
        return tally.note(
            subprocess.run(
                ["bash", "-c", script],
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        )

    def json(self, command: str) -> Any:
        """The JSON that a command in that shell prints."""
        answer = self.shell(command)
        assert answer.returncode == 0, answer.stderr + answer.stdout
        return json.loads(answer.stdout)

    def caller_of(self, login: str, stack: str) -> str:
        """The AWS identity as which a login's workload logs in: an ARN."""
        logged_in = self.json(f"vault-aws-auth login {login} --stack {stack} --json")
        return str(logged_in["caller"]["arn"])

    @cached_property
    def env(self) -> dict[str, str]:
        """The variables that the sandbox's shell sets."""
        lines = (self.home / "env").read_text().splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        return {name: shlex.split(value)[0] if value != "''" else "" for name, value in pairs}

    @cached_property
    def vault(self) -> hvac.Client:
        """Vault as its operator."""
        return hvac.Client(
            url=self.env["VAULT_ADDR"], token=self.env["VAULT_TOKEN"], verify=self.env["VAULT_CACERT"]
        )

    @cached_property
    def kubernetes(self) -> kubernetes_client.CoreV1Api:
        """The cluster as its administrator."""
        return self.cluster(None)

    def cluster(self, name: str | None) -> kubernetes_client.CoreV1Api:
        """One of several clusters as its administrator."""
        path = str(self.home / "kubernetes" / "admin.kubeconfig")
        return kubernetes_client.CoreV1Api(kubernetes_config.new_client_from_config(path, name))

    def aws(
        self, service: str, account: str = "111111111111", region: str = "us-east-1", **credentials: str
    ) -> Any:
        """A client of the emulated AWS: an account's administrator, or whoever the credentials are."""
        if credentials:
            return self._connected(service, region, credentials)
        key = json.loads((self.home / "aws" / "credentials.json").read_text())[account]
        names = {"access_key_id": key["access_key_id"], "secret_access_key": key["secret_access_key"]}
        kept = (service, region, *names.values())
        if kept not in self._clients:
            own = {f"aws_{name}": value for name, value in names.items()}
            self._clients[kept] = self._connected(service, region, own)
        return self._clients[kept]

    def _connected(self, service: str, region: str, credentials: dict[str, str]) -> Any:
        connect: Any = boto3.client
        return connect(service, endpoint_url=self.env["AWS_ENDPOINT_URL"], region_name=region, **credentials)

    @cached_property
    def _clients(self) -> dict[tuple[str, ...], Any]:
        """Those of administrators, by service, region and key: making one takes longer than most calls."""
        return {}

    def token(
        self,
        name: str,
        namespace: str = "default",
        audience: str = "sts.amazonaws.com",
        cluster: kubernetes_client.CoreV1Api | None = None,
    ) -> str:
        """A token that the Kubernetes API issues for a service account."""
        request = kubernetes_client.AuthenticationV1TokenRequest(
            spec=kubernetes_client.V1TokenRequestSpec(audiences=[audience], expiration_seconds=600)
        )
        kubernetes = cluster or self.kubernetes
        answer: Any = kubernetes.create_namespaced_service_account_token(name, namespace, request)
        return str(answer.status.token)
