"""The real servers that the plugins are tested against: one of each for a test worker."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import pytest


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path, is_ready: Callable[[], bool], **kwargs: Any) -> Iterator[None]:
    """A server, from when it is ready to its end."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not on PATH: `make test` puts it there")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **kwargs)
    try:
        deadline = time.monotonic() + 120
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    """Whether a server answers at a URL with success."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@dataclass
class VaultServer:
    """A Vault and its administrator."""

    address: str
    token: str

    @property
    def client(self) -> hvac.Client:
        """Reads and changes Vault behind the plugin's back."""
        return hvac.Client(url=self.address, token=self.token)


@pytest.fixture(scope="session")
def vault_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    """A Vault with the AWS auth method at `aws`."""
    home, listen = tmp_path_factory.mktemp("vault"), f"127.0.0.1:{free_port()}"
    server = VaultServer(f"http://{listen}", "the-root-token")
    command = ["vault", "server", "-dev", "-dev-no-store-token", f"-dev-listen-address={listen}"]
    command.append(f"-dev-root-token-id={server.token}")
    with running(command, home / "log", lambda: answers(f"{server.address}/v1/sys/health")):
        server.client.sys.enable_auth_method("aws")
        yield server
