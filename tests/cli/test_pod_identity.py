"""Pod Identity: the token goes to the agent, or the API behind it; only the login's own role counts."""

import json

import pytest

from cli.errors import Refused
from cli.workloads.pod_identity import AGENT, agent_uri
from tests.cli.conftest import Run
from tests.cli.test_verify import results
from tests.cli.world import GLOO_ROLE, POD_ROLE, World


@pytest.fixture(params=["agent", "no agent"])
def agent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the agent of a node, and without one, where the API behind it is asked."""
    if request.param == "no agent":
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/v1/credentials")


def test_a_pod_logs_in_with_its_association(run: Run, world: World, agent: None) -> None:
    done = run("login", "gloo", "--json", outputs=world.with_pod_identity())
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["caller"]["arn"] == (
        "arn:aws:sts::111111111111:assumed-role/gloo/eks-gloo"
    )


def test_its_impostors_are_refused_by_aws(run: Run, world: World, agent: None) -> None:
    done = run("verify", "gloo", "--json", outputs=world.with_pod_identity())
    assert done.exit_code == 0, done.output
    refused = {c.replace("verify-", "") for c, r in results(done.stdout).items() if r["refusedBy"] == "AWS"}
    assert len(refused) == 5
    assert "gloo: kube-public/gloo" in refused
    assert "gloo: gloo-system/gloo, token for another audience" in refused


def test_another_association_is_no_way_into_this_login(run: Run, world: World) -> None:
    outputs = world.with_pod_identity()
    world.associations["gloo-system/default"] = POD_ROLE
    world.accounts["gloo-system/default"] = {"metadata": {"name": "default"}}
    done = run("verify", "gloo", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output
    assert "role/vault-auth" in results(done.stdout)["gloo: gloo-system/default"]["reason"]


def test_an_association_for_any_service_account_is_a_hole(run: Run, world: World) -> None:
    outputs = world.with_pod_identity()
    world.associations["*/*"] = world.associations["gloo-system/gloo"]
    done = run("verify", "gloo", "--json", outputs=outputs)
    assert done.exit_code == 1
    assert sum(r["got"] == "ACCEPTED" for r in results(done.stdout).values()) == 3


def test_an_association_with_another_role_is_reported(run: Run, world: World) -> None:
    outputs = world.with_pod_identity()
    world.associations["gloo-system/gloo"] = POD_ROLE
    error = json.loads(run("login", "gloo", "--json", outputs=outputs).stdout)["error"]
    assert (error["by"], error["code"]) == ("AWS", "OtherRole")


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("ServiceUnavailableException", "aws eks create-addon --cluster-name eks1 --addon-name eks-pod-id"),
        ("AccessDeniedException", f"{GLOO_ROLE} does not let pods.eks.amazonaws.com assume and tag it"),
        ("InvalidTokenException", "from cluster eks1 and have audience pods.eks.amazonaws.com; it has: iss="),
        ("NewException", "log of the Pod Identity agent"),
    ],
)
def test_a_refusal_of_the_agent_comes_with_its_fix(run: Run, world: World, code: str, fix: str) -> None:
    world.agent_error = code
    error = json.loads(run("login", "gloo", "--json", outputs=world.with_pod_identity()).stdout)["error"]
    assert (error["by"], error["code"]) == ("AWS", code)
    assert fix in error["hint"]


@pytest.mark.parametrize(
    "uri", ["http://example.com/credentials", "http://169.254.169.254/", "ftp://localhost/"]
)
def test_a_token_is_not_sent_to_another_machine(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
    with pytest.raises(Refused, match="neither this machine nor https"):
        agent_uri()


def test_the_agent_of_the_node_is_asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    assert agent_uri() == AGENT
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/v1/credentials")
    assert agent_uri() == "http://[fd00:ec2::23]/v1/credentials"
