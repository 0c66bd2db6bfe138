"""The sandbox's own parts, asked as their administrator: JSON over HTTP and nothing more.

To import their client libraries would take longer than what a command asks of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

from sandbox.home import Home, SandboxError


@dataclass(frozen=True)
class Api:
    """An address, and who asks there."""

    url: str
    pool: urllib3.PoolManager
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(
        self,
        method: str,
        path: str,
        body: str | None,
        headers: Mapping[str, str],
        accepted: Collection[int] = (),
        seconds: float = 10,
    ) -> urllib3.BaseHTTPResponse:
        """The answer. Raises SandboxError unless it is a success, or one of the accepted statuses."""
        sent = {**self.headers, **headers}
        answer = self.pool.request(method, self.url + path, body=body, headers=sent, timeout=seconds)
        if answer.status >= 400 and answer.status not in accepted:
            told = answer.data.decode(errors="replace").strip()[:500]
            raise SandboxError(f"{method} {self.url}{path} was refused ({answer.status}): {told}")
        return answer

    def request(
        self, method: str, path: str, body: Any = None, accepted: Collection[int] = (), seconds: float = 10
    ) -> urllib3.BaseHTTPResponse:
        """The same for a body that is JSON."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        text = None if body is None else json.dumps(body)
        return self.send(method, path, text, {"Content-Type": kind}, accepted, seconds)

    def get(self, path: str, **query: str) -> Any:
        """What there is; None where there is nothing."""
        answer = self.request("GET", path + (f"?{urlencode(query)}" if query else ""), accepted=(404,))
        return None if answer.status == 404 else answer.json()


def kubernetes(home: Home, user: str = "kubernetes-admin") -> Api:
    """The Kubernetes API, as the user of a certificate."""
    return Api(home.kubernetes_url, _pool(home, user))


def vault(home: Home, address: str = "", *, token: bool = True) -> Api:
    """Vault itself, or by its address the stand-in before it; as root, or as nobody."""
    headers = {"X-Vault-Token": home.vault_keys()["root_token"]} if token else {}
    return Api(f"{address or home.vault_url}/v1/", _pool(home), headers)


def etcd(home: Home) -> Api:
    """The database of the Kubernetes API."""
    return Api(f"https://127.0.0.1:{home.ports['etcd']}", _pool(home, "etcd"))


def emulator(home: Home) -> Api:
    """The emulated AWS, where it asks for no signature."""
    return Api(home.emulator_url, _pool(home))


def _pool(home: Home, user: str | None = None) -> urllib3.PoolManager:
    certificate, key = (str(home.root / "pki" / f"{user}.{end}") if user else None for end in ("crt", "key"))
    authority = str(home.ca_certificate)
    return urllib3.PoolManager(ca_certs=authority, cert_file=certificate, key_file=key, retries=False)
