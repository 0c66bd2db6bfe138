"""A stack with several clusters: each command is about the pods of each of them, and about no other's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Run
from tests.cli.world import ACCOUNT, ISSUER, World, served

GREEN = "oidc.eks.eu-west-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210"
POD = "default/vault-auth"


@pytest.fixture
def green(world: World) -> Iterator[World]:
    """A second cluster, whose tokens the pods' role trusts, too. `world` has the first one, blue."""
    other = World(accounts={POD: {"metadata": {"name": "vault-auth"}}}, issuer=GREEN)
    world.trusted_issuers = frozenset({ISSUER, GREEN})
    with served(other):
        yield other


@pytest.fixture
def outputs(world: World, green: World) -> dict[str, Any]:
    """The stack's outputs: a login of both clusters."""

    def cluster(name: str, region: str, issuer: str) -> dict[str, str]:
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
        return {"name": name, "region": region, "oidcIssuer": issuer, "oidcProviderArn": provider}

    told = world.outputs()
    del told["cluster"], told["kubeconfig"], told["logins"]["node"]
    told["logins"]["pod"]["clusters"] = ["blue", "green"]
    told["clusters"] = {
        "blue": cluster("eks1", "us-east-1", ISSUER),
        "green": cluster("eks2", "eu-west-1", GREEN),
    }
    told["kubeconfigs"] = {"blue": world.kubeconfig(), "green": green.kubeconfig()}
    return told


def callers(output: str) -> dict[str, tuple[str, str]]:
    """What each caller got, and who refused it, without the random name of temporary service accounts."""
    found = {}
    for result in json.loads(output)["results"]:
        caller = result["caller"].removeprefix("service account ")
        place = f" on {caller.rpartition(' on ')[2]}" if "verify-" in caller else ""
        found[f"another{place}" if place else caller] = (result["got"], result["refusedBy"])
    return found


def test_verify_tries_the_pods_of_each_cluster_and_who_must_be_refused_there(
    run: Run, outputs: dict[str, Any]
) -> None:
    done = run("verify", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    token, aws, vault = ("a token (default, dev)", ""), ("refused", "AWS"), ("refused", "Vault")
    assert callers(done.stdout) == {
        **{
            who: expected
            for place in ("blue", "green")
            for who, expected in {
                f"{POD} on {place}": token,
                f"{POD} on {place}, a token that outlives 768h": ("capped", "Vault"),
                f"another on {place}": aws,
                f"kube-public/vault-auth on {place}": aws,
                f"default/default on {place}": aws,
                f"{POD} on {place}, token for another audience": aws,
                f"{POD} on {place}, token with a tampered signature": aws,
            }.items()
        },
        f"{POD} on blue, no server-id header": vault,
        f"{POD} on blue, a wrong server-id header": vault,
        "no credentials": vault,
    }


def test_the_same_service_account_of_a_cluster_that_the_login_is_not_in_must_be_refused(
    run: Run, world: World, outputs: dict[str, Any]
) -> None:
    outputs["logins"]["pod"]["clusters"] = ["green"]
    world.trusted_issuers = frozenset({GREEN})
    assert callers(run("verify", "--json", outputs=outputs).stdout)[f"{POD} on blue"] == ("refused", "AWS")
    world.trusted_issuers = frozenset({ISSUER, GREEN})
    done = run("verify", "--json", outputs=outputs)
    assert done.exit_code == 1
    assert callers(done.stdout)[f"{POD} on blue"] == ("ACCEPTED", "")


def test_what_one_cluster_is_refused_says_nothing_of_the_other(
    run: Run, world: World, outputs: dict[str, Any]
) -> None:
    world.trusted_issuers = frozenset({ISSUER})
    done = run("verify", "--json", outputs=outputs)
    assert done.exit_code == 1
    found = callers(done.stdout)
    assert found[f"{POD} on green"] == ("refused", "AWS")
    assert "another on green" not in found, "that others are refused proves nothing there"
    assert found["another on blue"] == ("refused", "AWS")


def test_one_cluster_can_be_chosen(run: Run, outputs: dict[str, Any]) -> None:
    done = run("login", "pod", "--cluster", "green", "--json", outputs=outputs)
    assert json.loads(done.stdout)["workload"] == f"service account {POD} on green"
    done = run("login", "pod", outputs=outputs)
    assert f"service account {POD} on blue" in done.stdout
    found = callers(run("verify", "--cluster", "green", "--json", outputs=outputs).stdout)
    assert not any("blue" in caller for caller in found)
    done = run("login", "pod", "--cluster", "red", outputs=outputs)
    assert "its clusters: blue, green" in " ".join(done.output.replace("│", "").split())
    done = run("doctor", "pod", "--cluster", "green", outputs=outputs)
    assert f"service account {POD} on green" in done.stdout
    assert "stack's kubeconfig of green" in done.stdout


def test_every_login_is_made_from_each_of_its_clusters(run: Run, outputs: dict[str, Any]) -> None:
    made = json.loads(run("login", "--all", "--json", outputs=outputs).stdout)
    assert {name: it["workload"] for name, it in made.items()} == {
        "pod on blue": f"service account {POD} on blue",
        "pod on green": f"service account {POD} on green",
    }


@pytest.mark.parametrize(
    "name",
    [
        "eks2",
        "green",
        f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/eks2",
        "admin@eks2.eu-west-1.eksctl.io",
    ],
)
def test_the_context_that_is_named_after_the_cluster_is_used_whichever_is_the_current(
    run: Run,
    world: World,
    green: World,
    outputs: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    config = world.kubeconfig()
    for part in ("contexts", "clusters"):
        config[part] += green.kubeconfig(name)[part]
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    del outputs["kubeconfigs"]["green"]
    done = run("login", "pod", "--cluster", "green", outputs=outputs)
    assert done.exit_code == 0, done.output
    # None is named after blue: the current one could be of any cluster.
    assert run("login", "pod", "--cluster", "blue", outputs=outputs).exit_code == 0
    del outputs["kubeconfigs"]["blue"]
    done = run("login", "pod", "--cluster", "blue", outputs=outputs)
    assert done.exit_code == 1
    assert "has a context for cluster blue" in done.output


def test_tokens_of_another_cluster_prove_nothing_though_the_role_trusts_them(
    run: Run, world: World, outputs: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(world.kubeconfig()))
    words = ("login", "pod", "--kubeconfig", str(file), "--cluster")
    assert run(*words, "blue", outputs=outputs).exit_code == 0
    done = run(*words, "green", outputs=outputs)
    assert done.exit_code == 1
    assert f"{file} is of another cluster" in done.output
    assert GREEN in done.output


def test_access_says_from_which_clusters(run: Run, outputs: dict[str, Any]) -> None:
    outputs["logins"]["other"] = {**outputs["logins"]["pod"], "clusters": ["green"]}
    report = json.loads(run("access", "--json", outputs=outputs).stdout)
    assert {each["login"]: (each["who"], each["clusters"]) for each in report["logins"]} == {
        "pod": ([f"{POD} on blue, green"], ["blue", "green"]),
        "other": ([f"{POD} on green"], ["green"]),
    }
