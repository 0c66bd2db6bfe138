"""Runs Vault as if in the pod `vault/vault`, where it gets AWS credentials by Pod Identity.

A stack that gives this service account an IAM role gives it to the sandbox's Vault, whichever of the clusters
it does so in: the emulated EKS lets the pod run there.
"""

import os
import time
from pathlib import Path

from sandbox import api
from sandbox.aws.state import FIRST_PLANE
from sandbox.control_planes import ControlPlane, every
from sandbox.home import Home, SandboxError, write_private

NAMESPACE = "vault"
SERVICE_ACCOUNT = "vault"
AUDIENCE = "pods.eks.amazonaws.com"

# On EKS, the kubelet renews the token. Here it is created at start only, so it has to last.
_TOKEN_SECONDS = 365 * 24 * 3600
_SETTLE_SECONDS = 30
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"


def vault_environment(home: Home) -> dict[str, str]:
    """The variables that EKS sets in a pod whose service account has a role (Pod Identity)."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": home.container_credentials_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(_token_file(home)),
        # Otherwise Vault would use the profile of the user who started it.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def ensure(home: Home) -> None:
    """Creates its namespace and service account in the first cluster if missing, and a new token."""
    first = ControlPlane(home)
    _create(home, first)
    place = plane_of(home)
    run_in(home, next((plane for plane in every(home) if plane.name == place), first))
    _wait_for_default_account(api.kubernetes(home))


def plane_of(home: Home) -> str:
    """The control plane of the cluster that the pod runs in."""
    stored = _plane_file(home)
    return stored.read_text(encoding="utf-8") if stored.exists() else FIRST_PLANE


def run_in(home: Home, plane: ControlPlane) -> None:
    """Lets the pod run in a cluster: Vault has a token of the service account there from now on."""
    _create(home, plane)
    request = {"spec": {"audiences": [AUDIENCE], "expirationSeconds": _TOKEN_SECONDS}}
    answer = api.kubernetes(home, plane).request("POST", f"{_ACCOUNTS}/{SERVICE_ACCOUNT}/token", request)
    write_private(_token_file(home), answer.json()["status"]["token"])
    write_private(_plane_file(home), plane.name)


def _create(home: Home, plane: ControlPlane) -> None:
    cluster = api.kubernetes(home, plane)
    for path, name in (("/api/v1/namespaces", NAMESPACE), (_ACCOUNTS, SERVICE_ACCOUNT)):
        cluster.request("POST", path, {"metadata": {"name": name}}, accepted=(409,))  # 409: it exists


def _wait_for_default_account(cluster: api.Api) -> None:
    """Waits for the controller that creates it: it has to exist before any stack."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        if cluster.get(f"{_ACCOUNTS}/default"):
            return
        time.sleep(0.1)
    raise SandboxError(
        f"namespace {NAMESPACE} got no default service account; see logs/kube-controller-manager.log"
    )


def _token_file(home: Home) -> Path:
    return home.root / "vault" / "service-account-token"


def _plane_file(home: Home) -> Path:
    return home.root / "vault" / "control-plane"
