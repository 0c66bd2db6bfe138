"""Tokens of EKS: made as `aws eks get-token` makes them, for the kubeconfig of EKS's package and no other."""

from __future__ import annotations

import base64
import shutil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.plugins import eks_token
from sandbox.plugins.resource import ProviderError

COMMAND: dict[str, Any] = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "aws",
    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "eks1", "--output", "json"],
    "env": [{"name": "KUBERNETES_EXEC_INFO", "value": "{}"}],
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


def test_the_token_is_a_presigned_request_that_signs_the_clusters_name() -> None:
    token = eks_token.of_command(COMMAND)
    assert token is not None
    assert token.startswith("k8s-aws-v1.")
    encoded = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["Action"] == "GetCallerIdentity"
    assert asked["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert asked["X-Amz-Credential"].startswith("AKIAOWN/")
    assert "/eu-west-1/sts/" in asked["X-Amz-Credential"]
    other = eks_token.of_command({**COMMAND, "args": [*COMMAND["args"][:5], "eks2", *COMMAND["args"][6:]]})
    assert other != token


@pytest.mark.parametrize(
    "changed",
    [
        {"command": "aws-iam-authenticator"},
        {"command": "/opt/aws"},
        {"args": [*COMMAND["args"], "--role-arn", "arn:aws:iam::111111111111:role/a"]},
        {"args": ["--profile", "x", *COMMAND["args"][2:]]},
        {"args": None},
        {"env": [{"name": "AWS_PROFILE", "value": "other"}]},
    ],
    ids=["another command", "another aws", "a role", "a profile", "no arguments", "another user's profile"],
)
def test_any_other_command_is_run(changed: dict[str, Any]) -> None:
    assert eks_token.of_command({**COMMAND, **changed}) is None


def test_without_the_aws_command_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert eks_token.of_command(COMMAND) is None


def test_without_credentials_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ProviderError, match="exec command gave no token"):
        eks_token.of_command(COMMAND)
