"""Many pods that log in side by side, each with two requests: its own to STS, and then Vault's.

Plain HTTP, so that hundreds of threads cost the machine little beside the emulator.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.emulator.world import AUDIENCE, ISSUER, PRIMARY, REGION, Emulator, make_role, trust

PROVIDER = f"arn:aws:iam::{PRIMARY}:oidc-provider/{ISSUER.removeprefix('https://')}"
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


def prepare(emulator: Emulator) -> str:
    """The issuer registered, and a role for its pods; the role's ARN."""
    emulator.client("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    return make_role(emulator, "pods", trust({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity"))


def assume(emulator: Emulator, role: str, name: str) -> Credentials:
    """The credentials that a pod gets for its token."""
    token = emulator.issuer.token()
    fields = {"RoleArn": role, "RoleSessionName": name, "WebIdentityToken": token}
    body = urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **fields})
    answer = _post(emulator, body, _FORM)
    keys = (
        re.search(f"<{k}>(.+?)</{k}>", answer) for k in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    )
    return Credentials(*(found[1] for found in keys if found))


def prove(emulator: Emulator, credentials: Credentials) -> str:
    """The ARN that STS gives to Vault, which sends on what the pod has signed."""
    headers = {**_FORM, "X-Vault-AWS-IAM-Server-ID": "vault.example.com"}
    request = AWSRequest("POST", f"{emulator.url}/", data=_CALLER_IDENTITY, headers=headers)
    SigV4Auth(credentials, "sts", REGION).add_auth(request)
    answer = _post(emulator, _CALLER_IDENTITY, dict(request.headers.items()))
    found = re.search("<Arn>(.+?)</Arn>", answer)
    return found[1] if found else answer


def log_in(emulator: Emulator, role: str, name: str) -> None:
    """Both steps of one pod."""
    arn = prove(emulator, assume(emulator, role, name))
    if not arn.endswith(f":assumed-role/pods/{name}"):
        raise AssertionError(f"{name} was taken for {arn}")


def errors_of(work: Callable[[Any], object], items: Iterable[Any], threads: int) -> list[Exception]:
    """Does the work for every item, so many at a time; what went wrong."""

    def attempt(item: Any) -> Exception | None:
        try:
            work(item)
        except Exception as error:
            return error
        return None

    with ThreadPoolExecutor(threads) as pool:
        return [error for error in pool.map(attempt, items) if error]


def _post(emulator: Emulator, body: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=60)
    try:
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        raise AssertionError(text)
    return text
