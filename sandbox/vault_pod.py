"""Vault as the pod `vault/vault`: where it finds AWS credentials when its configuration holds none.

A stack that gives this service account an IAM role (Pod Identity) gives it to the sandbox's Vault.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from sandbox.home import Home, SandboxError, write_private

NAMESPACE = "vault"
SERVICE_ACCOUNT = "vault"
AUDIENCE = "pods.eks.amazonaws.com"

# On EKS the kubelet renews the token; here it is made at every start, and a sandbox may run for long.
_TOKEN_SECONDS = 365 * 24 * 3600
_SETTLE_SECONDS = 30


def vault_environment(home: Home) -> dict[str, str]:
    """What EKS puts into the environment of a pod whose service account has a role (Pod Identity)."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": home.pod_identity_agent_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(_token_file(home)),
        # Vault would look into the profile of the user who started it first.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def ensure(home: Home) -> None:
    """Makes the namespace and the service account where they are missing, and a fresh token."""
    from kubernetes import client, config

    api = client.CoreV1Api(config.new_client_from_config(str(home.admin_kubeconfig)))
    namespace = client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE))
    account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name=SERVICE_ACCOUNT))
    for make in (
        lambda: api.create_namespace(namespace),
        lambda: api.create_namespaced_service_account(NAMESPACE, account),
    ):
        try:
            make()
        except client.ApiException as error:
            if error.status != 409:
                raise
    request = client.AuthenticationV1TokenRequest(
        spec=client.V1TokenRequestSpec(audiences=[AUDIENCE], expiration_seconds=_TOKEN_SECONDS)
    )
    answer: Any = api.create_namespaced_service_account_token(SERVICE_ACCOUNT, NAMESPACE, request)
    write_private(_token_file(home), answer.status.token)
    _wait_for_default_account(api)


def _wait_for_default_account(api: Any) -> None:
    """A controller makes it; it belongs to what is there before any stack."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        names = [item.metadata.name for item in api.list_namespaced_service_account(NAMESPACE).items]
        if "default" in names:
            return
        time.sleep(0.1)
    raise SandboxError(
        f"namespace {NAMESPACE} got no default service account; see logs/kube-controller-manager.log"
    )


def _token_file(home: Home) -> Path:
    return home.root / "vault" / "service-account-token"
