"""The sandbox's processes: the emulated AWS, etcd, the Kubernetes APIs with their controllers, and Vault."""

import base64
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import api, control_planes, enterprise, forkserver, vault_pod
from sandbox.control_planes import ControlPlane
from sandbox.home import REPOSITORY, Home, SandboxError, write_private
from sandbox.processes import Processes, Service
from tools import build

AS_NEW_PATH = "/sandbox/as-new"
CONSISTENCY_PATH = "/sandbox/eventual-consistency"


def start(home: Home, processes: Processes, report: Callable[[str, str], None]) -> None:
    """Starts what is not running and returns when every service answers.

    Calls `report` with the name and address of each service as it becomes ready.
    """
    if not (home.root / "pki" / "complete").exists():
        from sandbox import pki  # slow to import

        pki.ensure(home)
    _describe_cluster(home)
    if not home.admin_kubeconfig.exists():
        control_planes.write_admin_kubeconfig(home)
    emulator, etcd, vault, plugins = _emulator(home), _etcd(home), _vault(home), _fork_server(home)
    for service in (emulator, etcd, vault, plugins):
        processes.start(service)
    if etcd.name in processes.started_here:  # else the API server waits ever longer to connect to it again
        left = [name for name in processes.running() if name.startswith("kube-")]
        processes.stop(left, at_once=True)
    _ready(processes, etcd, report, f"https://127.0.0.1:{home.ports['etcd']}")
    if control_planes.others(home):  # the emulated EKS removes those whose clusters are gone
        processes.wait(emulator)
    planes = control_planes.every(home)
    for plane in planes:
        processes.start(plane.api_server())
    # The slowest is waited for last.
    _ready(processes, vault, report, home.vault_url)
    if _lost_its_keys(home):
        _make_anew(home, processes)
    _unseal(home)
    first, *rest = planes
    _ready(processes, first.api_server(), report, first.url)
    first.publish_signing_keys()
    processes.start(first.controllers())
    for plane in rest:
        processes.wait(plane.api_server())
        plane.publish_signing_keys()
        processes.start(plane.controllers())
    _ready(processes, first.controllers(), report, "namespaces and default service accounts")
    for plane in rest:
        processes.wait(plane.controllers())
        report(f"cluster {plane.cluster}", plane.url)
    vault_pod.ensure(home)
    _ready(processes, emulator, report, home.emulator_url)
    tell_eventual_consistency(home)
    _ready(processes, plugins, report, "the engine's plugins are its forks")
    if home.plays_enterprise:
        for service, address in enterprise.services(home):
            processes.start(service)
            _ready(processes, service, report, address)


def _ready(processes: Processes, service: Service, report: Callable[[str, str], None], address: str) -> None:
    processes.wait(service)
    report(service.name, address)


# AWS


def _emulator(home: Home) -> Service:
    port, emulator = home.ports["emulator"], api.emulator(home)
    return Service(
        "emulator",
        [
            sys.executable,
            "-m",
            "sandbox.aws",
            f"--home={home.root / 'aws'}",
            f"--sandbox={home.root}",
            f"--port={port}",
            f"--region={home.region}",
        ],
        [port],
        lambda: _answers(emulator, "/sandbox/health"),
        {"PYTHONPATH": str(REPOSITORY), "AWS_DEFAULT_REGION": home.region},
    )


def tell_eventual_consistency(home: Home) -> None:
    """Lets the emulated IAM be as consistent as it was chosen to be, from now on."""
    api.emulator(home).request("PUT", CONSISTENCY_PATH, home.eventual_consistency)


def tell_that_all_is_as_new(home: Home) -> None:
    """Lets the next cluster have the first control plane, as in a new sandbox."""
    api.emulator(home).request("PUT", AS_NEW_PATH)


def _describe_cluster(home: Home) -> None:
    """Writes which API server backs the first cluster of the emulated EKS, and where STS finds its keys."""
    described = home.root / "aws" / "cluster.json"
    if described.exists():
        return
    first, issuer = ControlPlane(home), control_planes.new_issuer(home.region)
    write_private(home.root / "aws" / "issuers.json", json.dumps({issuer: first.signing_keys}, indent=2))
    authority = base64.b64encode(first.ca_certificate.read_bytes()).decode()
    cluster = {"endpoint": first.url, "certificate_authority": authority, "issuer": issuer}
    write_private(described, json.dumps(cluster, indent=2))


# Kubernetes


def _etcd(home: Home) -> Service:
    client, peer = (f"https://127.0.0.1:{home.ports[name]}" for name in ("etcd", "etcd-peer"))
    certificate, key = home.key_pair("etcd")
    database = api.etcd(home)
    return Service(
        "etcd",
        [
            str(build.ensure("etcd")),
            f"--data-dir={home.root / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            *_tls("", home, certificate, key),
            *_tls("peer-", home, certificate, key),
            # The sandbox may lose its last writes if the machine crashes, but not if the process does.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ],
        [home.ports["etcd"], home.ports["etcd-peer"]],
        lambda: database.get("/health")["health"] == "true",
    )


def _tls(prefix: str, home: Home, certificate: Path, key: Path) -> list[str]:
    return [
        f"--{prefix}cert-file={certificate}",
        f"--{prefix}key-file={key}",
        f"--{prefix}client-cert-auth",
        f"--{prefix}trusted-ca-file={home.ca_certificate}",
    ]


# Vault


def _vault(home: Home) -> Service:
    certificate, key = home.key_pair("vault")
    folder = home.root / "vault"
    (folder / "data").mkdir(exist_ok=True)
    settings = {
        "storage": {
            "raft": {"path": str(folder / "data"), "node_id": "sandbox", "performance_multiplier": "1"}
        },
        "listener": {
            "tcp": {
                "address": f"127.0.0.1:{home.ports['vault']}",
                "cluster_address": f"127.0.0.1:{home.ports['vault-cluster']}",
                "tls_cert_file": str(certificate),
                "tls_key_file": str(key),
            }
        },
        "api_addr": home.vault_url,
        "cluster_addr": f"https://127.0.0.1:{home.ports['vault-cluster']}",
        "disable_mlock": True,
        "log_level": "warn",
    }
    write_private(folder / "vault.json", json.dumps(settings, indent=2))
    return Service(
        "vault",
        [str(build.ensure("vault")), "server", f"-config={folder / 'vault.json'}"],
        [home.ports["vault"], home.ports["vault-cluster"]],
        lambda: _listens(home.ports["vault"]) and "initialized" in _vault_health(home),
        vault_pod.vault_environment(home),
    )


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _vault_health(home: Home) -> dict[str, Any]:
    answer = api.vault(home, token=False).request("GET", "sys/health", accepted=range(400, 600), seconds=5)
    health: dict[str, Any] = answer.json()
    return health


def _lost_its_keys(home: Home) -> bool:
    """Whether a first start was killed while Vault was initialised: it is empty, and its keys are lost."""
    complete = (home.root / "vault" / "init.json").exists() or (home.root / "baseline.json").exists()
    return not complete and bool(_vault_health(home)["initialized"])


def _make_anew(home: Home, processes: Processes) -> None:
    """Vault without what it holds, which is nothing yet."""
    processes.stop(["vault"])
    shutil.rmtree(home.root / "vault" / "data")
    vault = _vault(home)
    processes.start(vault)
    processes.wait(vault)


def _unseal(home: Home) -> None:
    """Initialises Vault on the first start, and unseals it with the stored key on every start."""
    health, vault = _vault_health(home), api.vault(home, token=False)
    if not health["initialized"]:
        shares = {"secret_shares": 1, "secret_threshold": 1}
        made = vault.request("PUT", "sys/init", shares, seconds=30).json()
        keys = {"root_token": made["root_token"], "unseal_key": made["keys_base64"][0]}
        write_private(home.root / "vault" / "init.json", json.dumps(keys))
    if health["sealed"]:
        key = {"key": home.vault_keys()["unseal_key"]}
        vault.request("PUT", "sys/unseal", key, seconds=30)
    _wait_until_active(home)
    _renew_root_token(home)


def _renew_root_token(home: Home) -> None:
    """Makes a root token that was revoked, or has expired, anew: with the unseal key, as operators do."""
    if api.vault(home).request("GET", "auth/token/lookup-self", accepted=(403,)).status != 403:
        return
    keys, vault = home.vault_keys(), api.vault(home, token=False)
    vault.request("DELETE", "sys/generate-root/attempt")  # one that a kill has left
    begun = vault.request("PUT", "sys/generate-root/attempt", {}).json()
    share = {"key": keys["unseal_key"], "nonce": begun["nonce"]}
    made = vault.request("PUT", "sys/generate-root/update", share).json()
    encoded = base64.b64decode(made["encoded_token"] + "==")
    token = bytes(a ^ b for a, b in zip(encoded, begun["otp"].encode(), strict=True)).decode()
    write_private(home.root / "vault" / "init.json", json.dumps({**keys, "root_token": token}))


def _wait_until_active(home: Home) -> None:
    """Waits until a freshly unsealed node has elected itself; before that it refuses requests."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        health = _vault_health(home)
        if not health["sealed"] and not health["standby"]:
            return
        time.sleep(0.1)
    raise SandboxError(f"vault is unsealed but did not become active; see {home.root / 'logs' / 'vault.log'}")


# The engine's plugins


def _fork_server(home: Home) -> Service:
    return Service(
        "fork-server",
        [sys.executable, "-m", "sandbox.forkserver", str(home.fork_server)],
        [],
        lambda: forkserver.answers(home.fork_server),
        {
            "PYTHONPATH": str(REPOSITORY),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        },
    )


# Shared


def _answers(asked: api.Api, path: str) -> bool:
    return asked.request("GET", path, accepted=range(400, 600), seconds=2).status == 200
