"""Administrator's requests to the sandbox's servers: plain JSON over HTTP.

Importing their client libraries would take longer than all the requests of a command; `aws` is for the few
commands that ask IAM and EKS for much.
"""

import json
import sys
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3

from sandbox.environment import PRIMARY_ACCOUNT
from sandbox.home import Home, SandboxError

if TYPE_CHECKING:
    from sandbox.control_planes import ControlPlane


@dataclass(frozen=True)
class Api:
    """A server, and the credentials to use there."""

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
        """The answer. Raises SandboxError if there is none, or if it is an error that is not `accepted`."""
        sent = {**self.headers, **headers}
        try:
            answer = self.pool.request(method, self.url + path, body=body, headers=sent, timeout=seconds)
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(
                f"{method} {self.url}{path} has no answer: {error}. `python -m sandbox status` shows what "
                f"runs; `stop`, then `start`, starts it again"
            ) from error
        if answer.status >= 400 and answer.status not in accepted:
            reason = answer.data.decode(errors="replace").strip()[:500]
            raise SandboxError(f"{method} {self.url}{path} was refused ({answer.status}): {reason}")
        return answer

    def request(
        self, method: str, path: str, body: Any = None, accepted: Collection[int] = (), seconds: float = 10
    ) -> urllib3.BaseHTTPResponse:
        """`send`, with a JSON body."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        text = None if body is None else json.dumps(body)
        return self.send(method, path, text, {"Content-Type": kind}, accepted, seconds)

    def get(self, path: str, **query: str) -> Any:
        """The decoded answer; None if nothing is there."""
        answer = self.request("GET", path + (f"?{urlencode(query)}" if query else ""), accepted=(404,))
        return None if answer.status == 404 else answer.json()


def kubernetes(home: Home, plane: "ControlPlane | None" = None) -> Api:
    """The API of a control plane, by default the first, as its administrator."""
    authority = plane.ca_certificate if plane else None
    return Api(plane.url if plane else home.kubernetes_url, _pool(home, "kubernetes-admin", authority))


def vault(home: Home, address: str = "", *, token: bool = True) -> Api:
    """Vault, or the stand-in at `address`; as root, or without a token."""
    headers = {"X-Vault-Token": home.vault_keys()["root_token"]} if token else {}
    return Api(f"{address or home.vault_url}/v1/", _pool(home), headers)


def etcd(home: Home) -> Api:
    """etcd, the database of the Kubernetes API."""
    return Api(f"https://127.0.0.1:{home.ports['etcd']}", _pool(home, "etcd"))


def emulator(home: Home) -> Api:
    """The emulated AWS, for requests that need no signature."""
    return Api(home.emulator_url, _pool(home))


def signed(home: Home, service: str, query: str) -> str:
    """The emulated AWS's answer to the administrator, in XML; asked for again if it fails, as by any client.

    Without a client, because EC2's would read the largest of all service models.
    """
    for pause in _PAUSES:
        with suppress(SandboxError):
            return _signed(home, service, query)
        time.sleep(pause)
    return _signed(home, service, query)


_PAUSES = (0.2, 0.5, 1, 2)  # seconds


def _signed(home: Home, service: str, query: str) -> str:
    from botocore.auth import SigV4Auth  # these three take as long as the rest of a command's imports
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    key = home.credentials()[PRIMARY_ACCOUNT]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{home.emulator_url}/", headers=headers, data=query)
    credentials = Credentials(key["access_key_id"], key["secret_access_key"])
    SigV4Auth(credentials, service, home.region).add_auth(request)
    return emulator(home).send("POST", "/", query, dict(request.headers.items())).data.decode()


def aws(home: Home, service: str, account: str = PRIMARY_ACCOUNT, region: str = "") -> Any:
    """botocore's client of a service of the emulated AWS, as the administrator of an account; by default in
    the sandbox's region."""
    from botocore.config import Config

    key = home.credentials()[account]
    return _session().create_client(
        service,
        region or home.region,
        endpoint_url=home.emulator_url,
        aws_access_key_id=key["access_key_id"],
        aws_secret_access_key=key["secret_access_key"],
        config=Config(proxies={}, retries={"max_attempts": 2}, connect_timeout=5, read_timeout=20),
    )


def aws_errors() -> tuple[type[Exception], ...]:
    """How a client of the emulated AWS fails, if this process has one."""
    known: Any = sys.modules.get("botocore.exceptions")
    return (known.ClientError, known.BotoCoreError) if known else ()


@cache
def _session() -> Any:
    """One for all clients, because it reads the services' models once."""
    import botocore.loaders
    import botocore.session

    # Not also the user's own models, in ~/.aws.
    botocore.loaders.Loader.CUSTOMER_DATA_PATH = botocore.loaders.Loader.BUILTIN_DATA_PATH
    return botocore.session.get_session()


def _pool(home: Home, user: str | None = None, authority: Path | None = None) -> urllib3.PoolManager:
    certificate, key = map(str, home.key_pair(user)) if user else (None, None)
    trusted = str(authority or home.ca_certificate)
    return urllib3.PoolManager(ca_certs=trusted, cert_file=certificate, key_file=key, retries=False)
