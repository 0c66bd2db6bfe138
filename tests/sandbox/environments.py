"""Three environments side by side in one sandbox: a cluster that exists, and a stack file for each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline import guardrails
from sandbox import environment
from sandbox.home import Home
from tests.sandbox.kit import REPOSITORY, Sandbox

ENVIRONMENTS = ("dev", "staging", "prod")
CLUSTER = "shared"
POLICY = "readers"


@dataclass
class Environments:
    """What an organisation has before its pipeline runs for the first time."""

    sandbox: Sandbox
    folder: Path
    """The stack files, and beside them a project file, so that `pulumi stack init` writes its salt here."""
    variables: dict[str, str] = field(default_factory=dict)
    first_promotion: str = ""

    def prepare(self) -> None:
        """Starts the sandbox and makes the cluster, its issuer's OIDC provider, and a Vault policy."""
        assert self.sandbox.run("start").returncode == 0
        self.variables = environment.process_environment(Home(self.sandbox.home))
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "Pulumi.yaml", self.folder)
        # Without what the repository's own environments declare: these here are others of the same names.
        shutil.copytree(guardrails.PACK, self.pack, ignore=shutil.ignore_patterns("stacks", "__pycache__"))
        self.sandbox.vault.sys.create_or_update_policy(
            POLICY, 'path "kv/data/app" { capabilities = ["read"] }'
        )
        make_cluster(self.sandbox)
        # The engine's plugins are put in place by the sandbox when it runs a stack of its own.
        from sandbox import engine

        engine.install_plugins(Home(self.sandbox.home))
        (self.sandbox.home / "pulumi" / "state").mkdir(parents=True, exist_ok=True)
        for name in ENVIRONMENTS:
            self.pulumi("stack", "init", name, "--no-select")
            self.write(name, stack_config(self.sandbox, name))

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
        return self._run(["pulumi", *words, "--non-interactive"], self.folder)

    def command(self, command: str, *words: str) -> list[str]:
        """`python -m pipeline COMMAND WORDS` on these environments, with these guardrails unless others are
        named."""
        options = ["--config-dir", str(self.folder), "--guardrails", str(self.pack)]
        return [sys.executable, "-m", "pipeline", command, *options, *words]

    def pipeline(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs it as a CI job with the sandbox's environment does."""
        return subprocess.run(
            self.command(*words),
            cwd=REPOSITORY,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=550,
            check=False,
        )

    def _run(self, words: list[str], folder: Path) -> str:
        answer = subprocess.run(
            words, cwd=folder, env=self.variables, capture_output=True, text=True, timeout=120, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout


def make_cluster(sandbox: Sandbox) -> None:
    """An EKS cluster and its issuer's OIDC provider, which no stack of this project made."""
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


def stack_config(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """An environment of its own: namespace, mount, Vault's user and every IAM name."""
    aws = sandbox.env["AWS_ENDPOINT_URL"]
    return {
        "aws:region": "us-east-1",
        "vault-aws-auth:accountId": "111111111111",
        # A sandbox has one cluster: so each environment has its namespace there.
        "vault-aws-auth:cluster": {"name": CLUSTER, "existing": True, "namespaces": [name]},
        "vault-aws-auth:vault": {
            "address": sandbox.env["VAULT_ADDR"],
            "mountPath": f"aws-{name}",
            "serverIdHeader": f"{name}.vault.example.com",
            "endpoints": {"sts": aws, "iam": aws, "ec2": aws},
            "externalPolicies": [POLICY],
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
