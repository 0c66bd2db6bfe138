"""The real servers that the plugins are tested against: one of each for a test worker."""

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipeline import ending
from tests.ports import free_port


@pytest.fixture(autouse=True, scope="package")
def _short_wait_for_iam() -> Iterator[None]:
    """What stays refused need not be asked for two minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_IAM_PATIENCE", "10")
        yield


@contextmanager
def running(command: list[str], log: Path, is_ready: Callable[[], bool], **kwargs: Any) -> Iterator[None]:
    """A server, from when it is ready to its end; which is also that of this process, if it is killed."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not on PATH: `make test` puts it there")
    lifeline, held = os.pipe()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ending.under_guard(lifeline, command),
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lifeline],
            **kwargs,
        )
    os.close(lifeline)
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
        os.close(held)


def answers(url: str) -> bool:
    """Whether a server answers at a URL with success."""
    trusting = ssl._create_unverified_context() if url.startswith("https") else None  # noqa: S323 (only whether)
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusting):
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


@dataclass
class KubernetesServer:
    """A Kubernetes API server and its administrator."""

    address: str
    ca_file: Path
    token: str

    def kubeconfig(self, **user: Any) -> str:
        """A kubeconfig of the administrator, or of another user."""
        cluster = {"server": self.address, "certificate-authority": str(self.ca_file)}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": user or {"token": self.token}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )

    def request(self, method: str, path: str, body: Any = None, manager: str = "somebody") -> Any:
        """Reads and changes objects behind the plugin's back."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            f"{self.address}{path}{'' if method == 'GET' else f'?fieldManager={manager}'}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind},
        )
        trusting = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(request, timeout=30, context=trusting) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesServer]:
    """A Kubernetes API, without any controller."""
    home = tmp_path_factory.mktemp("kubernetes")
    store, peer, port = (free_port() for _ in range(3))
    key = home / "service-accounts.key"
    key.write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (home / "tokens.csv").write_text('the-token,admin,admin,"system:masters"\n')
    server = KubernetesServer(
        f"https://127.0.0.1:{port}", home / "certificates" / "apiserver.crt", "the-token"
    )
    etcd = ["etcd", "--data-dir", str(home / "etcd"), "--log-level", "error"]
    etcd += ["--listen-client-urls", f"http://127.0.0.1:{store}"]
    etcd += ["--advertise-client-urls", f"http://127.0.0.1:{store}"]
    etcd += ["--listen-peer-urls", f"http://127.0.0.1:{peer}"]
    api = ["kube-apiserver", f"--etcd-servers=http://127.0.0.1:{store}", f"--secure-port={port}"]
    api += ["--bind-address=127.0.0.1", f"--cert-dir={server.ca_file.parent}", "--authorization-mode=RBAC"]
    api += ["--service-account-issuer=https://issuer.example.com", "--service-cluster-ip-range=10.0.0.0/24"]
    api += [f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"]
    api += [f"--token-auth-file={home / 'tokens.csv'}", "--disable-admission-plugins=ServiceAccount"]
    with (
        running(etcd, home / "etcd.log", lambda: answers(f"http://127.0.0.1:{store}/health")),
        running(api, home / "api.log", lambda: answers(f"{server.address}/readyz")),
    ):
        yield server


@contextmanager
def namespaces_end(server: KubernetesServer) -> Iterator[None]:
    """In place of the controller of namespaces, which is not there: those that are deleted go."""
    over = threading.Event()

    def control() -> None:
        while not over.wait(0.1):
            for each in server.request("GET", "/api/v1/namespaces")["items"]:
                if "deletionTimestamp" in each["metadata"]:
                    path = f"/api/v1/namespaces/{each['metadata']['name']}/finalize"
                    with suppress(urllib.error.HTTPError):  # it has gone since
                        server.request("PUT", path, {**each, "spec": {}})

    controller = threading.Thread(target=control, daemon=True)
    controller.start()
    try:
        yield
    finally:
        over.set()
        controller.join()


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
