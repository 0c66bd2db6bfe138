"""What the command asks of Vault: logins, tokens, health and configuration."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from .aws import THROTTLED, UNAVAILABLE, Caller, Credentials, caller_identity
from .errors import Refused
from .outputs import VaultOutput
from .refusals import UNKNOWN, vault_meaning

LINK = "Vault login"
RENEWAL = "token renewal"
SERVER_ID_HEADER = "X-Vault-AWS-IAM-Server-ID"
_GET_CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True)
class Session:
    """A login that succeeded."""

    caller: Caller
    auth: dict[str, Any] = field(repr=False)
    """Vault's answer: token, accessor, policies, metadata."""


def log_in(vault: VaultOutput, role: str, credentials: Credentials, header: str | None) -> Session:
    """Log in to a Vault role with AWS credentials; raises `Refused` if AWS or Vault refuses them."""
    caller = caller_identity(vault, credentials)
    return Session(caller, login(vault, role, sign_login(vault, credentials, header)))


def sign_login(vault: VaultOutput, credentials: Credentials, header: str | None) -> dict[str, str]:
    """The login's payload: a signed sts:GetCallerIdentity request that Vault forwards to AWS."""
    import botocore.credentials
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest(
        method="POST",
        # The signature covers the path, and Vault forwards exactly this URL's path: so write it out.
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
    """Send the signed request to Vault. Returns its `auth` block; raises `Refused`."""
    with _asking(vault, role, LINK):
        answer = _client(vault).adapter.login(
            f"/v1/auth/{vault.mount_path.strip('/')}/login", use_token=False, json={"role": role, **payload}
        )
        auth: dict[str, Any] = {**answer["auth"]}
        _ = auth["client_token"], auth["policies"]
    return auth


def revoke(vault: VaultOutput, token: str) -> None:
    """Revoke a token that only served as proof. If its policies forbid that, it ends with its TTL."""
    from hvac.exceptions import VaultError

    try:
        _client(vault, token).auth.token.revoke_self()
    except (VaultError, OSError):  # requests' exceptions are OSErrors
        return


def renew(vault: VaultOutput, token: str, seconds: int) -> int:
    """Renew the token for so many seconds. Returns the seconds that Vault grants."""
    with _asking(vault, "", RENEWAL):
        answer = _client(vault, token).auth.token.renew_self(increment=f"{seconds}s")
        return int(answer["auth"]["lease_duration"])


def period(vault: VaultOutput, token: str) -> tuple[int, int]:
    """The token's period and its explicit maximum TTL, in seconds; 0 if it has none."""
    with _asking(vault, "", RENEWAL):
        found = _client(vault, token).auth.token.lookup_self()["data"]
        return int(found.get("period") or 0), int(found.get("explicit_max_ttl") or 0)


def health(vault: VaultOutput) -> dict[str, Any]:
    """Vault's health, which needs no token; raises `Refused` only if Vault does not answer."""
    # Only the root namespace has this path; Vault answers 404 in any other.
    root = vault.model_copy(update={"namespace": None})
    with _asking(vault, "", "Vault"):
        answer = _client(root).adapter.get(
            # The same status for every state: the state is in the answer.
            "/v1/sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"
            "&drsecondarycode=200"
        )
        found = answer if isinstance(answer, dict) else answer.json()
        _ = found["version"]
    return cast("dict[str, Any]", found)


def own_token() -> str:
    """The user's own token, from VAULT_TOKEN. Empty if it is not set."""
    return os.environ.get("VAULT_TOKEN", "")


def read(vault: VaultOutput, path: str, link: str) -> dict[str, Any] | None:
    """Read `path` with VAULT_TOKEN. None if there is nothing."""
    from hvac.exceptions import InvalidPath

    with _asking(vault, "", link):
        try:
            answer = _client(vault, own_token()).adapter.get(f"/v1/{path}")
            return {**answer["data"]}
        except InvalidPath:
            return None


def _client(vault: VaultOutput, token: str = "") -> Any:
    import hvac

    # An empty token keeps hvac from using VAULT_TOKEN or ~/.vault-token: a login must work without them.
    # VAULT_CACERT, VAULT_CAPATH and the client certificate's variables are read by hvac itself.
    verify = False if os.environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true") else None
    return hvac.Client(
        url=vault.address, token=token, namespace=vault.namespace or None, verify=verify, timeout=30
    )


@contextmanager
def _asking(vault: VaultOutput, role: str, link: str) -> Iterator[None]:
    import requests
    from hvac.exceptions import BadGateway, RateLimitExceeded, VaultDown, VaultError

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
        busy = {RateLimitExceeded: THROTTLED, BadGateway: UNAVAILABLE, VaultDown: UNAVAILABLE}.get(
            type(error)
        )
        if code == UNKNOWN and busy:
            hint = "Vault is busy or out of order, which says nothing about this login: try again later"
            raise Refused(link, None, words, busy, hint) from error
        raise Refused(link, "Vault", words, code, hint) from error
    except (KeyError, TypeError, AttributeError, requests.exceptions.JSONDecodeError) as error:
        hint = "something else answers there, such as a proxy; --vault-address takes another URL for Vault"
        raise Refused(link, None, f"{vault.address}: its answer is not Vault's", "not-vault", hint) from error
    except UnicodeEncodeError as error:
        hint = "VAULT_TOKEN must be the token alone, as `vault print token` shows it"
        raise Refused(link, None, "VAULT_TOKEN has characters that no token has", "token", hint) from error
    except requests.exceptions.SSLError as error:
        raise failed(error, "tls", "VAULT_CACERT must name the CA that signed its certificate") from error
    except requests.RequestException as error:
        hint = "is Vault running and reachable from here? --vault-address takes another URL for it"
        raise failed(error, "unreachable", hint) from error
    except ValueError as error:
        hint = "--vault-address takes another URL, e.g. https://vault.example.com:8200"
        raise failed(error, "no-url", hint) from error
    except OSError as error:  # requests raises it if a certificate file is missing
        raise failed(error, "tls", "VAULT_CACERT (or VAULT_CAPATH) must name an existing file") from error


def innermost(error: BaseException) -> str:
    """The root cause of a connection error; the layers above it only repeat the URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
