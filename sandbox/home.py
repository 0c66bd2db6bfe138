"""The folder of a sandbox, with everything that it keeps from one start to the next."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.versions import SANDBOX_MARKER

REPOSITORY = Path(__file__).resolve().parent.parent

FOLDERS = ("bin", "run", "aws", "vault", "enterprise", "kubernetes", "pki", "etcd", "pulumi")
FILES = (
    "ports.json",
    "region",
    "eventual-consistency",
    "passphrase",
    "processes.json",
    "processes.lock",
    "baseline.json",
    "interrupted.json",
    "reserve",
    "env",
)
DEFAULT_REGION = "us-east-1"

PORTS = (
    "emulator",
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "vault",
    "vault-cluster",
    "enterprise",
    "enterprise-aws",
    "issuer",
)
# Below the range of outgoing connections, so that none of those can occupy a port when the sandbox restarts.
PORT_RANGE = range(20_000, 32_000)


NEEDED = 250
"""Megabytes that a sandbox takes, with one stack: most of it is etcd's log."""
NEEDED_AT_WORK = 40
"""Megabytes for a sandbox that runs, to do anything."""
FULL = 2**20
"""Bytes. Less than that is no space, to most of what writes."""

SCRATCH = ".*.????????"
"""What `write_private` writes, until it is complete."""

AFRESH = "python -m sandbox down --force, then make up"


class SandboxError(Exception):
    """One clear message for the user: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Home:
    """The folder of one sandbox: `$SANDBOX_HOME`, by default `.sandbox` in the checkout.

    Only its owner can read it, because it holds keys.
    """

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The folder that `SANDBOX_HOME` names."""
        return cls(Path(os.environ.get("SANDBOX_HOME") or REPOSITORY / ".sandbox").resolve())

    def create(self) -> None:
        """Creates the folder, readable by its owner only, as will be all that this process creates.

        A folder with other contents is refused.
        """
        os.umask(0o077)
        if os.pathsep in str(self.root) or not str(self.root).isprintable():
            raise SandboxError(
                f"{str(self.root)!r} cannot be the folder of a sandbox: PATH can have no folder with a colon "
                f"in its name, nor settings one with an unprintable character; name another: "
                f"SANDBOX_HOME=<folder>"
            )
        if self.exists and not (self.root / SANDBOX_MARKER).exists() and any(self.root.iterdir()):
            raise SandboxError(
                f"{self.root} exists and is not a sandbox; name a new or empty folder: SANDBOX_HOME=<folder>"
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SandboxError(f"cannot create {self.root}: {error.strerror}; set SANDBOX_HOME") from error
        self.root.chmod(0o700)
        (self.root / SANDBOX_MARKER).touch()
        for name in (*FOLDERS, "logs"):
            (self.root / name).mkdir(exist_ok=True)

    @property
    def exists(self) -> bool:
        return self.root.is_dir()

    @property
    def has_data(self) -> bool:
        """Whether a sandbox was started here and not taken down since."""
        return (self.root / "ports.json").exists() or self.is_half_removed

    @property
    def ports(self) -> dict[str, int]:
        """A free port for each listener, chosen once and kept, because stacks store the addresses."""
        stored = self.root / "ports.json"
        chosen: dict[str, int] = {}
        if stored.exists():
            chosen = {name: int(port) for name, port in self.read_json(stored).items()}
        missing = [name for name in PORTS if name not in chosen]
        if missing:
            candidates = iter(random.sample(PORT_RANGE, len(PORT_RANGE)))
            chosen |= {name: next(port for port in candidates if port_is_free(port)) for name in missing}
            write_private(stored, json.dumps(chosen, indent=2))
        return chosen

    def free_port(self, taken: Collection[int] = ()) -> int:
        """A port that nothing listens on, and that neither the sandbox's own listeners nor `taken` have."""
        known = {*self.ports.values(), *taken}
        candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
        return next(port for port in candidates if port not in known and port_is_free(port))

    @property
    def region(self) -> str:
        """The sandbox's AWS region. It is fixed, because the cluster's issuer contains it."""
        stored = self.root / "region"
        return stored.read_text(encoding="utf-8").strip() if stored.exists() else DEFAULT_REGION

    def choose_region(self, region: str) -> None:
        """Sets the region before the first start; refuses another one later."""
        if not self.has_data:
            write_private(self.root / "region", region)
        elif region != self.region:
            raise SandboxError(
                f"the stack file has aws:region {region}, but this sandbox is in {self.region}. "
                + self.in_another(region)
            )

    def in_another(self, name: str) -> str:
        """How to give the command that runs a sandbox of its own, which is named."""
        words = shlex.join(["python", "-m", "sandbox", *sys.argv[1:]])
        beside = self.root.with_name(f"{self.root.name}-{name}")
        with contextlib.suppress(ValueError):
            beside = beside.relative_to(Path.cwd())
        return f"Bring it up in a sandbox of its own:\n  SANDBOX_HOME={shlex.quote(str(beside))} {words}"

    @property
    def eventual_consistency(self) -> float:
        """For how many seconds after a change some of the emulated IAM's answers are those of before it."""
        stored = self.root / "eventual-consistency"
        return float(stored.read_text()) if stored.exists() else 0.0

    def choose_eventual_consistency(self, seconds: float) -> None:
        """Sets it, from the next start of the services on, whether they run or not."""
        write_private(self.root / "eventual-consistency", str(seconds))

    def raise_trust_policy_quota(self, characters: int) -> None:
        """Lets the emulated IAM take longer trust policies, as AWS does for accounts that ask for it."""
        stored = self.root / "aws" / "trust-policy-quota"
        if not stored.exists() or int(stored.read_text()) < characters:
            write_private(stored, str(characters))

    @property
    def passphrase(self) -> str:
        """The passphrase of the Pulumi state's secrets, random for each sandbox."""
        stored = self.root / "passphrase"
        if not stored.exists():
            write_private(stored, secrets.token_urlsafe(32))
        return stored.read_text(encoding="utf-8").strip()

    @property
    def emulator_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['emulator']}"

    @property
    def vault_url(self) -> str:
        """The address of the real Vault, which is Community Edition."""
        return f"https://127.0.0.1:{self.ports['vault']}"

    @property
    def enterprise(self) -> Path:
        """The folder of the stand-in for Vault Enterprise."""
        return self.root / "enterprise"

    @property
    def plays_enterprise(self) -> bool:
        """Whether the stand-in for Vault Enterprise runs in front of Vault, because a stack needs it."""
        return (self.enterprise / "issuer.json").exists()

    @property
    def vault_address(self) -> str:
        """Vault's address for all clients: the stand-in's if it runs."""
        return f"https://127.0.0.1:{self.ports['enterprise']}" if self.plays_enterprise else self.vault_url

    @property
    def container_credentials_url(self) -> str:
        """Where containers, such as the cluster's pods, get the credentials of their role."""
        return f"{self.emulator_url}/container-credentials"

    @property
    def kubernetes_url(self) -> str:
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def fork_server(self) -> Path:
        """The folder in which the fork server listens."""
        return self.root / "run"

    @property
    def ca_certificate(self) -> Path:
        return self.root / "pki" / "ca.crt"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.root / "kubernetes" / "admin.kubeconfig"

    def key_pair(self, name: str) -> tuple[Path, Path]:
        """The certificate and key of one of the sandbox's own servers or clients."""
        return self.root / "pki" / f"{name}.crt", self.root / "pki" / f"{name}.key"

    def client(self, name: str) -> dict[str, str]:
        """A client of Kubernetes, in the words of a kubeconfig."""
        certificate, key = self.key_pair(name)
        return {"client-certificate": str(certificate), "client-key": str(key)}

    def credentials(self) -> dict[str, dict[str, str]]:
        """The administrator's access key in each emulated account, by account ID."""
        credentials: dict[str, dict[str, str]] = self.read_json(self.root / "aws" / "credentials.json")
        return credentials

    def vault_keys(self) -> dict[str, str]:
        """Vault's root token and unseal key."""
        keys: dict[str, str] = self.read_json(self.root / "vault" / "init.json")
        return keys

    def read_json(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SandboxError(
                f"{path} is missing: the sandbox is not up, or damaged. Run: make up; if that says the "
                f"same: {AFRESH}"
            ) from None
        except ValueError as error:
            raise SandboxError(f"{path} is damaged ({error}). Start afresh: {AFRESH}") from error

    def require_space(self, needed: int = NEEDED) -> None:
        """Raises SandboxError if there is not enough room on the disk: by default, to start."""
        free = shutil.disk_usage(self.root).free // 2**20
        if free < needed:
            raise SandboxError(
                f"the disk of {self.root} has {free} MB free, and the sandbox needs {needed} MB. Free some "
                f"space, or use another disk: SANDBOX_HOME=<folder>"
            )

    @property
    def is_full(self) -> bool:
        """Whether the disk is full, which explains what failed."""
        return self.exists and shutil.disk_usage(self.root).free < FULL

    def remove(self) -> None:
        """Deletes what the sandbox created, except its logs, and nothing else.

        If this is killed in the middle, the next command completes it.
        """
        self._removing.touch()
        for name in FOLDERS:
            shutil.rmtree(self.root / name, ignore_errors=True)
        for name in FILES:
            (self.root / name).unlink(missing_ok=True)
        for deployer in self.root.glob("deployer-*.json"):
            deployer.unlink()
        self._removing.unlink()

    def remove_scratch(self) -> None:
        """Removes what a killed command has begun to write. To be called by the only one that runs.

        Not the emulated AWS's, which is another process.
        """
        for name in (".", "bin", "kubernetes", "enterprise", "pulumi", "pulumi/project", "vault"):
            for scratch in (self.root / name).glob(SCRATCH):
                scratch.unlink(missing_ok=True)

    @property
    def is_half_removed(self) -> bool:
        """Whether `remove` was killed."""
        return self._removing.exists()

    @property
    def _removing(self) -> Path:
        return self.root / "removing"


def port_is_free(port: int) -> bool:
    """Whether this loopback port is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Atomically writes a file that only its owner can read; safe with concurrent writers."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(text)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink()
        raise
