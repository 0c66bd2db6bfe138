"""Many pods that log in to the real Vault at the same moment, each with a token of its own.

A pod asks the cluster for a token, STS for the credentials of its role, signs sts:GetCallerIdentity and sends
that to Vault, which asks STS who it is: four requests, two of them to the emulated AWS.
"""

from __future__ import annotations

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox import api
from sandbox.home import Home
from sandbox.processes import Processes
from tests.bench.everyday import new_sandbox
from tests.bench.rows import ERRORS, RATE, Report, Row

AT_ONCE = 200

_TOKENS = "/api/v1/namespaces/default/serviceaccounts/vault-auth/token"
_ROLE = "arn:aws:iam::111111111111:role/vault-auth"
_VAULT_ROLE = "dev-role-iam2"
_SERVER_ID = {"X-Vault-AWS-IAM-Server-ID": "vault.example.com"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_CALLER_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"
_SECONDS = 120


@dataclass
class Logins:
    """What came of logging in at once."""

    count: int
    errors: list[str] = field(default_factory=list)
    seconds: float = 0
    """On the clock, from the first request to the last answer."""
    cpu: dict[str, float] = field(default_factory=dict)
    """CPU seconds by process: those of the sandbox, and `pods`, which are this one."""

    @property
    def per_second(self) -> float:
        return (self.count - len(self.errors)) / self.seconds


def rows(report: Report) -> None:
    """Many at once, twice: the second time the emulated AWS has the sessions of the first."""
    with new_sandbox() as bench:
        bench.sandbox("up", "--no-logins")
        for run in ("", ", again"):
            found = concurrent_logins(bench.home.root, AT_ONCE)
            report(Row(f"{AT_ONCE} logins at once{run}: failed", len(found.errors), ERRORS, 0))
            report(Row(f"{AT_ONCE} logins at once{run}", found.per_second, RATE, 40))


def concurrent_logins(folder: Path, count: int = 200) -> Logins:
    """Logs in as pod `vault-auth` of stack local, `count` times at once, in the sandbox in `folder`."""
    home = Home(folder)
    found = Logins(count)
    start = Barrier(count + 1)

    def attempt(number: int) -> str | None:
        start.wait()
        try:
            _log_in(home, f"pod-{number}")
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    servers = Processes(home).running()
    before = _cpu(servers)
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(attempt, number) for number in range(count)]
        start.wait()
        began = time.perf_counter()
        answers = [future.result() for future in waiting]
        found.seconds = time.perf_counter() - began
    found.cpu = {name: burnt - before[name] for name, burnt in _cpu(servers).items()}
    found.errors = [answer for answer in answers if answer]
    return found


def _log_in(home: Home, name: str) -> None:
    wanted = {"spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600}}
    made = api.kubernetes(home).request("POST", _TOKENS, wanted, seconds=_SECONDS).json()
    url = f"{home.emulator_url}/"
    fields = {"RoleArn": _ROLE, "RoleSessionName": name, "WebIdentityToken": made["status"]["token"]}
    body = urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **fields})
    assumed = api.emulator(home).send("POST", "/", body, _FORM, seconds=_SECONDS).data.decode()
    keys = (
        re.search(f"<{k}>(.+?)</{k}>", assumed) for k in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    )
    request = AWSRequest("POST", url, data=_CALLER_IDENTITY, headers={**_FORM, **_SERVER_ID})
    credentials = Credentials(*(found[1] for found in keys if found))
    SigV4Auth(credentials, "sts", home.region).add_auth(request)
    signed = {
        "role": _VAULT_ROLE,
        "iam_http_request_method": "POST",
        "iam_request_url": _encoded(url),
        "iam_request_body": _encoded(_CALLER_IDENTITY),
        "iam_request_headers": _encoded(json.dumps({k: [v] for k, v in request.headers.items()})),
    }
    login = api.vault(home, token=False).request("POST", "auth/aws/login", signed, seconds=_SECONDS)
    if not login.json()["auth"]["client_token"]:
        raise ValueError(f"Vault gave {name} no token")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _cpu(servers: dict[str, psutil.Process]) -> dict[str, float]:
    watched = {**servers, "pods": psutil.Process()}
    times = {name: process.cpu_times() for name, process in watched.items()}
    return {name: time.user + time.system for name, time in times.items()}
