"""One stack for several clusters: one takes the place of another, and a fleet that is there already."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import ADVISORY, Sandbox

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/api"
STACK = "many"
AGENTS_AUDIENCE = "pods.eks.amazonaws.com"
FLEET = {"a": "us-east-1", "b": "us-east-1", "c": "us-east-1", "d": "us-east-1", "west": "us-west-2"}
"""Existing clusters and their regions."""


class Estate:
    """A stack file that changes, in a sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.file = folder / f"Pulumi.{STACK}.yaml"

    def up(self, **sections: Any) -> str:
        """Brings up a stack with these sections and the two logins of pods; what the engine did."""
        pods = {"kind": "service-account", "policies": ["dev"], "maxTtl": "1h"}
        config = {
            "aws:region": "us-east-1",
            "vault-aws-auth:vault": {"serverIdHeader": "vault.example.com"},
            "vault-aws-auth:logins": {
                "api": {**pods, "serviceAccounts": ["default/api"]},
                "web": {**pods, "serviceAccounts": ["default/web"], "method": "pod-identity"},
            },
            **{f"vault-aws-auth:{name}": section for name, section in sections.items()},
        }
        self.file.write_text(yaml.safe_dump({"config": config}))
        return self.sandbox.up("--stack", STACK, "--config", str(self.file), "--no-logins", *ADVISORY)

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.json(f"pulumi stack output --stack {STACK} --json")
        return found

    def pod(self, cluster: str) -> Callable[[], None]:
        """Both logins, as pods of a cluster make them."""
        sandbox, kubernetes = self.sandbox, self.sandbox.cluster(cluster)

        def log_in_as_both() -> None:
            token = sandbox.token("api", cluster=kubernetes)
            log_in(sandbox, assume_with_token(sandbox, token, ROLE), "api")
            of_agent = sandbox.token("web", audience=AGENTS_AUDIENCE, cluster=kubernetes)
            log_in(sandbox, from_agent(sandbox, of_agent), "web")

        return log_in_as_both


def from_agent(sandbox: Sandbox, token: str) -> Credentials:
    """What the Pod Identity agent gives a pod."""
    url = sandbox.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    answer = requests.get(url, headers={"Authorization": token}, timeout=30)
    answer.raise_for_status()
    found = answer.json()
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])


@contextmanager
def in_a_loop(*pods: Callable[[], None]) -> Iterator[None]:
    """Has these log in all the time; each does so once before and at least once more until the end."""
    failures: list[str] = []
    ended = threading.Event()

    def loop() -> None:
        last = False
        while not last:
            last = ended.wait(0.2)
            for pod in pods:
                try:
                    pod()
                except Exception as error:
                    failures.append(f"{type(error).__name__}: {error}")

    for pod in pods:
        pod()
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert failures == []


def nothing_of_it_is_replaced_or_deleted(printed: str, *but: str) -> None:
    """By what the engine prints of its steps."""
    steps = re.findall(r"^ *\S{1,2} +([\w/-]+:\S+) +(\S+) +(delet\w+|replac\w+)", printed, re.MULTILINE)
    assert [step for step in steps if not any(word in step[1] for word in but)] == []


@pytest.mark.timeout(900)
def test_a_cluster_takes_the_place_of_another_without_one_failed_login(
    leased: Sandbox, tmp_path: Path
) -> None:
    estate = Estate(leased, tmp_path)
    estate.up(cluster={"name": "blue"})
    before = estate.outputs()["clusters"]["blue"]
    blue, old_token = estate.pod("sandbox"), leased.token("api")

    with in_a_loop(blue):
        nothing_of_it_is_replaced_or_deleted(estate.up(clusters={"blue": {}, "green": {}}))
        nothing_of_it_is_replaced_or_deleted(estate.up(clusters={"blue": {}, "green": {}}))
    green = estate.pod("green")
    with in_a_loop(blue, green):
        answer = leased.shell(f"vault-aws-auth verify --stack {STACK}")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        for place in ("blue", "green"):
            assert re.search(rf"✓ +api +service account default/api on {place} +a token", answer.stdout)
            assert re.search(
                rf"✓ +web +service account default/default on {place} +refused by AWS", answer.stdout
            )
        assert "not tried" not in answer.stdout
    with in_a_loop(green):
        printed = estate.up(clusters={"green": {}})
        nothing_of_it_is_replaced_or_deleted(printed, "blue")
        assert leased.aws("eks").list_clusters()["clusters"] == ["green"]
        assert old_token_is_refused(leased, old_token)

        # Made again, it is another cluster: its pods are let in, and those of the first are not.
        nothing_of_it_is_replaced_or_deleted(estate.up(clusters={"green": {}, "blue": {}}))
        after = estate.outputs()["clusters"]["blue"]
        assert after["oidcIssuer"] != before["oidcIssuer"]
        assert old_token_is_refused(leased, old_token)
        with in_a_loop(estate.pod("blue")):
            pass
    assert [name for name in leased.service_pids() if name.startswith("kube-apiserver-")] != []
    answer = leased.run("down", "--keep")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert [name for name in leased.service_pids() if name.startswith("kube-apiserver-")] == []


def old_token_is_refused(sandbox: Sandbox, token: str) -> bool:
    with pytest.raises(ClientError, match=r"InvalidIdentityToken|AccessDenied"):
        assume_with_token(sandbox, token, ROLE)
    return True
