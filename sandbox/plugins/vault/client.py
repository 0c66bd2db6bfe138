"""A client for Vault's HTTP API."""

import os
from typing import Any

import hvac
import requests
from hvac import exceptions
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from sandbox.plugins.resource import Inputs, ProviderError
from sandbox.plugins.vault.permission_errors import missing_permission

# Vault is starting, or changing its leader.
_FOR_A_MOMENT = (502, 503, 504)

TIMEOUT = (5, 60)
"""Seconds to connect, and to answer."""


class Vault:
    """Vault, in the provider's namespace or one below it."""

    def __init__(self, config: Inputs) -> None:
        address = config.get("address") or os.environ.get("VAULT_ADDR")
        if not address:
            raise ProviderError("no Vault address: set the provider's address, or VAULT_ADDR")
        skip = config.get("skipTlsVerify", os.environ.get("VAULT_SKIP_VERIFY", "") in ("1", "true"))
        ca = config.get("caCertFile") or os.environ.get("VAULT_CACERT") or True
        self.address: str = address
        self.namespace: str = config.get("namespace") or os.environ.get("VAULT_NAMESPACE") or ""
        session = requests.Session()
        session.verify = False if skip else ca
        retry = Retry(
            config.get("maxRetries", 2),
            status_forcelist=_FOR_A_MOMENT,
            allowed_methods=None,
            backoff_factor=0.5,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._client = hvac.Client(
            url=address, token=config.get("token"), verify=session.verify, timeout=TIMEOUT, session=session
        )
        if not self._client.token:
            raise ProviderError("no Vault token: set the provider's token, or VAULT_TOKEN")

    def read(self, path: str, namespace: str | None = None) -> dict[str, Any] | None:
        """The data at a path; None if there is none, or no mount."""
        try:
            answer = self._request("GET", path, namespace)
        except exceptions.InvalidPath:
            return None
        return answer["data"] if isinstance(answer, dict) else None

    def write(self, path: str, data: dict[str, Any], namespace: str | None = None) -> None:
        """Writes the data at a path."""
        self._request("POST", path, namespace, json=data)

    def delete(self, path: str, namespace: str | None = None) -> None:
        """Deletes a path. Vault does not report a missing one, but refuses one of a mount that is gone; the
        official provider fails then as well."""
        self._request("DELETE", path, namespace)

    def health(self) -> dict[str, Any]:
        """Vault's `version`, and whether it is `enterprise`. Needs no namespace."""
        well = {"standbycode": "200", "perfstandbyok": "true", "drsecondarycode": "200"}
        answer = self._client.adapter.request("GET", "/v1/sys/health", params=well)
        return answer if isinstance(answer, dict) else {}

    def _request(self, method: str, path: str, namespace: str | None, **kwargs: Any) -> Any:
        full = "/".join(part for part in (self.namespace, namespace) if part)
        headers = {"X-Vault-Namespace": full} if full else None
        return self._client.adapter.request(method, f"/v1/{path}", headers=headers, **kwargs)


def explain(error: Exception) -> str | None:
    """Vault's message."""
    if isinstance(error, exceptions.VaultError):
        return missing_permission(str(error)) or f"Vault refused: {error}"
    if isinstance(error, requests.exceptions.RequestException):
        return f"Vault does not answer: {error}"
    return None


def answered(error: Exception) -> bool:
    """Whether Vault has refused."""
    unknown = (exceptions.InternalServerError, exceptions.BadGateway, requests.exceptions.RequestException)
    return not isinstance(error, unknown)
