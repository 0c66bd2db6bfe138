"""Faults that were asked for: a service refuses in its own words, or gives no answer, until told not to."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectionError, HTTPClientError

from tests.emulator.world import PRIMARY, Emulator, error_of, root, trust


def ask(emulator: Emulator, *faults: Any) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    return emulator.get("/sandbox/faults", "PUT", headers, json.dumps(faults).encode())


@pytest.fixture(autouse=True)
def no_faults_afterwards(emulator: Emulator) -> Iterator[None]:
    yield
    assert ask(emulator)[0] == 200


CALLS = {
    "iam": ("list_roles", {}),
    "sts": ("get_caller_identity", {}),
    "ec2": ("describe_instances", {}),
    "eks": ("list_clusters", {}),
    "ssm": ("get_parameter", {"Name": "x"}),
}


def call(emulator: Emulator, service: str) -> Any:
    name, arguments = CALLS[service]
    return getattr(emulator.client(service), name)(**arguments)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("iam", "Throttling"),
        ("sts", "Throttling"),
        ("ec2", "RequestLimitExceeded"),
        ("eks", "ThrottlingException"),
        ("ssm", "ThrottlingException"),
    ],
)
def test_too_many_requests_are_refused_with_the_services_own_code(
    emulator: Emulator, service: str, code: str
) -> None:
    assert ask(emulator, {"kind": "throttle"})[0] == 200
    assert error_of(call, emulator=emulator, service=service)[0] == code


def test_a_fault_is_of_one_service_where_it_names_one(emulator: Emulator) -> None:
    ask(emulator, {"kind": "error", "service": "iam"})
    assert error_of(call, emulator=emulator, service="iam")[0] == "InternalFailure"
    assert call(emulator, "sts")["Account"] == PRIMARY


def test_a_share_of_the_requests_fails(emulator: Emulator) -> None:
    ask(emulator, {"kind": "throttle", "service": "sts", "share": 0.5})
    refused = 0
    for _ in range(60):
        try:
            call(emulator, "sts")
        except ClientError:
            refused += 1
    assert 10 < refused < 50


@pytest.mark.parametrize(("kind", "is_done"), [("reset", False), ("lost", True)])
def test_a_connection_is_lost_before_or_after_the_request_is_done(
    emulator: Emulator, kind: str, is_done: bool
) -> None:
    iam, name = emulator.client("iam"), f"made-{kind}"
    ask(emulator, {"kind": kind, "service": "iam"})
    with pytest.raises((ConnectionClosedError, ConnectionError, HTTPClientError)):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(root(PRIMARY)))
    ask(emulator)
    assert any(role["RoleName"] == name for role in iam.list_roles()["Roles"]) == is_done
    line = next(line for line in emulator.log().splitlines() if "iam:CreateRole" in line and "lost" in line)
    assert line.endswith(" lost")


def test_a_lost_connection_is_reset(emulator: Emulator) -> None:
    ask(emulator, {"kind": "reset"})
    with socket.create_connection(("127.0.0.1", emulator.port)) as connection:
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + body)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_an_answer_is_late_and_others_are_not_held_up(emulator: Emulator) -> None:
    ask(emulator, {"kind": "slow", "service": "sts", "seconds": 1})
    began = time.monotonic()
    assert call(emulator, "sts")["Account"] == PRIMARY
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    "wanted",
    [{"kind": "fire"}, {"kind": "slow", "seconds": -1}, {"kind": "reset", "share": 2}, {"of": "iam"}, 3],
)
def test_what_is_no_fault_is_refused(emulator: Emulator, wanted: Any) -> None:
    assert ask(emulator, wanted)[0] == 400
    assert call(emulator, "sts")["Account"] == PRIMARY
