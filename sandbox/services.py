"""The sandbox's processes: the emulated AWS, etcd, the Kubernetes API with its controllers, and Vault."""

import base64
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sandbox import api, enterprise, forkserver, vault_pod
from sandbox.home import REPOSITORY, Home, SandboxError, write_private
from sandbox.processes import Processes, Service
from tools import build

AUTHENTICATOR_PATH = "/sandbox/authenticate"
CONSISTENCY_PATH = "/sandbox/eventual-consistency"


def start(home: Home, processes: Processes, report: Callable[[str, str], None]) -> None:
    """Starts what is not running and returns when every service answers.

    Calls `report` with the name and address of each service as it becomes ready.
    """
    if not (home.root / "pki" / "complete").exists():
        from sandbox import pki  # slow to import

        pki.ensure(home)
    _describe_cluster(home)
    emulator, etcd, vault, plugins = _emulator(home), _etcd(home), _vault(home), _fork_server(home)
    for service in (emulator, etcd, vault, plugins):
        processes.start(service)
    _ready(processes, etcd, report, f"https://127.0.0.1:{home.ports['etcd']}")
    api_server, controllers = _api_server(home), _controllers(home)
    processes.start(api_server)
    # The slowest is waited for last.
    _ready(processes, vault, report, home.vault_url)
    if _lost_its_keys(home):
        _make_anew(home, processes)
    _unseal(home)
    _ready(processes, api_server, report, home.kubernetes_url)
    _publish_signing_keys(home)
    processes.start(controllers)
    _ready(processes, controllers, report, "namespaces and default service accounts")
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


def _describe_cluster(home: Home) -> None:
    """Writes which real API server backs the cluster of the emulated EKS, and where STS finds its keys."""
    described = home.root / "aws" / "cluster.json"
    if described.exists():
        return
    # An issuer as on EKS. Nothing serves this address: the emulated STS reads the keys from the Kubernetes
    # API server, which signs with this issuer.
    from sandbox.aws.botocore_data import dns_suffix

    issuer = f"https://oidc.eks.{home.region}.{dns_suffix(home.region)}/id/{secrets.token_hex(16).upper()}"
    authority = base64.b64encode(home.ca_certificate.read_bytes()).decode()
    keys = {"jwks_uri": f"{home.kubernetes_url}/openid/v1/jwks", "ca_file": str(home.ca_certificate)}
    write_private(home.root / "aws" / "issuers.json", json.dumps({issuer: keys}, indent=2))
    cluster = {"endpoint": home.kubernetes_url, "certificate_authority": authority, "issuer": issuer}
    write_private(described, json.dumps(cluster, indent=2))


def cluster_issuer(home: Home) -> str:
    """The OIDC issuer of the sandbox's cluster."""
    return str(home.read_json(home.root / "aws" / "cluster.json")["issuer"])


# Kubernetes


def _etcd(home: Home) -> Service:
    client, peer = (f"https://127.0.0.1:{home.ports[name]}" for name in ("etcd", "etcd-peer"))
    certificate, key = _key_pair(home, "etcd")
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


def _api_server(home: Home) -> Service:
    certificate, key = _key_pair(home, "kube-apiserver")
    etcd_certificate, etcd_key = _key_pair(home, "etcd")
    folder = home.root / "kubernetes"
    authority = home.ca_certificate
    _write_kubeconfig(home, home.admin_kubeconfig, "kubernetes-admin")
    # As EKS does for `aws eks get-token`: the token is a presigned sts:GetCallerIdentity request,
    # and AWS says whose it is.
    webhook = folder / "authenticator.kubeconfig"
    _write_yaml(
        webhook,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "aws", "cluster": {"server": home.emulator_url + AUTHENTICATOR_PATH}}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "aws", "context": {"cluster": "aws", "user": "kube-apiserver"}}],
            "current-context": "aws",
        },
    )
    cluster = api.kubernetes(home)
    return Service(
        "kube-apiserver",
        [
            str(build.ensure("kube-apiserver")),
            f"--etcd-servers=https://127.0.0.1:{home.ports['etcd']}",
            f"--etcd-cafile={authority}",
            f"--etcd-certfile={etcd_certificate}",
            f"--etcd-keyfile={etcd_key}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={home.ports['kube-apiserver']}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={authority}",
            "--authorization-mode=RBAC",
            f"--authentication-token-webhook-config-file={webhook}",
            "--authentication-token-webhook-version=v1",
            "--authentication-token-webhook-cache-ttl=30s",
            f"--service-account-issuer={cluster_issuer(home)}",
            f"--service-account-jwks-uri={home.kubernetes_url}/openid/v1/jwks",
            f"--service-account-key-file={home.root / 'pki' / 'service-account.pub'}",
            f"--service-account-signing-key-file={home.root / 'pki' / 'service-account.key'}",
            "--api-audiences=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.100.0.0/24",
            # There are no pods that endpoints would be for.
            "--endpoint-reconciler-type=none",
            "--v=0",
        ],
        [home.ports["kube-apiserver"]],
        lambda: _answers(cluster, "/readyz"),
    )


def _controllers(home: Home) -> Service:
    """The controllers for every namespace's default service account and removal."""
    kubeconfig = home.root / "kubernetes" / "controllers.kubeconfig"
    _write_kubeconfig(home, kubeconfig, "kube-controller-manager")
    cluster = api.kubernetes(home)
    default = "/api/v1/namespaces/default/serviceaccounts/default"
    return Service(
        "kube-controller-manager",
        [
            str(build.ensure("kube-controller-manager")),
            f"--kubeconfig={kubeconfig}",
            "--controllers=namespace-controller,serviceaccount-controller,garbage-collector-controller",
            "--secure-port=0",
            "--leader-elect=false",
            "--concurrent-gc-syncs=2",
            "--v=0",
        ],
        [],
        lambda: _answers(cluster, default),
    )


def _publish_signing_keys(home: Home) -> None:
    """Makes the issuer's discovery documents public, as EKS does, so that STS can verify tokens."""
    binding: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "sandbox:issuer-discovery"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:service-account-issuer-discovery",
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}
        ],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    api.kubernetes(home).request("POST", path, binding, accepted=(409,))  # 409: since an earlier start


def _write_kubeconfig(home: Home, path: Path, user: str) -> None:
    certificate, key = _key_pair(home, user)
    _write_yaml(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "sandbox",
                    "cluster": {
                        "server": home.kubernetes_url,
                        "certificate-authority": str(home.ca_certificate),
                    },
                }
            ],
            "users": [
                {"name": user, "user": {"client-certificate": str(certificate), "client-key": str(key)}}
            ],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
            "current-context": "sandbox",
        },
    )


# Vault


def _vault(home: Home) -> Service:
    certificate, key = _key_pair(home, "vault")
    folder = home.root / "vault"
    (folder / "data").mkdir(exist_ok=True)
    write_private(
        folder / "vault.hcl",
        f"""\
storage "raft" {{
  path    = "{folder / "data"}"
  node_id = "sandbox"
  performance_multiplier = 1
}}
listener "tcp" {{
  address         = "127.0.0.1:{home.ports["vault"]}"
  cluster_address = "127.0.0.1:{home.ports["vault-cluster"]}"
  tls_cert_file   = "{certificate}"
  tls_key_file    = "{key}"
}}
api_addr      = "{home.vault_url}"
cluster_addr  = "https://127.0.0.1:{home.ports["vault-cluster"]}"
disable_mlock = true
log_level     = "warn"
""",
    )
    return Service(
        "vault",
        [str(build.ensure("vault")), "server", f"-config={folder / 'vault.hcl'}"],
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


def _key_pair(home: Home, name: str) -> tuple[Path, Path]:
    return home.root / "pki" / f"{name}.crt", home.root / "pki" / f"{name}.key"


def _answers(asked: api.Api, path: str) -> bool:
    return asked.request("GET", path, accepted=range(400, 600), seconds=2).status == 200


def _write_yaml(path: Path, document: dict[str, Any]) -> None:
    write_private(path, yaml.safe_dump(document, sort_keys=False))
