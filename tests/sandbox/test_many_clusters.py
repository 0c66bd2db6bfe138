"""One stack for several clusters: one takes the place of another, and a fleet that is there already."""

from __future__ import annotations

import json
import os
import re
import signal
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

from cli.workloads.web_identity import claims_of
from tests.emulator.world import trust
from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import ADVISORY, Sandbox

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/api"
STACK = "many"
PODS = {"api": "irsa", "web": "pod-identity"}
"""The logins, and how their pods get the IAM role."""

AGENTS_AUDIENCE = "pods.eks.amazonaws.com"
FLEET = {"a": "us-east-1", "b": "us-east-1", "c": "us-east-1", "d": "us-east-1", "west": "us-west-2"}
"""Existing clusters and their regions."""


class Estate:
    """A stack file that changes, in a sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.file = folder / f"Pulumi.{STACK}.yaml"

    def up(self, *words: str, env: dict[str, str] | None = None, **sections: Any) -> str:
        """Brings up a stack with these sections and the two logins of pods; what the engine did."""
        pods = {"kind": "service-account", "policies": ["dev"], "maxTtl": "1h"}
        # Five issuers need more than IAM's default of 2,048 characters.
        more = {"trustPolicyLimit": 4096} if len(sections.get("clusters", ())) > 4 else {}
        config = {
            "aws:region": "us-east-1",
            "vault-aws-auth:vault": {"serverIdHeader": "vault.example.com"},
            "vault-aws-auth:logins": {
                name: {**pods, "serviceAccounts": [f"default/{name}"], "method": method, **more}
                for name, method in PODS.items()
            },
            **{f"vault-aws-auth:{name}": section for name, section in sections.items()},
        }
        self.file.write_text(yaml.safe_dump({"config": config}))
        words = ("--stack", STACK, "--config", str(self.file), "--no-logins", *ADVISORY, *words)
        return self.sandbox.up(*words, env=env)

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


def gone(printed: str) -> set[str]:
    """The names of the resources that the engine says it has replaced or deleted."""
    return {*re.findall(r"^ *\S{1,2} +[\w/-]+:\S+ +(\S+) +(?:delet|replac)", printed, re.MULTILINE)}


@pytest.mark.timeout(900)
def test_a_cluster_takes_the_place_of_another_without_one_failed_login(
    leased: Sandbox, tmp_path: Path
) -> None:
    estate = Estate(leased, tmp_path)
    estate.up(cluster={"name": "blue"})
    before = estate.outputs()["clusters"]["blue"]
    blue, old_token = estate.pod("blue"), leased.token("api")

    with in_a_loop(blue):
        assert gone(estate.up(clusters={"blue": {}, "green": {}})) == set()
    green = estate.pod("green")
    with in_a_loop(blue, green):
        proof = leased.json(f"vault-aws-auth verify --stack {STACK} --json")
        assert proof["notTried"] == 0, proof
        shown = {(it["login"], it["caller"], it["expected"]) for it in proof["results"] if it["ok"]}
        for place in ("blue", "green"):
            assert ("api", f"service account default/api on {place}", "a token") in shown
            assert ("web", f"service account default/default on {place}", "refused by AWS") in shown
    with in_a_loop(green):
        removed = gone(estate.up(clusters={"green": {}}))
        assert "blue-cluster" in " ".join(removed), removed
        assert all("blue" in name for name in removed), removed
        assert leased.aws("eks").list_clusters()["clusters"] == ["green"]
        assert old_token_is_refused(leased, old_token)

        # Made again, it is another cluster: its pods are let in, and those of the first are not.
        assert gone(estate.up(clusters={"green": {}, "blue": {}})) == set()
        after = estate.outputs()["clusters"]["blue"]
        assert after["oidcIssuer"] != before["oidcIssuer"]
        assert old_token_is_refused(leased, old_token)
        with in_a_loop(estate.pod("blue")):
            pass
    assert len(of_clusters(leased)) == 4
    answer = leased.run("down", "--keep")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert of_clusters(leased) == []


def of_clusters(sandbox: Sandbox) -> list[str]:
    """The processes of control planes beside the first, whether they are recorded or not."""
    words = [" ".join(process.cmdline()) for process in sandbox.processes()]
    return [each for each in words if re.search(r"/kubernetes/[\w-]+-[0-9a-f]{8}/", each)]


def old_token_is_refused(sandbox: Sandbox, token: str) -> bool:
    with pytest.raises(ClientError, match=r"InvalidIdentityToken|AccessDenied"):
        assume_with_token(sandbox, token, ROLE)
    return True


@pytest.mark.timeout(900)
def test_a_fleet_of_existing_clusters_has_one_stack(leased: Sandbox, tmp_path: Path) -> None:
    estate, role = Estate(leased, tmp_path), "of-the-fleet"
    make_fleet(leased, role)
    clusters = {
        key: {"existing": True, "name": f"fleet-{key}", "region": region} for key, region in FLEET.items()
    }
    # Of clusters that others made, the deployer is no administrator.
    estate.up("--deployer", clusters=clusters)
    told = estate.outputs()["clusters"]
    assert {key: it["region"] for key, it in told.items()} == FLEET
    document = leased.aws("iam").get_role(RoleName="api")["Role"]["AssumeRolePolicyDocument"]
    trusted = [statement["Principal"]["Federated"] for statement in document["Statement"]]
    assert sorted(trusted) == sorted(it["oidcProviderArn"] for it in told.values())
    assert len({it["oidcIssuer"] for it in told.values()}) == len(FLEET)

    assert logged_in(leased) == {f"service account default/{name} on {key}" for name in PODS for key in FLEET}
    # One of them is down, and the emulated AWS, too.
    pids = leased.service_pids()
    killed = [next(name for name in pids if name.startswith("kube-apiserver-fleet-c-")), "emulator"]
    for name in killed:
        os.kill(pids[name], signal.SIGKILL)
    leased.start()
    assert {name: pid for name, pid in leased.service_pids().items() if name not in killed} == {
        name: pid for name, pid in pids.items() if name not in killed
    }
    assert len(logged_in(leased)) == len(PODS) * len(FLEET)

    assert vaults_issuer(leased) == told["a"]["oidcIssuer"]
    wanted = {"clusterName": "fleet-d", "namespace": "vault", "serviceAccount": "vault"}
    web = f"arn:aws:iam::{ACCOUNT}:role/web"  # trusts Pod Identity; of which pods, is not asked here
    made = leased.aws("eks").create_pod_identity_association(**wanted, roleArn=web)["association"]
    assert vaults_issuer(leased) == told["d"]["oidcIssuer"]
    leased.aws("eks").delete_pod_identity_association(
        clusterName="fleet-d", associationId=made["associationId"]
    )
    assert vaults_issuer(leased) == told["a"]["oidcIssuer"]

    # Its owner makes one of them again: of the old one, nothing can be deleted any more.
    leased.aws("eks").delete_cluster(name="fleet-b")
    make_clusters(leased, role, {"b": FLEET["b"]})
    estate.up(clusters=clusters, env={"PULUMI_K8S_DELETE_UNREACHABLE": "true"})
    issuer = estate.outputs()["clusters"]["b"]["oidcIssuer"]
    assert issuer not in [it["oidcIssuer"] for it in told.values()]
    assert len(logged_in(leased)) == len(PODS) * len(FLEET)

    answer = leased.run("down", "--keep")
    left = re.findall(r"left behind: (.*)", answer.stderr)
    of_stack = [line for line in left if "EC2 security group" not in line]
    assert of_stack == [
        *sorted(f"AWS {ACCOUNT}: EKS cluster fleet-{key}{in_region(key)}" for key in FLEET),
        f"AWS {ACCOUNT}: IAM role {role}",
    ]
    unmake_fleet(leased, role)
    assert of_clusters(leased) == []


def vaults_issuer(sandbox: Sandbox) -> str:
    """The issuer of the token that Vault's pod has."""
    token = (sandbox.home / "vault" / "service-account-token").read_text()
    return str(claims_of(token)["iss"])


def in_region(key: str) -> str:
    return "" if FLEET[key] == "us-east-1" else f" in {FLEET[key]}"


def logged_in(sandbox: Sandbox) -> set[str]:
    """The callers that `verify` has found to get a token."""
    answer = sandbox.shell(f"vault-aws-auth verify --stack {STACK} --no-refusals --json")
    found = json.loads(answer.stdout)
    assert found["ok"], [each for each in found["results"] if not each["ok"]]
    return {each["caller"] for each in found["results"]}


def make_fleet(sandbox: Sandbox, role: str) -> None:
    trusted = trust({"Service": "eks.amazonaws.com"})
    sandbox.aws("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trusted)
    make_clusters(sandbox, role, FLEET)


def make_clusters(sandbox: Sandbox, role: str, fleet: dict[str, str]) -> None:
    for key, region in fleet.items():
        subnets = sandbox.aws("ec2", region=region).describe_subnets()["Subnets"]
        sandbox.aws("eks", region=region).create_cluster(
            name=f"fleet-{key}",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}",
            resourcesVpcConfig={"subnetIds": [subnet["SubnetId"] for subnet in subnets[:2]]},
            accessConfig={"authenticationMode": "API"},
        )
    for key, region in fleet.items():
        waiter = sandbox.aws("eks", region=region).get_waiter("cluster_active")
        waiter.wait(name=f"fleet-{key}", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        sandbox.aws("eks", region=region).create_addon(
            clusterName=f"fleet-{key}", addonName="eks-pod-identity-agent"
        )


def unmake_fleet(sandbox: Sandbox, role: str) -> None:
    for key, region in FLEET.items():
        sandbox.aws("eks", region=region).delete_cluster(name=f"fleet-{key}")
    sandbox.aws("iam").delete_role(RoleName=role)
