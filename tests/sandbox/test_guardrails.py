"""What the sandbox brings up has passed the guardrails.

So has every example that a test brings up: the program itself refuses what they forbid.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from policies.guardrails import configuration as guardrails
from sandbox.environment import PRIMARY_ACCOUNT
from tests.sandbox.kit import REPOSITORY, Sandbox

ENVIRONMENTS = ("dev", "staging", "prod")


def test_stack_local_passes_the_policy_pack_as_well(sandbox: Sandbox) -> None:
    configuration = guardrails.path_of(guardrails.PACK, "local")
    answer = sandbox.run("preview", "--guardrails", str(configuration))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "✅ vault-aws-auth@v" in answer.stdout


def test_a_stack_that_does_not_declare_its_exceptions_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    undeclared = tmp_path / "undeclared.json"
    undeclared.write_text("{}")
    for command in ("preview", "up"):
        answer = sandbox.run(command, "--guardrails", str(undeclared))
        assert answer.returncode == 1
        assert "[mandatory]" in answer.stdout
    answer = sandbox.run("preview", "--guardrails", str(undeclared), "--json")
    assert answer.returncode == 1
    assert "run a preview without --json" in answer.stderr


def test_a_plain_preview_is_refused_as_well_and_tells_all_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """With no policy pack the program asks the same rules; the engine of a pack's run is not asked twice."""
    engines = sandbox.home / "pulumi" / "project" / "Pulumi.local.yaml"
    document = yaml.safe_load(engines.read_text())
    config = document["config"]
    config["vault-aws-auth:logins"]["pod"]["maxTtl"] = "900h"
    config["vault-aws-auth:cluster"] |= {"logTypes": ["api"], "endpointPublicAccess": True}
    config["vault-aws-auth:cluster"]["publicAccessCidrs"] = ["0.0.0.0/0"]
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(document))
    plain = f"pulumi preview --stack local --config-file {changed}"
    answer = sandbox.shell(plain)
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert "3 refusals by the stack's guardrails; nothing was changed" in said
    assert "token-ttl: " in said
    assert "aws:eks/cluster:Cluster eks1-cluster: audit-logs: " in said
    assert "aws:eks/cluster:Cluster eks1-cluster: cluster-endpoint: " in said
    assert "Traceback" not in said
    answer = sandbox.shell(f"PULUMI_OPTION_POLICY_PACK=policies/guardrails {plain}")
    assert answer.returncode != 0
    assert "[mandatory]  token-ttl" in answer.stdout
    assert "refusals by" not in answer.stdout + answer.stderr


def test_the_stack_file_of_every_environment_passes_at_preview(
    leased: Sandbox, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    iam, anything = leased.aws("iam"), {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anything]})
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document)["Policy"]["Arn"]
    for name in ENVIRONMENTS:
        with subtests.test(name):
            config = str(for_the_sandbox(leased, REPOSITORY / f"Pulumi.{name}.yaml", tmp_path))
            answer = leased.run("preview", "--stack", name, "--config", config)
            assert answer.returncode == 0, answer.stdout + answer.stderr
    iam.delete_policy(PolicyArn=boundary)


def for_the_sandbox(sandbox: Sandbox, path: Path, folder: Path) -> Path:
    """A copy for the sandbox's account, region and network: a stack file is of its own."""
    text = path.read_text()
    config = yaml.safe_load(text)["config"]
    cluster, subnets = config["vault-aws-auth:cluster"], sandbox.aws("ec2").describe_subnets()["Subnets"]
    changed = {
        config.get("vault-aws-auth:accountId", PRIMARY_ACCOUNT): PRIMARY_ACCOUNT,
        config["aws:region"]: "us-east-1",
        cluster.get("vpcId", ""): subnets[0]["VpcId"],
        **dict(zip(cluster.get("subnetIds", ()), (each["SubnetId"] for each in subnets), strict=False)),
    }
    for before, after in changed.items():
        if before:
            text = text.replace(before, after)
    copy = folder / path.name
    copy.write_text(text)
    return copy
