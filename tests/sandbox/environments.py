"""Three environments side by side in one sandbox, as an organisation has them before its pipeline runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline import guardrails
from sandbox import environment, plugin_choice
from sandbox.home import Home
from tests import tally
from tests.sandbox.kit import REPOSITORY, Sandbox

ENVIRONMENTS = ("dev", "staging", "prod")
CLUSTER = "shared"
POLICY = "readers"


@dataclass
class Environments:
    """A Pulumi project and a stack file for each environment, in a sandbox that runs."""

    sandbox: Sandbox
    project: Path
    """The project's folder, which is not written to."""
    folder: Path
    """The stack files, and beside them a project file, so that `pulumi stack init` writes its salt here."""
    variables: dict[str, str] = field(default_factory=dict)
    first_drift: tuple[int, Any] = (-1, None)
    """Exit code and result of `drift` after the first promotion."""

    def prepare(self, config_of: Callable[[Sandbox, str], dict[str, Any]]) -> None:
        """Makes the stacks, with nothing in them, and their stack files."""
        home = Home(self.sandbox.home)
        self.variables = environment.process_environment(home)
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.project / "Pulumi.yaml", self.folder)
        # Without what the repository's own environments declare: these here are others of the same names.
        shutil.copytree(guardrails.PACK, self.pack, ignore=shutil.ignore_patterns("stacks", "__pycache__"))
        # The engine's plugins are put in place by the sandbox when it runs a stack of its own.
        plugin_choice.install(home)
        (home.root / "pulumi" / "state").mkdir(parents=True, exist_ok=True)
        for name in ENVIRONMENTS:
            self.pulumi("stack", "init", name, "--no-select")
            self.write(name, config_of(self.sandbox, name))

    @property
    def pack(self) -> Path:
        """The guardrails, with their defaults."""
        return self.folder / "guardrails"

    def stack_file(self, name: str) -> Path:
        return self.folder / f"Pulumi.{name}.yaml"

    def config(self, name: str) -> dict[str, Any]:
        """The configuration in a stack file."""
        found: dict[str, Any] = yaml.safe_load(self.stack_file(name).read_text())["config"]
        return found

    def write(self, name: str, config: dict[str, Any]) -> None:
        """Writes the configuration into a stack file, whose salt stays."""
        path = self.stack_file(name)
        written = yaml.safe_load(path.read_text()) or {}
        path.write_text(yaml.safe_dump({**written, "config": config}, sort_keys=False))

    def pulumi(self, *words: str) -> str:
        answer = self._run(["pulumi", *words, "--non-interactive"], self.folder)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def command(self, command: str, *words: str) -> list[str]:
        """`python -m pipeline COMMAND WORDS` on these environments, with these guardrails unless others are
        named."""
        options = ["--project", str(self.project), "--config-dir", str(self.folder)]
        return [
            sys.executable, "-m", "pipeline", command, *options, "--guardrails", str(self.pack), *words,
        ]  # fmt: skip

    def pipeline(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs it as a CI job with the sandbox's environment does."""
        return self._run(self.command(*words), REPOSITORY)

    def run(self, *words: str) -> tuple[int, Any, str]:
        """A command of the pipeline with --json: exit code, result, and everything else that it printed."""
        answer = self.pipeline(*words, "--json")
        return answer.returncode, json.loads(answer.stdout), answer.stderr

    def promote(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """The same of `promote`, with the results by environment."""
        status, result, printed = self.run("promote", *words)
        return status, {each["environment"]: each for each in result}, printed

    def _run(self, words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return tally.note(
            subprocess.run(
                words,
                cwd=folder,
                env=self.variables,
                capture_output=True,
                text=True,
                timeout=550,
                check=False,
            )
        )


def make_what_is_there_already(sandbox: Sandbox) -> None:
    """An EKS cluster and its issuer's OIDC provider, and a Vault policy, which no stack has made."""
    sandbox.vault.sys.create_or_update_policy(POLICY, 'path "kv/data/app" { capabilities = ["read"] }')
    principal = {"Service": "eks.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    iam, eks = sandbox.aws("iam"), sandbox.aws("eks")
    role = iam.create_role(
        RoleName=f"cluster-{CLUSTER}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    subnets = [subnet["SubnetId"] for subnet in sandbox.aws("ec2").describe_subnets()["Subnets"]]
    eks.create_cluster(
        name=CLUSTER,
        roleArn=role["Role"]["Arn"],
        resourcesVpcConfig={"subnetIds": subnets[:2]},
        accessConfig={"authenticationMode": "API"},
    )
    issuer = eks.describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])


def config_of_this_project(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """An environment of its own: namespace, mount, Vault's user and every IAM name."""
    aws = sandbox.env["AWS_ENDPOINT_URL"]
    return {
        "aws:region": "us-east-1",
        "vault-aws-auth:accountId": "111111111111",
        # One cluster for all: each environment has its namespace there.
        "vault-aws-auth:cluster": {"name": CLUSTER, "existing": True, "namespaces": [name]},
        "vault-aws-auth:vault": {
            "address": sandbox.env["VAULT_ADDR"],
            "mountPath": f"aws-{name}",
            "serverIdHeader": f"{name}.vault.example.com",
            "endpoints": {"sts": aws, "iam": aws, "ec2": aws},
            "callersStsEndpoint": aws,
            "externalPolicies": [POLICY],
            "protect": False,  # the tests take them down
        },
        "vault-aws-auth:vaultIdentity": {
            "kind": "user",
            "userName": f"vault-{name}",
            "policyName": f"vault-{name}-policy",
        },
        "vault-aws-auth:logins": {
            "api": {
                "kind": "service-account",
                "serviceAccounts": [f"{name}/api"],
                "iamRoleName": f"{name}-api",
                "policies": [POLICY],
                "maxTtl": "1h",
            }
        },
    }
