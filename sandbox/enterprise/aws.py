"""Gives the real Vault a federated identity: an AWS endpoint that signs its requests again.

For each federated mount, Vault is configured with a key pair of the stand-in, and with this endpoint for AWS.
Requests signed with such a key are signed again, with the credentials that the mount's identity token was
exchanged for. All others (a login's sts:GetCallerIdentity, a session of another account) are forwarded
unchanged.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from werkzeug.wrappers import Request, Response

from sandbox.aws import sigv4
from sandbox.aws.errors import AwsError, error_response
from sandbox.enterprise.issuer import Signer, url
from sandbox.enterprise.state import State
from sandbox.home import Home

_RENEW_SECONDS = 300
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


class FederatedAws:
    """The endpoint, a WSGI application."""

    def __init__(self, home: Home, state: State, signer: Signer, accessor: Callable[[str], str]) -> None:
        self._home = home
        self._state = state
        self._signer = signer
        self._accessor = accessor
        self._given: dict[str, tuple[float, Credentials]] = {}
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def forget(self, mount: str) -> None:
        """Drops a mount's credentials after its identity changed; the next request fetches new ones."""
        with self._lock:
            self._given.pop(mount, None)

    def _answer(self, request: Request) -> Response:
        path, _, query = str(request.environ.get("RAW_URI") or request.path).partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.get_data()
        service = "sts"
        try:
            http = sigv4.HttpRequest(request.method, path, query, headers, body)
            signature = sigv4.read(http)
            service = signature.service if signature else service
            mount = self._state.mount_of_key(signature.access_key_id) if signature else None
            if signature and mount:
                known = self._state.mount(mount) or {}
                sigv4.verify(http, signature, known["secret_key"], datetime.now(timezone.utc))
                kept = {"content-type": headers.get("content-type", "")}
                target = f"{self._home.emulator_url}{path}" + (f"?{query}" if query else "")
                fresh = AWSRequest(request.method, target, data=body, headers=kept)
                SigV4Auth(self._credentials(mount), service, signature.region).add_auth(fresh)
                headers = dict(fresh.headers.items())
        except AwsError as error:
            return error_response(service, error)
        except ClientError as error:  # STS refused the identity token; Vault shows the reason
            said = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return error_response(service, AwsError(said["Code"], said["Message"], status))
        answer = self._session.request(
            request.method,
            f"{self._home.emulator_url}{path}" + (f"?{query}" if query else ""),
            data=body,
            headers={name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP},
            timeout=60,
        )
        passed = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        return Response(answer.content, answer.status_code, passed)

    def _credentials(self, mount: str) -> Credentials:
        with self._lock:
            expires, credentials = self._given.get(mount, (0.0, None))
            if credentials is None or expires - time.time() < _RENEW_SECONDS:
                # Read here, because `forget` follows a change: it also drops credentials of the older
                # identity.
                known = self._state.mount(mount)
                if known is None:
                    raise AwsError(
                        "InvalidClientTokenId", "The security token included in the request is invalid."
                    )
                expires, credentials = self._exchange(mount, known)
                self._given[mount] = (expires, credentials)
            return credentials

    @cached_property
    def _sts(self) -> Any:
        connect: Any = boto3.client
        return connect(
            "sts",
            endpoint_url=self._home.emulator_url,
            region_name=self._home.region,
            config=Config(signature_version=UNSIGNED, proxies={}, retries={"max_attempts": 1}),
        )

    def _exchange(self, mount: str, known: dict[str, Any]) -> tuple[float, Credentials]:
        """Exchanges a plugin identity token for the role's credentials, as Enterprise does."""
        given, namespace = known["given"], known["namespace"]
        kind = "auth" if mount.startswith("auth/") else "secret"
        issuer = url(self._state.issuer(namespace) or self._home.vault_address, namespace)
        subject = f"plugin-identity:{self._state.namespace_id(namespace)}:{kind}:{self._accessor(mount)}"
        seconds = int(given.get("identity_token_ttl") or 3600)
        token = self._signer.token(issuer, subject, given["identity_token_audience"], seconds)
        answer = self._sts.assume_role_with_web_identity(
            RoleArn=given["role_arn"],
            RoleSessionName=f"vault-aws-{'auth' if kind == 'auth' else 'secrets'}-{time.time_ns()}",
            WebIdentityToken=token,
        )["Credentials"]
        credentials = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        return answer["Expiration"].timestamp(), credentials
