"""The program with several clusters, and with one that the stack file has in another place than before."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pulumi
import pytest

from stack import compose, providers
from stack.file import StackFile, parse
from stack.preflight import HandedOver, objects, places
from stack.preflight.objects import thing
from stack.preflight.state import State, in_its_cluster, type_of
from tests.unit.recording import KUBECONFIG, Recording, record

SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PROVIDER = "pulumi:providers:kubernetes"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
POD = {"kind": "service-account", "serviceAccounts": ["apps/app"], "policies": ["dev"]}
BATCH = {**POD, "serviceAccounts": ["apps/batch"], "method": "pod-identity"}
NODE = {"kind": "ec2-instance", "nodeGroups": ["workers"], "policies": ["dev"]}
OPERATOR = {"kind": "vault-access-operator", "login": "pod", "release": {"version": "1.0.0"}}
OPTIONS = {"namespaces": ["apps"], "nodeGroups": {"workers": {}}}
BLUE = {"name": "blue", **OPTIONS}
LOGINS = {"pod": POD, "batch": BATCH, "node": NODE}
POLICIES = {"dev": 'path "dev/*" { capabilities = ["read"] }'}


def stack(**keys: Any) -> StackFile:
    given = {
        "accountId": "111111111111",
        "vault": {"address": "https://vault.example.com:8200"},
        "logins": LOGINS,
        "consumers": {"operator": OPERATOR},
        **keys,
    }
    return parse(
        {"aws:region": "us-east-1", **{f"vault-aws-auth:{key}": it for key, it in given.items()}}, POLICIES
    )


def declared(of: StackFile, before: Recording | None = None) -> Recording:
    """What a stack file declares, where the state has what was declared before."""

    async def main() -> Mapping[str, Any]:
        known = state_of(before) if before else None
        moved = places.moved(known, of) if known else {}
        return compose.declare(of, providers.declare(of), HandedOver({}, {}, moved))

    return record(lambda: pulumi.run(main), answers=ANSWERS)


ANSWERS: Any = {
    "aws:eks/getCluster:getCluster": lambda asked: {
        "name": asked["name"],
        "endpoint": "https://api.example.com",
        "certificateAuthorities": [{"data": "Q0E="}],
        "identities": [
            {"oidcs": [{"issuer": f"https://oidc.eks.us-east-1.amazonaws.com/id/{asked['name']}"}]}
        ],
    },
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda _: (_ for _ in ()).throw(
        RuntimeError("finding IAM OIDC Provider by url (x): not found")
    ),
}


@cache
def _written(keys: str) -> Recording:
    return declared(stack(**json.loads(keys)))


def written(keys: Mapping[str, Any]) -> Recording:
    """What a new stack with these keys declares; recorded once."""
    return _written(json.dumps(keys))


def state_of(made: Recording) -> State:
    # Below each cluster, pulumi-eks declares a provider of its own.
    below = [
        it.urn.replace("eks:index:Cluster::", f"eks:index:Cluster${PROVIDER}::") + "-provider"
        for it in made.of_type("eks:index:Cluster")
    ]
    return State({}, {}, made.exports(), (*(it.urn for it in made.resources), *below))


ALONE = {"cluster": BLUE}
NAMED = {"clusters": {"blue": OPTIONS}}
BESIDE = {"cluster": BLUE, "clusters": {"green": OPTIONS}}
BOTH = {"clusters": {"blue": OPTIONS, "green": OPTIONS}}
RENAMED = {"clusters": {"old": BLUE, "new": {"name": "green", **OPTIONS}}}
GREEN = {"clusters": {"green": OPTIONS}}


@pytest.fixture(scope="module")
def both() -> Recording:
    return written(BOTH)


def test_each_cluster_has_its_own_kubernetes_provider_and_what_is_in_it_uses_that(both: Recording) -> None:
    assert {it.name for it in both.of_type("pulumi:providers:kubernetes")} == {
        "blue/kubernetes",
        "green/kubernetes",
    }
    in_clusters = [it for it in both.resources if it.type.startswith("kubernetes:")]
    assert len(in_clusters) == 2 * len({it.name.partition("/")[2] for it in in_clusters})
    for it in in_clusters:
        own, _, _ = it.name.partition("/")
        assert it.provider == f"{own}/kubernetes", it.urn


def test_one_iam_role_and_one_vault_role_are_of_both(both: Recording) -> None:
    role = both.one("aws:iam/role:Role", "pod-iam-role")
    assert len(json.loads(role.inputs["assumeRolePolicy"])["Statement"]) == 2
    assert (
        len([it for it in both.of_type("vault:aws/authBackendRole:AuthBackendRole") if "pod" in it.name]) == 1
    )
    for name in ("blue", "green"):
        account = both.one(SERVICE_ACCOUNT, f"{name}/cluster-apps.app-service-account")
        annotations = account.inputs["metadata"]["annotations"]
        assert annotations == {"eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/pod"}
        assert account.parent == f"{name}/pod"


def test_associations_are_made_in_each_cluster(both: Recording) -> None:
    made = {it.name: it.inputs["clusterName"] for it in both.of_type(ASSOCIATION)}
    ending = "cluster-apps.batch-pod-identity"
    assert made == {f"blue/{ending}": "blue", f"green/{ending}": "green"}
    agents = {it.inputs["clusterName"] for it in both.of_type("aws:eks/addon:Addon")}
    assert agents == {"blue", "green"}


def test_a_consumer_is_installed_in_each_under_one_name(both: Recording) -> None:
    releases = {it.name: it.inputs["name"] for it in both.of_type(RELEASE)}
    assert releases == {"blue/operator-release": "operator", "green/operator-release": "operator"}
    assert set(both.exports()["consumers"]) == {"operator"}


def test_outputs_have_each_cluster_by_its_key(both: Recording) -> None:
    exports = written(RENAMED).exports()
    assert {key: (it["name"], it["region"]) for key, it in exports["clusters"].items()} == {
        "old": ("blue", "us-east-1"),
        "new": ("green", "us-east-1"),
    }
    assert exports["clusters"]["old"].keys() == {"name", "region", "oidcIssuer", "oidcProviderArn"}
    assert exports["kubeconfigs"] == {"old": KUBECONFIG, "new": KUBECONFIG}
    assert {"cluster", "kubeconfig"}.isdisjoint(exports)
    assert exports["logins"]["pod"]["clusters"] == ["old", "new"]


@pytest.mark.parametrize(("keys", "name"), [(ALONE, "blue"), (BESIDE, "blue"), (GREEN, "green")])
def test_the_outputs_for_one_cluster_are_those_of_cluster_or_of_the_only_one(keys: Any, name: str) -> None:
    exports = written(keys).exports()
    facts = dict(exports["clusters"][name])
    assert facts.pop("region") == "us-east-1"
    assert exports["cluster"] == facts
    assert exports["kubeconfig"] == exports["kubeconfigs"][name]


def test_no_kubeconfig_is_shown(both: Recording) -> None:
    (urn,) = [urn for urn in both.secret_outputs if "pulumi:pulumi:Stack" in urn]
    assert both.secret_outputs[urn] == {"kubeconfigs"}


def test_a_stack_without_a_cluster_has_none_of_these_outputs() -> None:
    people = {"kind": "principal", "principals": ["arn:aws:iam::111111111111:role/x"], "policies": ["dev"]}
    exports = declared(stack(logins={"people": people}, consumers={})).exports()
    assert {"cluster", "clusters", "kubeconfig", "kubeconfigs"}.isdisjoint(exports)
    assert "clusters" not in exports["logins"]["people"]


# In another region


@pytest.fixture(scope="module")
def far() -> Recording:
    clusters: dict[str, Any] = {
        "blue": OPTIONS,
        "far": {"name": "blue", "region": "eu-west-1", "namespaces": ["apps"]},
    }
    clusters["far"]["nodeGroups"] = {"workers": {"roleName": "far-workers-node"}}
    return declared(stack(clusters=clusters, logins={**LOGINS, "node": {**NODE, "clusters": ["far"]}}))


def test_a_cluster_of_another_region_has_that_regions_aws_provider(far: Recording) -> None:
    provider = far.one("pulumi:providers:aws", "eu-west-1/aws")
    assert provider.inputs["region"] == "eu-west-1"
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["111111111111"]
    assert provider.inputs["defaultTags"] == far.one("pulumi:providers:aws", "aws").inputs["defaultTags"]
    assert far.one("eks:index:Cluster", "blue_eu-west-1-cluster").providers["aws"] == "eu-west-1/aws"
    association = far.one(ASSOCIATION, "blue_eu-west-1/cluster-apps.batch-pod-identity")
    assert (association.provider, association.inputs["clusterName"]) == ("eu-west-1/aws", "blue")
    assert far.one(ASSOCIATION, "blue/cluster-apps.batch-pod-identity").provider == "aws"
    assert far.one("aws:iam/role:Role", "pod-iam-role").provider == "aws"


def test_the_clusters_arn_and_the_nodes_region_are_of_the_clusters_region(far: Recording) -> None:
    role = far.one("aws:iam/role:Role", "batch-iam-role")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/eks-cluster-arn"] == [
        "arn:aws:eks:us-east-1:111111111111:cluster/blue",
        "arn:aws:eks:eu-west-1:111111111111:cluster/blue",
    ]
    node = far.one("vault:aws/authBackendRole:AuthBackendRole", "node-vault-role")
    assert node.inputs["inferredAwsRegion"] == "eu-west-1"


def test_vaults_pod_is_of_one_cluster_and_its_association_of_that_region() -> None:
    identity = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity", "cluster": "far"}
    far = {**OPTIONS, "region": "eu-west-1"}
    logins = {"pod": POD}
    made = declared(stack(clusters={"blue": OPTIONS, "far": far}, vaultIdentity=identity, logins=logins))
    association = made.one(ASSOCIATION, "vault-identity-vault.vault-pod-identity")
    assert (association.provider, association.inputs["clusterName"]) == ("eu-west-1/aws", "far")


def test_a_fleet_of_clusters_that_exist_is_used_by_one_login() -> None:
    fleet = {f"eks{number}": {"existing": True} for number in range(5)}
    login = {**POD, "trustPolicyLimit": 4096}
    made = declared(stack(clusters=fleet, logins={"pod": login}, consumers={}))
    assert made.of_type("eks:index:Cluster") == []
    role = made.one("aws:iam/role:Role", "pod-iam-role")
    assert len(json.loads(role.inputs["assumeRolePolicy"])["Statement"]) == 5
    assert len(made.of_type(SERVICE_ACCOUNT)) == 5


# From one place of the stack file to another


CHANGES = [
    (ALONE, NAMED),
    (NAMED, ALONE),
    (ALONE, BESIDE),
    (BESIDE, ALONE),
    (ALONE, BOTH),
    (BESIDE, BOTH),
    (BOTH, BESIDE),
    (BOTH, RENAMED),
    (BOTH, GREEN),
    (NAMED, BOTH),
    ({"cluster": {**BLUE, "region": "eu-west-1"}}, {"clusters": {"far": {**BLUE, "region": "eu-west-1"}}}),
]


def in_cluster_of(made: Recording) -> Iterator[tuple[str, str, str, set[str]]]:
    """Cluster and object, URN and the URNs that it may have had, of what is in clusters."""
    by_provider: dict[str, str] = {}
    alone = made.exports().get("cluster", {}).get("name", "")
    for it in made.resources:
        own, slash, _ = it.name.partition("/")
        own = (own if slash else alone).partition("_")[0]
        if it.type == "pulumi:providers:kubernetes":
            by_provider[it.name] = own
            yield own, it.type, it.urn, it.aliases
        elif it.type.startswith("kubernetes:"):
            metadata = it.inputs.get("metadata") or {"name": it.inputs["name"]}
            yield by_provider[it.provider], f"{it.type} {metadata['name']}", it.urn, it.aliases
        elif it.type == ASSOCIATION:
            yield own, f"{it.type} {it.inputs['serviceAccount']}", it.urn, it.aliases


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_what_stays_in_a_cluster_stays_what_it_is(before: Any, after: Any) -> None:
    """Else it would be made a second time, and then deleted."""
    was = written(before)
    old = {(own, what): urn for own, what, urn, _ in in_cluster_of(was)}
    stays, found = 0, declared(stack(**after), was)
    for own, what, urn, aliases in in_cluster_of(found):
        if (own, what) in old:
            stays += 1
            assert old[own, what] in {urn, *aliases}, what
        else:
            assert aliases.isdisjoint(old.values()), what
    assert stays >= 5
    names = {it.name for it in stack(**before).clusters.values()} & {
        it.name for it in stack(**after).clusters.values()
    }
    assert elsewhere(was, names) == elsewhere(found, names)


def elsewhere(made: Recording, clusters: set[str]) -> set[str]:
    """URNs of what is in no cluster, and of no other one than these."""
    inside = (
        "kubernetes:",
        "pulumi:providers:kubernetes",
        ASSOCIATION,
        "vault-aws-auth:index:LoginInCluster",
    )
    return {
        it.urn
        for it in made.resources
        if not it.type.startswith(inside)
        and not it.type.endswith("Consumer")
        and ("index:EksCluster" not in it.urn or it.name.startswith(tuple(clusters)))
    }


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_run_that_failed_and_left_no_outputs_changes_nothing_in_that(before: Any, after: Any) -> None:
    """A program that is refused in the middle of an update has the engine forget the outputs."""
    made, of = written(before), stack(**after)
    known = state_of(made)
    failed = known._replace(outputs={})
    assert places.moved(failed, of) == places.moved(known, of)


def test_a_stack_that_has_one_cluster_gets_no_aliases_from_its_state() -> None:
    of = stack(**ALONE)
    assert places.moved(state_of(written(ALONE)), of) == {}


def test_the_one_cluster_that_is_exchanged_for_another_hands_nothing_over() -> None:
    was = written(ALONE)
    assert all(not aliases for *_, aliases in in_cluster_of(declared(stack(**GREEN), was)))


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_what_the_state_owns_is_known_where_the_stack_file_has_it_now(before: Any, after: Any) -> None:
    """Else a preview would find its own service accounts, and refuse them as another's."""
    was, now, made = stack(**before), stack(**after), written(before)
    owned = {}
    for it in made.resources:
        read = objects.TYPES.get(it.type)
        if read and (found := read(it.inputs)):
            owned[in_its_cluster(found, it.urn)] = it.urn
    known = places.placed(State(owned, {}, made.exports(), ()), now)
    nouns = {"namespace", "service account", "Pod Identity association", "EKS add-on"}
    wanted = {each.thing for each in objects.of(now) if each.thing.noun in nouns}
    names_before = {it.name for it in was.clusters.values()}
    of_before = {it.place for it in now.clusters.values() if it.name in names_before}
    assert {it for it in wanted if it.cluster in of_before} <= known.owned.keys()
    assert not {it for it in wanted if it.cluster not in of_before} & known.owned.keys()


def test_a_cluster_is_known_by_its_resources_name() -> None:
    urn = "urn:pulumi:s::p::vault-aws-auth:index:EksCluster$eks:index:Cluster$aws:eks/cluster:Cluster::{}"
    made = thing("EKS cluster", "blue")
    assert in_its_cluster(made, urn.format("blue-cluster-eksCluster")).cluster == "blue"
    assert in_its_cluster(made, urn.format("blue_eu-west-1-cluster-eksCluster")).cluster == "blue_eu-west-1"
    assert type_of(urn) == "aws:eks/cluster:Cluster"
