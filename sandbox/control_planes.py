"""The control planes of the emulated EKS' clusters: for each a Kubernetes API server with its controllers.

The first runs as long as the sandbox does. Each other one is made for one cluster and goes with it: it has an
address, a certificate authority, an OIDC issuer and a signing key of its own, and a prefix in the one etcd.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from sandbox import api
from sandbox.aws.state import FIRST_PLANE
from sandbox.home import Home, SandboxError, write_private
from sandbox.processes import Processes, Service
from tools import build

AUTHENTICATOR_PATH = "/sandbox/authenticate"
_ADMIN = "kubernetes-admin"


@dataclass(frozen=True)
class ControlPlane:
    """One control plane. What `make` has not completed yet has no address."""

    home: Home
    name: str = FIRST_PLANE

    @property
    def is_first(self) -> bool:
        return self.name == FIRST_PLANE

    @property
    def folder(self) -> Path:
        kubernetes = self.home.root / "kubernetes"
        return kubernetes if self.is_first else kubernetes / self.name

    @property
    def is_made(self) -> bool:
        """Whether it has all that its processes need."""
        return self.is_first or self._file.exists()

    def make(self, account: str, region: str, cluster: str) -> None:
        """Gives it an address, an issuer and keys, once; later calls change nothing."""
        if self.is_made:
            return
        from sandbox import pki  # slow to import

        self.folder.mkdir(exist_ok=True)
        pki.ensure_control_plane(self.folder)
        taken = [plane.port for plane in others(self.home)]
        made = {
            "account": account,
            "region": region,
            "cluster": cluster,
            "port": self.home.free_port(taken),
            "issuer": new_issuer(region),
        }
        write_private(self._file, json.dumps(made, indent=2))

    @property
    def cluster(self) -> str:
        """The name of its cluster; empty for the first, which may have none."""
        return "" if self.is_first else str(self._made["cluster"])

    @property
    def region(self) -> str:
        return self.home.region if self.is_first else str(self._made["region"])

    @property
    def account(self) -> str:
        """The account of its cluster; empty for the first."""
        return "" if self.is_first else str(self._made["account"])

    @property
    def port(self) -> int:
        return self.home.ports["kube-apiserver"] if self.is_first else int(self._made["port"])

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        """The OIDC issuer of its service accounts' tokens."""
        described = self.home.root / "aws" / "cluster.json"
        return str((self.home.read_json(described) if self.is_first else self._made)["issuer"])

    @property
    def signing_keys(self) -> dict[str, str]:
        """Where the emulated AWS finds the keys of that issuer, whose own address nothing serves."""
        return {"jwks_uri": f"{self.url}/openid/v1/jwks", "ca_file": str(self.ca_certificate)}

    @property
    def ca_certificate(self) -> Path:
        """The authority that its server's certificate is from."""
        return self._pki / "ca.crt"

    @property
    def described(self) -> dict[str, Any]:
        """What EKS tells of it, in the words of DescribeCluster."""
        return {
            "endpoint": self.url,
            "certificateAuthority": {"data": base64.b64encode(self.ca_certificate.read_bytes()).decode()},
            "identity": {"oidc": {"issuer": self.issuer}},
        }

    # Its processes

    @property
    def service_names(self) -> tuple[str, str]:
        of = "" if self.is_first else f"-{self.name}"
        return f"kube-apiserver{of}", f"kube-controller-manager{of}"

    def api_server(self) -> Service:
        """The API server, which needs etcd alone to start."""
        database, database_key = self.home.key_pair("etcd")
        # As EKS does for `aws eks get-token`: the token is a presigned sts:GetCallerIdentity request, and AWS
        # says whose it is.
        webhook = self.folder / "authenticator.kubeconfig"
        path = AUTHENTICATOR_PATH if self.is_first else f"{AUTHENTICATOR_PATH}/{self.name}"
        _write_kubeconfig(webhook, {"aws": {"server": self.home.emulator_url + path}}, {})
        signer = self._pki / "service-account"
        cluster = api.kubernetes(self.home, plane=self)
        return Service(
            self.service_names[0],
            [
                str(build.ensure("kube-apiserver")),
                f"--etcd-servers=https://127.0.0.1:{self.home.ports['etcd']}",
                f"--etcd-prefix={self._prefix}",
                f"--etcd-cafile={self.home.ca_certificate}",
                f"--etcd-certfile={database}",
                f"--etcd-keyfile={database_key}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--tls-cert-file={self._pki / 'kube-apiserver.crt'}",
                f"--tls-private-key-file={self._pki / 'kube-apiserver.key'}",
                # The sandbox's own clients are the same everywhere.
                f"--client-ca-file={self.home.ca_certificate}",
                "--authorization-mode=RBAC",
                f"--authentication-token-webhook-config-file={webhook}",
                "--authentication-token-webhook-version=v1",
                "--authentication-token-webhook-cache-ttl=30s",
                f"--service-account-issuer={self.issuer}",
                f"--service-account-jwks-uri={self.url}/openid/v1/jwks",
                f"--service-account-key-file={signer.with_suffix('.pub')}",
                f"--service-account-signing-key-file={signer.with_suffix('.key')}",
                "--api-audiences=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.100.0.0/24",
                # There are no pods that endpoints would be for.
                "--endpoint-reconciler-type=none",
                "--v=0",
            ],
            [self.port],
            lambda: _answers(cluster, "/readyz"),
        )

    def controllers(self) -> Service:
        """The controllers for every namespace's default service account and removal; they need the API."""
        kubeconfig = self.folder / "controllers.kubeconfig"
        _write_kubeconfig(kubeconfig, {"sandbox": self._server}, self.home.client("kube-controller-manager"))
        cluster = api.kubernetes(self.home, plane=self)
        default = "/api/v1/namespaces/default/serviceaccounts/default"
        return Service(
            self.service_names[1],
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

    def publish_signing_keys(self) -> None:
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
        # 409: since an earlier start
        api.kubernetes(self.home, plane=self).request("POST", path, binding, accepted=(409,))

    def remove(self, processes: Processes) -> None:
        """Ends its processes and deletes all that it has; what is gone already is fine."""
        processes.stop(self.service_names, at_once=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        # An etcd that does not run keeps what no other cluster will ever read.
        with contextlib.suppress(SandboxError):
            begin, end = (base64.b64encode(f"{self._prefix}{mark}".encode()).decode() for mark in "/0")
            api.etcd(self.home).request("POST", "/v3/kv/deleterange", {"key": begin, "range_end": end})

    @property
    def _prefix(self) -> str:
        return "/registry" if self.is_first else f"/{self.name}"

    @property
    def _pki(self) -> Path:
        return self.home.root / "pki" if self.is_first else self.folder

    @property
    def _file(self) -> Path:
        return self.folder / "control-plane.json"

    @cached_property
    def _made(self) -> dict[str, Any]:
        made: dict[str, Any] = self.home.read_json(self._file)
        return made

    @property
    def _server(self) -> dict[str, str]:
        """Where it is, in the words of a kubeconfig."""
        return {"server": self.url, "certificate-authority": str(self.ca_certificate)}


def others(home: Home) -> list[ControlPlane]:
    """The control planes beside the first that are complete."""
    folder = home.root / "kubernetes"
    found = [ControlPlane(home, path.name) for path in sorted(folder.iterdir())] if folder.exists() else []
    return [plane for plane in found if plane.is_made]


def of_cluster(home: Home, name: str, region: str) -> ControlPlane:
    """That of an EKS cluster: the first, unless it has one of its own."""
    found = [plane for plane in others(home) if (plane.cluster, plane.region) == (name, region)]
    return found[0] if found else ControlPlane(home)


def every(home: Home) -> list[ControlPlane]:
    """All of them, the first one first."""
    return [ControlPlane(home), *others(home)]


def new_issuer(region: str) -> str:
    """An issuer as EKS names it. Nothing serves this address."""
    from sandbox.aws.botocore_data import dns_suffix

    return f"https://oidc.eks.{region}.{dns_suffix(region)}/id/{secrets.token_hex(16).upper()}"


def write_admin_kubeconfig(home: Home, current: str = FIRST_PLANE, of_first: str = "sandbox") -> None:
    """Writes the administrator's kubeconfig: a context for each control plane, one of them the current.

    They are named after their clusters; `of_first` is the name of the first one's.
    """
    planes = every(home)  # once: further ones are being made meanwhile
    clusters = {plane.name: of_first if plane.is_first else plane.cluster for plane in planes}
    names = [*clusters.values()]
    # Clusters of several regions or accounts may have the same name.
    contexts = {key: name if names.count(name) == 1 else key for key, name in clusters.items()}
    servers = {contexts[plane.name]: plane._server for plane in planes}
    _write_kubeconfig(home.admin_kubeconfig, servers, home.client("kubernetes-admin"), contexts.get(current))


def _write_kubeconfig(
    path: Path, servers: Mapping[str, dict[str, str]], user: dict[str, str], current: str | None = None
) -> None:
    """With a context of each server's name; the first one is the current unless another is named."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server} for name, server in servers.items()],
        "users": [{"name": "client", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "client"}} for name in servers],
        "current-context": current or next(iter(servers)),
    }
    write_private(path, yaml.safe_dump(document, sort_keys=False))


def _answers(asked: api.Api, path: str) -> bool:
    return asked.request("GET", path, accepted=range(400, 600), seconds=2).status == 200
