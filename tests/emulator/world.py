"""A real emulator process with an issuer whose key the tests hold."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.ports import free_port

_boto3: Any = boto3  # its stubs want a literal service name
REPOSITORY = Path(__file__).parents[2]
PRIMARY, SECONDARY, STRANGER = "111111111111", "222222222222", "333333333333"
REGION = "us-east-1"
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:default:vault-auth"


class Issuer:
    """Signs service-account tokens as a cluster does."""

    def __init__(self, key_id: str = "key-1") -> None:
        self.key_id = key_id
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.key_id, "alg": "RS256", "use": "sig"}]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": [AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            **changes,
        }

    def signed(self, payload: bytes) -> str:
        return jwt.api_jws.encode(payload, self.key, algorithm="RS256", headers={"kid": self.key_id})

    def token(self, **changes: Any) -> str:
        return self.signed(json.dumps(self.claims(**changes)).encode())


class Emulator:
    """The process, and clients for it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.issuer = Issuer()
        self._clients: dict[tuple[str, ...], Any] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.publish(ISSUER, self.issuer.jwks())
        cluster = {
            "endpoint": "https://127.0.0.1:6443",
            "certificate_authority": base64.b64encode(b"a CA").decode(),
            "issuer": ISSUER,
        }
        (home / "cluster.json").write_text(json.dumps(cluster))

    @contextlib.contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Clusters created meanwhile have fictitious endpoints, however many they are."""
        described, hidden = self.home / "cluster.json", self.home / "hidden.json"
        described.rename(hidden)
        yield
        hidden.rename(described)

    def publish(self, issuer: str, jwks: dict[str, Any]) -> None:
        keys = self.home / f"jwks-{abs(hash(issuer))}.json"
        keys.write_text(json.dumps(jwks))
        self.place(issuer, {"jwks_uri": keys.as_uri()})

    def place(self, issuer: str, location: dict[str, str]) -> None:
        """Says what stands for an issuer."""
        file = self.home / "issuers.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, issuer: location}))

    def start(self, *options: str) -> None:
        # It ends with this process, even if that is killed.
        command = [sys.executable, "-m", "sandbox.lifetime", "sandbox.aws", "--home", str(self.home)]
        command += ["--port", str(self.port), *options]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while self.get("/sandbox/health")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"the emulator does not start: {self.process.stderr.read()!r}")  # type: ignore[union-attr]
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def keys(self, account: str = PRIMARY) -> dict[str, str]:
        key = json.loads((self.home / "credentials.json").read_text())[account]
        return {
            "aws_access_key_id": key["access_key_id"],
            "aws_secret_access_key": key["secret_access_key"],
        }

    def client(self, service: str, keys: dict[str, str] | None = None, region: str = REGION) -> Any:
        """A client, kept for the next time: making one costs more than most calls."""
        found = keys or self.keys()
        name = (service, region, *found.values())
        if name not in self._clients:
            self._clients[name] = self.new_client(service, found, region)
        return self._clients[name]

    def new_client(self, service: str, keys: dict[str, str], region: str = REGION) -> Any:
        """A client of its own, for a test that changes it."""
        config = Config(retries={"total_max_attempts": 1})
        return _boto3.client(service, endpoint_url=self.url, region_name=region, config=config, **keys)

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, str]:
        request = urllib.request.Request(f"{self.url}{path}", body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def log(self) -> str:
        return (self.home / "emulator.log").read_text()


def as_keys(credentials: dict[str, Any]) -> dict[str, str]:
    """Credentials of an STS answer as a client takes them."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def document(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: Any, action: str | list[str] = "sts:AssumeRole", **more: Any) -> str:
    """A trust policy of one statement."""
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def session_of(
    emulator: Emulator, role: str, keys: dict[str, str] | None = None, **more: Any
) -> dict[str, str]:
    """The keys of a session of a role, assumed by the administrator unless other keys are given."""
    sts = emulator.client("sts", keys)
    answer = sts.assume_role(**{"RoleArn": role, "RoleSessionName": "tester", **more})
    return as_keys(answer["Credentials"])


def make_role(emulator: Emulator, name: str, trusted: str, account: str = PRIMARY, **more: Any) -> str:
    """A role; its ARN."""
    iam = emulator.client("iam", emulator.keys(account))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **more)
    return str(role["Role"]["Arn"])


def make_user(emulator: Emulator, name: str, policy: str | None = None) -> dict[str, str]:
    """A user with an inline policy; its keys."""
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def root(account: str) -> dict[str, str]:
    """The principal that stands for a whole account."""
    return {"AWS": f"arn:aws:iam::{account}:root"}


def allow(action: str | list[str], resource: str = "*", **more: Any) -> str:
    """An identity policy of one Allow statement."""
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def error_of(call: Any, /, **arguments: Any) -> tuple[str, str]:
    """Code and message of the refusal of a client's call."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
