"""Before the first change, with several clusters: each is asked for what is in it, and told by its name."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components import trust
from stack import handover, in_clusters, lookups, preflight, providers
from stack.file import StackFile
from stack.import_ids import Home, Made, identifiers, of_preview, without_id
from stack.preflight import (
    in_aws,
    in_cluster,
    in_lists,
    in_vault,
    needed,
    objects,
    place,
    report,
    state,
    used_roles,
)
from stack.preflight.found import Findings
from stack.preflight.objects import thing
from stack.preflight.state import State
from stack.preflight.web import Answer
from stack.reading import StackFileError
from stack.split.teams import by_namespace
from tests.unit.recording import ACCOUNT, record
from tests.unit.test_import_file import step
from tests.unit.test_lookups import parsed

POD = {"kind": "service-account", "serviceAccounts": ["apps/app"], "policies": ["dev"]}
PATCHED = {**POD, "serviceAccounts": ["apps/old"], "serviceAccountMode": "patch"}
CLUSTERS: dict[str, Any] = {
    "blue": {"namespaces": ["apps"]},
    "far": {
        "name": "blue",
        "region": "eu-west-1",
        "vpcId": "vpc-0123456789abcdef0",
        "subnetIds": ["subnet-01234567", "subnet-89abcdef"],
    },
}
FAR = "blue_eu-west-1"


def stack(logins: Any = None, clusters: Any = None, **sections: Any) -> StackFile:
    return parsed(logins or {"pod": POD}, cluster=None, clusters=clusters or CLUSTERS, **sections)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], set[str]]:
    """What is looked up, as noun and name, by where: a cluster and its provider, or a region and its own."""
    found: dict[tuple[str, str], set[str]] = {}

    def note(where: tuple[str, str], wanted: Any) -> Findings:
        found.setdefault(where, set()).update(f"{it.thing.noun} {it.thing.name}" for it in wanted)
        return Findings(absent={it.thing for it in wanted})

    async def of_cluster(cluster: str, provider: Any, wanted: Any) -> Findings:
        return note((cluster, provider._name), wanted)

    async def of_aws(_: Any, region: str, by_account: Mapping[str, Any], wanted: Any) -> Findings:
        return note((region, by_account[""]._name), wanted)

    monkeypatch.setattr(in_cluster, "look", of_cluster)
    monkeypatch.setattr(in_aws, "look", of_aws)
    monkeypatch.setattr(in_lists, "look", lambda region, wanted: note((region, "list"), wanted))
    monkeypatch.setattr(in_vault, "look", lambda *arguments: note(("vault", ""), arguments[2]))
    return found


def check(of: StackFile, known: State | None = None, exported: State | None = None) -> Any:
    """The refusal, or what is handed over; `known` is what the engine says of the state."""

    async def from_engine(_: Any) -> State | None:
        return known

    async def from_export(_: Any) -> State:
        if exported is None:
            raise state.StateError("there is no stack")
        return exported

    said: list[Any] = []

    async def main() -> None:
        try:
            said.append(await preflight.check(of, providers.declare(of)))
        except preflight.PreflightError as refusal:
            said.append(str(refusal))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "from_engine", from_engine)
        patch.setattr(state, "from_export", from_export)
        record(lambda: pulumi.run(main))
    return said[0]


def test_each_cluster_and_each_region_is_asked_for_its_own(asked: Any) -> None:
    check(stack({"pod": POD, "job": {**POD, "serviceAccounts": ["apps/job"], "method": "pod-identity"}}))
    assert asked["blue", "aws"] == {"namespace apps", "service account apps/app", "service account apps/job"}
    assert asked["blue", "eu-west-1/aws"] == asked["blue", "aws"]
    assert "EKS cluster blue" in asked["us-east-1", "aws"]
    of_far = {it.partition(" blue")[0] for it in asked["eu-west-1", "eu-west-1/aws"]}
    assert {"EKS cluster", "EKS add-on", "VPC vpc-0123456789abcdef0"} <= of_far
    assert asked["eu-west-1", "list"] == {f"Pod Identity association blue/apps/{name}" for name in ("job",)}


def test_a_namespace_that_is_missing_is_told_with_its_clusters_key(asked: Any) -> None:
    text = check(stack())
    assert "there is no namespace apps in the cluster blue, and nothing makes it" in text
    assert text.count("there is no namespace") == 1
    assert "add apps to vault-aws-auth:clusters.far.namespaces" in text


def test_a_service_account_is_annotated_in_each_cluster(asked: Any) -> None:
    found = [it for it in needed.of(stack({"old": PATCHED})) if it.made.thing.noun == "service account"]
    assert [it.made.thing.cluster for it in found] == ["blue", FAR]
    assert {
        it.thing.cluster for it in objects.of(stack({"old": PATCHED})) if it.thing.noun == "role annotation"
    } == {
        "blue",
        FAR,
    }


def test_what_is_taken_is_told_with_its_cluster() -> None:
    account = thing("service account", "apps/app", cluster="green")
    assert report.describe(account) == "the service account apps/app in the cluster green"
    assert report.describe(thing("EKS cluster", "green", cluster="green")) == "the EKS cluster green"


def test_what_is_in_one_cluster_is_not_taken_for_what_is_in_another(asked: Any) -> None:
    owned = State({thing("service account", "apps/app", cluster="blue"): "urn"}, {})
    check(stack(), owned)
    assert "service account apps/app" not in asked["blue", "aws"]
    assert "service account apps/app" in asked["blue", "eu-west-1/aws"]


def test_a_state_that_the_engine_does_not_give_is_exported(asked: Any) -> None:
    urn = "urn:pulumi:s::p::kubernetes:core/v1:Namespace::namespace-apps"
    urns = (
        urn,
        "urn:pulumi:s::p::pulumi:providers:kubernetes::kubernetes",
        "urn:pulumi:s::p::vault-aws-auth:index:EksCluster::blue",
    )
    exported = State({thing("namespace", "apps"): urn}, {}, urns=urns)
    found = check(stack(clusters={"blue": {"namespaces": ["apps"]}}), exported=exported)
    assert found.moved["kubernetes:core/v1:Namespace", "blue/namespace-apps"] == urn
    assert "namespace apps" not in asked["blue", "aws"]


def test_a_cluster_that_the_stack_made_stays_in_its_region() -> None:
    outputs = {
        key: {"name": "blue", "oidcIssuer": f"https://oidc.eks.{region}.amazonaws.com/id/A"}
        for key, region in (("blue", "us-east-1"), ("far", "eu-west-1"))
    }
    known = State({thing("EKS cluster", "blue"): "urn"}, {}, {"clusters": outputs})
    assert list(place.moved(stack(), known)) == []
    moved = {**CLUSTERS, "far": {"name": "blue", "region": "eu-north-1"}}
    (line,) = place.moved(stack(clusters=moved), known)
    assert "the cluster that this stack made is in eu-west-1" in line


def test_a_cluster_that_is_not_there_is_told_with_its_key_and_region() -> None:
    clusters = {"a": {"existing": True}, "b": {"existing": True, "region": "eu-west-1"}}
    said = "reading EKS Cluster (b): couldn't find resource"
    text = lookups.explanation(stack(clusters=clusters), lookups.GET_CLUSTER, {"name": "b"}, said)
    assert text.startswith("vault-aws-auth:clusters.b.name: there is no EKS cluster b in eu-west-1; ")
    assert "its region as vault-aws-auth:clusters.b.region" in text


# Roles that exist


def cloud(trusting: list[str]) -> Any:
    """Clusters with an issuer of their name, and a role that trusts some of them."""

    def cluster(asked: Any) -> Any:
        return {
            "arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/{asked['name']}",
            "identities": [{"oidcs": [{"issuer": f"https://oidc.example.com/{asked['name']}"}]}],
        }

    statements = [
        statement
        for name in trusting
        for statement in trust.web_identity_trust(
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/{name}",
            f"oidc.example.com/{name}",
            ["system:serviceaccount:apps:app"],
        )["Statement"]
    ]
    arn = f"arn:aws:iam::{ACCOUNT}:role/legacy"
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return {
        "aws:eks/getCluster:getCluster": cluster,
        "aws:iam/getRole:getRole": lambda _: {"arn": arn, "uniqueId": "A", "assumeRolePolicy": policy},
    }


ROLE = f"arn:aws:iam::{ACCOUNT}:role/legacy"
LEGACY = {**POD, "iamRoleArn": ROLE, "serviceAccountMode": "none"}
TWO = {"blue": {"existing": True}, "green": {"existing": True}}


def used(trusting: list[str], annotations: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The problems and warnings of a role that exists; `annotations` are those of the service account."""
    said: list[str] = []
    of = stack({"legacy": LEGACY}, TWO)

    class Server:
        def __init__(self, cluster: str) -> None:
            self.cluster = cluster

        def get_all(self, paths: Any) -> dict[str, Answer]:
            named = {"eks.amazonaws.com/role-arn": annotations.get(self.cluster, "")}
            return {path: Answer(200, {"metadata": {"annotations": named}}) for path in paths}

    async def connect(cluster: str, _: Any) -> Server:
        return Server(cluster)

    async def main() -> None:
        try:
            await used_roles.check(of, providers.declare(of))
        except StackFileError as error:
            said.extend(error.problems)

    monkeypatch.setattr(in_cluster, "connect", connect)
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    record(lambda: pulumi.run(main), answers=cloud(trusting))
    return said


def test_a_role_must_let_in_the_pods_of_each_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    own = dict.fromkeys(("blue", "green"), ROLE)
    assert used(["blue", "green"], own, monkeypatch) == []
    (problem,) = used(["blue"], own, monkeypatch)
    assert "does not let apps/app in" in problem
    assert "oidc.example.com/green" in problem


def test_an_annotation_is_told_with_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = used(["blue", "green"], {"blue": ROLE}, monkeypatch)
    assert "serviceAccountMode: apps/app in the cluster green has no annotation" in line


# What else goes by clusters


class NothingElse:
    """Looks up nothing."""

    def attached(self, made: Made, identifier: str) -> bool:
        return False

    def association(self, made: Made, region: str) -> str:
        return ""


def test_service_accounts_of_two_clusters_are_imported_each_from_its_own() -> None:
    metadata = {"metadata": {"namespace": "apps", "name": "app"}}
    kind = "kubernetes:core/v1:ServiceAccount"
    steps = [
        step(kind, f"{own}/cluster-apps.app-service-account", metadata, "", f"{own}/kubernetes")
        for own in ("blue", "green")
    ]
    steps.append(step("aws:eks/cluster:Cluster", "old-cluster-eksCluster", {"name": "old"}, "", "aws"))
    made = of_preview({"steps": steps})
    there = [
        thing("service account", "apps/app", cluster="green"),
        thing("EKS cluster", "old"),
    ]
    home = Home(ACCOUNT, "aws")
    ids = identifiers(made, there, home, NothingElse())
    assert {urn.rpartition("::")[2]: identifier for urn, identifier in ids.items()} == {
        "green/cluster-apps.app-service-account": "apps/app",
        "old-cluster-eksCluster": "old",
    }
    assert without_id(made, there, ids, home) == []


def test_a_service_account_that_is_handed_over_is_kept_by_its_own_clusters_provider() -> None:
    of = stack({"pod": {**POD, "serviceAccountMode": "none"}}, {"blue": {}, "green": {}})
    kept = {
        thing(
            "service account", "apps/app", cluster="green"
        ): "urn:pulumi:s::p::kubernetes:core/v1:ServiceAccount::green/cluster-apps.app-service-account",
        thing(
            "service account", "apps/app", cluster="gone"
        ): "urn:pulumi:s::p::kubernetes:core/v1:ServiceAccount::gone/cluster-apps.app-service-account",
    }

    async def main() -> None:
        own = providers.declare(of)
        handover.declare(kept, own, in_clusters.declare(of, own))

    (account,) = record(lambda: pulumi.run(main)).of_type("kubernetes:core/v1:ServiceAccount")
    assert account.provider == "green/kubernetes"
    assert account.retain_on_delete


def test_a_login_of_clusters_stays_with_the_platform() -> None:
    of = parsed(
        {"own": {**POD, "clusters": ["c1"]}, "both": {**POD, "serviceAccounts": ["apps/both"]}},
        clusters={"green": {}},
    )
    found = by_namespace(of)
    assert found.teams == {"apps": ["own"]}
    assert "of one of clusters" in found.staying["both"]
