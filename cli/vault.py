"""Vault as this command meets it: the login, and what can be asked about it."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from .aws import Credentials
from .errors import Refused
from .outputs import VaultOutput
from .refusals import vault_meaning

LINK = "Vault login"
RENEWAL = "token renewal"
SERVER_ID_HEADER = "X-Vault-AWS-IAM-Server-ID"
_GET_CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


def sign_login(vault: VaultOutput, credentials: Credentials, header: str | None) -> dict[str, str]:
    """The login's payload: a signed sts:GetCallerIdentity request, which Vault sends to AWS in our place."""
    import botocore.credentials
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest(
        method="POST",
        # The path is explicit because the signature covers it, and Vault repeats exactly this URL's path.
        url=vault.sts_endpoint.rstrip("/") + "/",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        data=_GET_CALLER_IDENTITY,
    )
    if header:
        request.headers[SERVER_ID_HEADER] = header
    keys = botocore.credentials.Credentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    SigV4Auth(keys, "sts", vault.sts_region).add_auth(request)
    return {
        "iam_http_request_method": "POST",
        "iam_request_url": _b64(str(request.url)),
        "iam_request_body": _b64(_GET_CALLER_IDENTITY),
        "iam_request_headers": _b64(json.dumps({name: [value] for name, value in request.headers.items()})),
    }


def login(vault: VaultOutput, role: str, payload: dict[str, str]) -> dict[str, Any]:
    """Hand the signed request to Vault and get its token, or its refusal."""
    with _asking(vault, role, LINK):
        answer = _client(vault).adapter.login(
            f"/v1/auth/{vault.mount_path.strip('/')}/login", use_token=False, json={"role": role, **payload}
        )
    return cast("dict[str, Any]", answer["auth"])


def revoke(vault: VaultOutput, token: str) -> None:
    """Give a token back that only served as proof. Its TTL ends it anyway where its policies forbid this."""
    from hvac.exceptions import VaultError

    try:
        _client(vault, token).auth.token.revoke_self()
    except (VaultError, OSError):  # requests' exceptions are OSErrors
        return


def renew(vault: VaultOutput, token: str, seconds: int) -> int:
    """Have the token renewed by itself, for so long; the seconds that Vault gives."""
    with _asking(vault, "", RENEWAL):
        answer = _client(vault, token).auth.token.renew_self(increment=f"{seconds}s")
    return int(answer["auth"]["lease_duration"])


def period(vault: VaultOutput, token: str) -> tuple[int, int]:
    """The seconds that each renewal gives a periodic token, and those it has in all; 0 where it is not so."""
    with _asking(vault, "", RENEWAL):
        found = _client(vault, token).auth.token.lookup_self()["data"]
    return int(found.get("period") or 0), int(found.get("explicit_max_ttl") or 0)


def health(vault: VaultOutput) -> dict[str, Any]:
    """What Vault says of itself to everybody; `Refused` only if it cannot be asked."""
    # Only the root namespace has this path; in any other one Vault answers 404.
    root = vault.model_copy(update={"namespace": None})
    with _asking(vault, "", "Vault"):
        answer = _client(root).adapter.get(
            # Of every state the same status: it is in the answer.
            "/v1/sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"
            "&drsecondarycode=200"
        )
    return cast("dict[str, Any]", answer if isinstance(answer, dict) else answer.json())


def own_token() -> str:
    """The token of whoever runs this command, empty if there is none."""
    return os.environ.get("VAULT_TOKEN", "")


def read(vault: VaultOutput, path: str, link: str) -> dict[str, Any] | None:
    """What is at `path`, read with VAULT_TOKEN; None if there is nothing."""
    from hvac.exceptions import InvalidPath

    with _asking(vault, "", link):
        try:
            answer = _client(vault, own_token()).adapter.get(f"/v1/{path}")
        except InvalidPath:
            return None
    return cast("dict[str, Any]", answer["data"])


def _client(vault: VaultOutput, token: str = "") -> Any:
    import hvac

    # An empty token keeps hvac from taking VAULT_TOKEN or ~/.vault-token: a login must stand on its own.
    # VAULT_CACERT, VAULT_CAPATH and the client certificate's variables are read by hvac itself.
    verify = False if os.environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true") else None
    return hvac.Client(
        url=vault.address, token=token, namespace=vault.namespace or None, verify=verify, timeout=30
    )


@contextmanager
def _asking(vault: VaultOutput, role: str, link: str) -> Iterator[None]:
    import requests
    from hvac.exceptions import VaultError

    def failed(error: Exception, code: str, hint: str) -> Refused:
        return Refused(link, None, f"{vault.address}: {innermost(error)}", code, hint)

    try:
        yield
    except VaultError as error:
        words = "; ".join(map(str.strip, error.errors or [])) or (error.text or str(error)).strip()[:500]
        code, hint = vault_meaning(
            words,
            mount=vault.mount_path.strip("/"),
            role=role,
            region=vault.sts_region,
            endpoint=vault.sts_endpoint,
        )
        raise Refused(link, "Vault", words, code, hint) from error
    except requests.exceptions.SSLError as error:
        raise failed(error, "tls", "VAULT_CACERT must name the CA that signed its certificate") from error
    except requests.RequestException as error:
        hint = "is Vault running there, and reachable from here? --vault-address names another way to it"
        raise failed(error, "unreachable", hint) from error
    except OSError as error:  # how requests says that a file of certificates is missing
        raise failed(error, "tls", "VAULT_CACERT (or VAULT_CAPATH) must name an existing file") from error


def innermost(error: BaseException) -> str:
    """The cause at the bottom of a connection error; the layers above it only repeat the URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
