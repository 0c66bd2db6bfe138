import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import aws, patience
from cli.__main__ import app
from tests.cli.world import World, served

Run = Callable[..., Result]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which both logins work, seen from the login's own node."""
    world = World(accounts={"default/vault-auth": {"metadata": {"name": "vault-auth"}}})
    aws.session.cache_clear()  # each is of the environment that it was made in
    aws.own_session.cache_clear()
    monkeypatch.setattr(patience, "SECONDS", 0)  # here, AWS is as it will be
    with served(world):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", world.address)
        for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "AWS_PROFILE", "VAULT_CACERT", "VAULT_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", world.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
        monkeypatch.setenv(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{world.address}/pod-identity-agent/v1/credentials"
        )
        yield world


@pytest.fixture
def run(world: World) -> Run:
    """Run the command with the world's outputs, which `outputs` may replace."""

    def command(*arguments: str, outputs: object = None) -> Result:
        handed_over = json.dumps(world.outputs() if outputs is None else outputs)
        return CliRunner().invoke(app, [*arguments, "--outputs", "-"], input=handed_over)

    return command
