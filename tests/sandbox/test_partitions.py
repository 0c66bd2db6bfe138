"""AWS GovCloud and AWS China: what the real engine would make there names no other partition."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.arns import WITHOUT_POD_IDENTITY
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox


def strings(value: Any) -> list[str]:
    """Every text in a JSON document, those in texts that are JSON themselves, too."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    if not isinstance(value, str):
        return []
    with contextlib.suppress(ValueError):
        return strings(json.loads(value)) or [value]
    return [value]


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("us-gov-west-1", "aws-us-gov", "amazonaws.com"), ("cn-north-1", "aws-cn", "amazonaws.com.cn")],
)
def test_a_preview_has_the_arns_and_endpoints_of_its_partition(
    another_sandbox: Sandbox, tmp_path: Path, region: str, partition: str, suffix: str
) -> None:
    text = (REPOSITORY / "Pulumi.local.yaml").read_text()
    text = text.replace("us-east-1", region).replace("arn:aws:", f"arn:{partition}:")
    if partition in WITHOUT_POD_IDENTITY:
        text = text.replace("method: pod-identity", "method: irsa")
    document = yaml.safe_load(text)
    # In the sandbox Vault is told the emulator's address; the header is what tells that this is the mount.
    path = tmp_path / "stack.yaml"
    path.write_text(yaml.safe_dump(document))
    answer = another_sandbox.run(
        "preview", "--stack", "elsewhere", "--config", str(path), "--json", *ADVISORY
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = json.loads(answer.stdout)["steps"]
    told = [
        text
        for step in steps
        if not step["urn"].split("::")[-2].startswith("pulumi:providers")
        for text in strings(step["newState"].get("inputs", {}))
    ]
    arns = {text for text in told if text.startswith("arn:")}
    assert any(arn.startswith(f"arn:{partition}:") for arn in arns)
    assert not [arn for arn in arns if arn.split(":")[1] != partition]
    services = {text for text in told if ".amazonaws." in text and "/" not in text and ":" not in text}
    assert f"ec2.{suffix}" in services
    # The audience of tokens and EKS's own service principal are the same everywhere.
    same_everywhere = {"sts.amazonaws.com", "pods.eks.amazonaws.com", "eks.amazonaws.com"}
    assert not [name for name in services - same_everywhere if not name.endswith(f".{suffix}")]
    assert another_sandbox.run("down").returncode == 0
