"""Runs Vault as if in the pod `vault/vault`, where it gets AWS credentials by Pod Identity.

A stack that gives this service account an IAM role gives it to the sandbox's Vault.
"""

import os
import time
from pathlib import Path

from sandbox import api
from sandbox.home import Home, SandboxError, write_private

NAMESPACE = "vault"
SERVICE_ACCOUNT = "vault"
AUDIENCE = "pods.eks.amazonaws.com"

# On EKS, the kubelet renews the token. Here it is created at start only, so it has to last.
_TOKEN_SECONDS = 365 * 24 * 3600
_SETTLE_SECONDS = 30


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
    """Creates the namespace and service account if missing, and a new token."""
    cluster = api.kubernetes(home)
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    for path, name in (("/api/v1/namespaces", NAMESPACE), (accounts, SERVICE_ACCOUNT)):
        cluster.request("POST", path, {"metadata": {"name": name}}, accepted=(409,))  # 409: it exists
    request = {"spec": {"audiences": [AUDIENCE], "expirationSeconds": _TOKEN_SECONDS}}
    answer = cluster.request("POST", f"{accounts}/{SERVICE_ACCOUNT}/token", request)
    write_private(_token_file(home), answer.json()["status"]["token"])
    _wait_for_default_account(cluster, accounts)


def _wait_for_default_account(cluster: api.Api, accounts: str) -> None:
    """Waits for the controller that creates it: it has to exist before any stack."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        if cluster.get(f"{accounts}/default"):
            return
        time.sleep(0.1)
    raise SandboxError(
        f"namespace {NAMESPACE} got no default service account; see logs/kube-controller-manager.log"
    )


def _token_file(home: Home) -> Path:
    return home.root / "vault" / "service-account-token"
