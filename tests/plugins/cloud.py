"""The emulated AWS as the plugins' tests use it."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest
from pulumi import automation

from sandbox import forkserver
from sandbox.environment import write_plugin_launcher
from tests.plugins.conftest import running
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]
REGION = "us-east-1"
SECONDARY = "222222222222"
FORK_SERVER = "run"


class Cloud:
    """An emulated AWS, and stacks brought up in it by the engine."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self.keys = json.loads((home / "aws" / "credentials.json").read_text())
        self.env = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_CONFIG_PASSPHRASE": "for the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self.credentials("111111111111"),
        }
        for name in ("aws", "eks", "kubernetes"):
            plugin = f"resource-{name}-v{version(f'pulumi-{name}')}/pulumi-resource-{name}"
            target = home / "pulumi" / "plugins" / plugin
            write_plugin_launcher(target, home / FORK_SERVER, ["sandbox.plugins", name])

    def credentials(self, account: str) -> dict[str, str]:
        key = self.keys[account]
        return {
            "AWS_ACCESS_KEY_ID": key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
        }

    def client(self, service: str, account: str = "111111111111") -> Any:
        """AWS as an administrator of that account sees it."""
        own: Any = {key.lower(): value for key, value in self.credentials(account).items()}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **own)

    def stack(self, name: str, program: Callable[[], None]) -> automation.Stack:
        backend = self.home / "state"
        backend.mkdir(exist_ok=True)
        return automation.create_or_select_stack(
            stack_name=name,
            project_name="test",
            program=program,
            opts=automation.LocalWorkspaceOptions(
                pulumi_home=str(self.home / "pulumi"),
                env_vars=self.env,
                project_settings=automation.ProjectSettings(
                    name="test", runtime="python", backend=automation.ProjectBackend(f"file://{backend}")
                ),
            ),
        )


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """With a fork server for the plugins: to start them is what a run of the engine takes longest for."""
    home = tmp_path_factory.mktemp("cloud")
    forks = home / FORK_SERVER
    forks.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    command = [sys.executable, "-m", "sandbox.aws", "--home", str(home / "aws"), "--port", str(port)]
    fork_server = [sys.executable, "-m", "sandbox.forkserver", str(forks)]
    with (
        running(command, home / "log", ready, cwd=REPOSITORY),
        running(fork_server, home / "forks.log", lambda: forkserver.answers(forks), cwd=REPOSITORY),
    ):
        yield Cloud(home, url)
