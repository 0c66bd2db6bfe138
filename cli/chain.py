"""The links from a workload to a Vault token, one function each; a link that says no raises `Refused`."""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from .aws import session
from .errors import Refused
from .outputs import VaultOutput
from .refusals import vault_meaning, web_identity_hint

AWS_LINK = "AWS identity"
VAULT_LINK = "Vault login"
SERVER_ID_HEADER = "X-Vault-AWS-IAM-Server-ID"
_GET_CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True)
class Credentials:
    """Temporary AWS credentials; the secrets stay out of every repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


@dataclass(frozen=True)
class Caller:
    """Who AWS says the credentials are."""

    account: str
    user_id: str
    arn: str


@dataclass(frozen=True)
class Session:
    """A login that succeeded."""

    caller: Caller
    auth: dict[str, Any] = field(repr=False)
    """Vault's answer: token, accessor, policies, metadata."""


def assume_role_with_web_identity(
    vault: VaultOutput, role_arn: str, token: str, *, session_name: str, allowed: str, issuer: str
) -> Credentials:
    """Exchange a service-account token for the IAM role's credentials, as the AWS SDKs do in a pod."""
    from botocore import UNSIGNED
    from botocore.config import Config

    def explain(code: str) -> str:
        return web_identity_hint(
            code, role=role_arn, token=describe_token(token), allowed=allowed, issuer=issuer
        )

    with _aws(vault, explain):
        answer = _sts(vault, Config(signature_version=UNSIGNED)).assume_role_with_web_identity(
            RoleArn=role_arn,
            # The character set and length that AWS allows.
            RoleSessionName=re.sub(r"[^\w+=,.@-]", "-", session_name, flags=re.ASCII)[:64],
            WebIdentityToken=token,
            DurationSeconds=900,  # the least that AWS gives: the login takes less than a second
        )["Credentials"]
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def caller_identity(vault: VaultOutput, credentials: Credentials) -> Caller:
    """Ask AWS who these credentials are."""
    from botocore.config import Config

    with _aws(vault, lambda _code: "these credentials are not valid at this STS endpoint"):
        answer = _sts(
            vault,
            Config(),
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
        ).get_caller_identity()
    return Caller(answer["Account"], answer["UserId"], answer["Arn"])


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


def vault_login(vault: VaultOutput, role: str, payload: dict[str, str]) -> dict[str, Any]:
    """Hand the signed request to Vault and get its token, or its refusal."""
    with _vault(vault, role):
        answer = _vault_client(vault).adapter.login(
            f"/v1/auth/{vault.mount_path.strip('/')}/login", use_token=False, json={"role": role, **payload}
        )
    return cast("dict[str, Any]", answer["auth"])


def revoke(vault: VaultOutput, token: str) -> None:
    """Give a token back that only served as proof. Its TTL ends it anyway where its policies forbid this."""
    from hvac.exceptions import VaultError

    try:
        _vault_client(vault, token).auth.token.revoke_self()
    except (VaultError, OSError):  # requests' exceptions are OSErrors
        return


def log_in(vault: VaultOutput, role: str, credentials: Credentials, header: str | None) -> Session:
    """The second half of the chain, the same for every kind of workload."""
    caller = caller_identity(vault, credentials)
    return Session(caller, vault_login(vault, role, sign_login(vault, credentials, header)))


def describe_token(token: str) -> str:
    """The claims of a token that a trust policy is about; never the token."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    except (IndexError, ValueError):
        return "not a JSON web token"
    audience = claims.get("aud")
    claims["aud"] = ",".join(audience) if isinstance(audience, list) else audience
    return " ".join(f"{claim}={claims.get(claim)}" for claim in ("iss", "sub", "aud"))


def _sts(vault: VaultOutput, config: Any, **keys: str) -> Any:
    import boto3
    from botocore.config import Config

    client: Any = boto3.Session(botocore_session=session()).client  # its stubs cannot follow **keys
    limits = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2})
    return client(
        "sts",
        endpoint_url=vault.sts_endpoint,
        region_name=vault.sts_region,
        config=limits.merge(config),
        **keys,
    )


@contextmanager
def _aws(vault: VaultOutput, explain: Callable[[str], str]) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise Refused(AWS_LINK, "AWS", str(error), code, explain(code)) from error
    except BotoCoreError as error:
        raise Refused(
            AWS_LINK,
            None,
            str(error),
            "unreachable",
            f"can this machine reach {vault.sts_endpoint} (proxy, DNS, VPC endpoint, AWS_CA_BUNDLE)?",
        ) from error


def _vault_client(vault: VaultOutput, token: str = "") -> Any:
    import hvac

    # An empty token keeps hvac from taking VAULT_TOKEN or ~/.vault-token: a login must stand on its own.
    # VAULT_CACERT, VAULT_CAPATH and the client certificate's variables are read by hvac itself.
    verify = False if os.environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true") else None
    return hvac.Client(
        url=vault.address, token=token, namespace=vault.namespace or None, verify=verify, timeout=30
    )


@contextmanager
def _vault(vault: VaultOutput, role: str) -> Iterator[None]:
    import requests
    from hvac.exceptions import VaultError

    def failed(error: Exception, code: str, hint: str) -> Refused:
        return Refused(VAULT_LINK, None, f"{vault.address}: {_innermost(error)}", code, hint)

    try:
        yield
    except VaultError as error:
        words = "; ".join(error.errors or []) or (error.text or str(error)).strip()[:500]
        code, hint = vault_meaning(words, mount=vault.mount_path.strip("/"), role=role)
        raise Refused(VAULT_LINK, "Vault", words, code, hint) from error
    except requests.exceptions.SSLError as error:
        raise failed(error, "tls", "VAULT_CACERT must name the CA that signed its certificate") from error
    except requests.RequestException as error:
        hint = "is Vault running there, and reachable from here? --vault-address names another way to it"
        raise failed(error, "unreachable", hint) from error
    except OSError as error:  # how requests says that a file of certificates is missing
        raise failed(error, "tls", "VAULT_CACERT (or VAULT_CAPATH) must name an existing file") from error


def _innermost(error: BaseException) -> str:
    """The cause at the bottom of a connection error; the layers above it only repeat the URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
