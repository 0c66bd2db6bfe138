"""The page docs/who-can-log-in.md: every snippet comes up, and binds whom it says."""

import json
import re
from typing import Any

import pytest
import yaml

from components import trust
from tests.unit.recording import CLUSTER, ISSUER
from tests.unit.test_lookups import CONFIG, run
from tests.unit.test_lookups import _vault as _vault
from tests.unit.test_program import ROOT

PAGE = (ROOT / "docs" / "who-can-log-in.md").read_text()
SNIPPETS = {
    text[: text.index("\n")]: yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    for text in re.split(r"\n##+ ", PAGE)[1:]
    if "```yaml" in text
}
ARN = "arn:aws:iam::111111111111:role/"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
BOUND = {
    "Pods": {"api": [f"{ARN}api"], "worker": [f"{ARN}worker"]},
    "Pods with an IAM role that exists": {"legacy": [f"{ARN}apps/legacy-s3"], "reports": [f"{ARN}reports"]},
    "EKS Auto Mode": {"api": [f"{ARN}api"]},
    "Nodes": {"node": [f"{ARN}dev-default-node"]},
    "Nodes that Karpenter starts": {"karpenter": [f"{ARN}KarpenterNodeRole-dev"]},
    "EC2 instances without EKS": {"web": [f"{ARN}web"]},
    "ECS tasks": {"api": [f"{ARN}api-task"], "nightly": [f"{ARN}nightly"]},
    "Lambda functions": {"resize": [f"{ARN}service-role/resize-role-1a2b3c4d"]},
    "Users of IAM Identity Center": {
        "developers": [f"{ARN}aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Developers_*"]
    },
    "IAM users": {"break-glass": ["arn:aws:iam::111111111111:user/break-glass"]},
    "GitHub Actions": {"deploy": [f"{ARN}github-deploy"]},
    "Other accounts": {"partner": ["arn:aws:iam::222222222222:role/partner-app"]},
    "What else the workload does in AWS": {"api": [f"{ARN}prod-api"]},
    "Vault's own words": {"concourse": [f"{ARN}concourse-web"]},
}
EXIST = {
    f"{ARN}apps/legacy-s3": trust.web_identity_trust(
        CLUSTER["oidc_provider_arn"], ISSUER, ["system:serviceaccount:default:legacy"]
    ),
    f"{ARN}reports": trust.pod_identity_trust(CLUSTER["arn"].replace("eks1", "c1"), ["default/reports"]),
    f"{ARN}nightly": trust.ecs_task_trust("111111111111", "us-east-1"),
}


def role(asked: dict[str, Any]) -> dict[str, Any]:
    """Any role, with the path and the trust policy that the page's has."""
    every = [arn for logins in BOUND.values() for arns in logins.values() for arn in arns]
    arn = next(it for it in every if it.rpartition("/")[2] == asked["name"])
    return {"arn": arn, "uniqueId": "AROA", "assumeRolePolicy": json.dumps(EXIST.get(arn, {}))}


def cluster(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": asked["name"],
        "arn": CLUSTER["arn"].replace("eks1", asked["name"]),
        "endpoint": "https://eks.example.com",
        "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
        "certificateAuthorities": [{"data": "bm90IG9uZQ=="}],
    }


ANSWERS: dict[str, Any] = {
    "aws:iam/getRole:getRole": role,
    "aws:eks/getCluster:getCluster": cluster,
    "aws:eks/getClusterAuth:getClusterAuth": lambda _: {"token": "t"},
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda _: {
        "arn": CLUSTER["oidc_provider_arn"],
        "clientIdLists": ["sts.amazonaws.com"],
    },
}


@pytest.fixture(autouse=True)
def _no_command_line_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.mark.parametrize("section", SNIPPETS)
def test_a_snippet_comes_up_and_binds_its_caller(section: str) -> None:
    written = {key.removeprefix("vault-aws-auth:"): value for key, value in SNIPPETS[section].items()}
    made = run(written.pop("logins"), ANSWERS, **written)
    principals = {name: login["principals"] for name, login in made.exports()["logins"].items()}
    assert principals == BOUND[section]
    assert len(made.of_type(VAULT_ROLE)) >= len(BOUND[section])


def test_every_section_with_a_snippet_is_looked_at_and_every_row_leads_to_one() -> None:
    assert {*SNIPPETS} == {*BOUND}
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", it.lower()).replace(" ", "-") for it in re.findall(r"\n##+ (.*)", PAGE)
    }
    assert {*re.findall(r"^\| \[[^]]*\]\(#([^)]*)\)", PAGE, re.M)} <= anchors


def test_what_needs_no_cluster_has_none() -> None:
    assert CONFIG["vault-aws-auth:cluster"]
    for section in ("EC2 instances without EKS", "Lambda functions", "GitHub Actions", "IAM users"):
        made = run(SNIPPETS[section]["vault-aws-auth:logins"], ANSWERS, cluster=None)
        assert not [r for r in made.resources if r.type.startswith(("eks:", "aws:eks"))]
