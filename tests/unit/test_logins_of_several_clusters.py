"""Components of a program with several clusters: one IAM role, one Vault role, and what each cluster has."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components import (
    ArgumentError,
    Ec2InstanceLogin,
    LoginInCluster,
    ServiceAccountLogin,
    ServiceAccountMode,
    consumers,
    trust_reading,
)
from components.consumers.vault_access_operator import API_VERSION
from tests.unit.recording import ACCOUNT, KUBECONFIG, Recording, providers, record, refused

ROLE, VAULT_ROLE = "aws:iam/role:Role", "vault:aws/authBackendRole:AuthBackendRole"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"
ARN = f"arn:aws:iam::{ACCOUNT}"


def cluster(name: str, number: int, region: str = "us-east-1", **more: Any) -> Any:
    issuer = f"oidc.eks.{region}.amazonaws.com/id/{number:032X}"
    return {
        "name": name,
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
        "oidc_provider_arn": f"{ARN}:oidc-provider/{issuer}",
        "oidc_issuer": f"https://{issuer}",
        **more,
    }


BLUE, GREEN = cluster("blue", 1), cluster("green", 2, "eu-west-1")
POD_IDENTITY: Any = {"method": "pod-identity"}


def pod_login(**changes: Any) -> ServiceAccountLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "clusters": [BLUE, GREEN],
        "service_accounts": ["app/api"],
        "policies": ["dev"],
        **changes,
    }
    given: Any = {name: value for name, value in args.items() if value is not None}
    return ServiceAccountLogin("pod", given, providers())


def trust(**changes: Any) -> list[Any]:
    role = record(lambda: pod_login(**changes)).one(ROLE, "pod-iam-role")
    statements: list[Any] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    return statements


# The login


def test_one_role_trusts_each_issuer_by_a_statement_of_its_own() -> None:
    assert trust() == trust(clusters=[BLUE]) + trust(clusters=[GREEN])
    assert trust(clusters=[BLUE]) == trust(clusters=None, cluster=BLUE)


@pytest.mark.parametrize("method", ["irsa", "pod-identity"])
def test_the_role_lets_in_the_service_account_of_each_cluster_and_of_no_other(method: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": trust(method=method)})

    def lets_in(of: Any, account: str) -> bool:
        if method == "pod-identity":
            caller = trust_reading.pod_identity(of["arn"], account)
        else:
            caller = trust_reading.web_identity(
                ACCOUNT, of["oidc_provider_arn"], of["oidc_issuer"], account, "sts.amazonaws.com"
            )
        return not trust_reading.why_not(policy, caller)

    assert lets_in(BLUE, "app/api")
    assert lets_in(GREEN, "app/api")
    assert not lets_in(cluster("red", 3), "app/api")
    assert not lets_in(GREEN, "app/other")
    assert not lets_in(BLUE, "other/api")


def test_pod_identity_names_all_clusters_in_one_statement_for_each_namespace() -> None:
    found = trust(service_accounts=["app/api", "app/web", "batch/job"], **POD_IDENTITY)
    conditions = [statement["Condition"]["StringEquals"] for statement in found]
    assert [each["aws:RequestTag/eks-cluster-arn"] for each in conditions] == [
        [BLUE["arn"], GREEN["arn"]]
    ] * 2
    assert [each["aws:RequestTag/kubernetes-namespace"] for each in conditions] == ["app", "batch"]


@pytest.mark.parametrize("method", ["irsa", "pod-identity"])
def test_a_login_of_several_clusters_declares_nothing_in_them(method: str) -> None:
    made = record(lambda: pod_login(method=method))
    assert made.children("pod") == {(ROLE, "pod-iam-role"), (VAULT_ROLE, "pod-vault-role")}


def test_clusters_that_are_outputs_give_the_same_role() -> None:
    made = record(lambda: pod_login(clusters=[pulumi.Output.from_input(each) for each in (BLUE, GREEN)]))
    policy = json.loads(made.one(ROLE, "pod-iam-role").inputs["assumeRolePolicy"])
    assert policy["Statement"] == trust()


def test_another_issuer_of_a_cluster_changes_the_trust_and_nothing_else() -> None:
    """As of a cluster that was deleted, and made again under its name."""
    again = cluster("blue", 7)
    before, after = record(pod_login), record(lambda: pod_login(clusters=[again, GREEN]))
    then, now = ({it.urn: it for it in made.resources} for made in (before, after))
    assert then.keys() == now.keys()
    changed = {
        it.name: {key for key in it.inputs if it.inputs[key] != now[urn].inputs.get(key)}
        for urn, it in then.items()
    }
    assert {name: keys for name, keys in changed.items() if keys} == {"pod-iam-role": {"assumeRolePolicy"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cluster": BLUE}, "clusters: is given beside cluster; write one of them"),
        ({"clusters": None}, "cluster: is missing; write EksCluster.ref, or clusters"),
        ({"clusters": []}, "clusters: is empty; write at least one entry: EksCluster.ref"),
        (
            {"clusters": [BLUE, {"name": "c"}]},
            "clusters[1].oidc_provider_arn: is missing; the method irsa needs it: write EksCluster.ref",
        ),
        (
            {"clusters": [BLUE, {"oidc_provider_arn": "x"}], **POD_IDENTITY},
            "clusters[1].name: is missing; the method pod-identity needs it: write EksCluster.ref\n"
            "clusters[1].arn: is missing; the method pod-identity needs it: write EksCluster.ref",
        ),
    ],
)
def test_wrong_clusters_are_refused(changes: dict[str, Any], expected: str) -> None:
    assert refused(lambda: pod_login(**changes)) == expected


FLEET = [cluster(f"eks{number}", number) for number in range(5)]


def test_too_many_clusters_are_refused_with_how_many_fit() -> None:
    text = refused(lambda: pod_login(clusters=FLEET))
    assert text.startswith("clusters: are 5, which make a trust policy of 2,1")
    assert "AWS takes 2,048: the first 4 fit; declare a further login of the same service accounts" in text
    assert "or write method: pod-identity, which needs less for each cluster" in text
    assert text.endswith("write trust_policy_limit: 4096")
    assert len(trust(clusters=FLEET[:4])) == 4
    assert len(trust(clusters=FLEET, trust_policy_limit=4096)) == 5
    assert len(trust(clusters=FLEET, **POD_IDENTITY)) == 1


def test_clusters_that_are_known_later_are_measured_then() -> None:
    with pytest.raises(ValueError, match="clusters: are 5, which make"):
        record(lambda: pod_login(clusters=[pulumi.Output.from_input(each) for each in FLEET]))


def test_too_many_service_accounts_for_one_cluster_are_told_as_such() -> None:
    many = [f"app/workload-{number:03}" for number in range(60)]
    text = refused(lambda: pod_login(service_accounts=many))
    assert text.startswith("service_accounts: are 60")


def test_where_there_is_no_pod_identity_it_is_not_proposed() -> None:
    fleet = json.loads(json.dumps(FLEET).replace("arn:aws:", "arn:aws-cn:"))
    assert "pod-identity" not in refused(lambda: pod_login(clusters=fleet))


def test_a_role_that_exists_is_checked_for_the_callers_of_each_cluster() -> None:
    of_blue = json.dumps({"Version": "2012-10-17", "Statement": trust(clusters=[BLUE])})
    arn = f"{ARN}:role/legacy"
    found = {"arn": arn, "uniqueId": "AROA", "assumeRolePolicy": of_blue}
    with pytest.raises(ArgumentError, match=r"iam_role_arn: .* does not let .*app/api.* in"):
        record(lambda: pod_login(iam_role_arn=arn), answers={"aws:iam/getRole:getRole": lambda _: found})
    whole = {**found, "assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": trust()})}
    made = record(lambda: pod_login(iam_role_arn=arn), answers={"aws:iam/getRole:getRole": lambda _: whole})
    assert made.of_type(ROLE) == []


# What it has in a cluster


def in_cluster(name: str = "green-pod", **changes: Any) -> Recording:
    args: Any = {
        "cluster": GREEN,
        "iam_role_arn": f"{ARN}:role/pod",
        "service_accounts": ["app/api", "app-x/y"],
        **changes,
    }

    def declare() -> None:
        own = kubernetes.Provider("green", kubeconfig=KUBECONFIG)
        LoginInCluster(
            name, args, pulumi.ResourceOptions.merge(providers(), pulumi.ResourceOptions(providers=[own]))
        )

    return record(declare)


def test_the_service_accounts_are_made_by_the_clusters_own_provider() -> None:
    made = in_cluster()
    assert made.children("green-pod") == {
        (SERVICE_ACCOUNT, "green-pod-app.api-service-account"),
        (SERVICE_ACCOUNT, "green-pod-app-x.y-service-account"),
    }
    one = made.one(SERVICE_ACCOUNT, "green-pod-app.api-service-account")
    assert one.provider == "green"
    annotations = {"eks.amazonaws.com/role-arn": f"{ARN}:role/pod"}
    assert one.inputs["metadata"] == {"namespace": "app", "name": "api", "annotations": annotations}
    assert made.outputs_of("green-pod")["service_accounts"] == ["app/api", "app-x/y"]


def test_associations_are_of_the_cluster_and_tagged() -> None:
    made = in_cluster(tags={"team": "a"}, **POD_IDENTITY)
    one = made.one(ASSOCIATION, "green-pod-app.api-pod-identity")
    assert (one.inputs["clusterName"], one.inputs["serviceAccount"]) == ("green", "api")
    assert one.inputs["roleArn"] == f"{ARN}:role/pod"
    assert one.inputs["tags"] == {"team": "a"}
    assert "annotations" not in made.of_type(SERVICE_ACCOUNT)[0].inputs["metadata"]


@pytest.mark.parametrize(
    ("changes", "types"),
    [
        ({"service_account_mode": ServiceAccountMode.PATCH}, {PATCH}),
        ({"service_account_mode": ServiceAccountMode.NONE}, set()),
        ({"service_account_mode": ServiceAccountMode.NONE, **POD_IDENTITY}, {ASSOCIATION}),
        ({"service_account_mode": ServiceAccountMode.PATCH, **POD_IDENTITY}, {ASSOCIATION}),
        ({"associations_exist": True, **POD_IDENTITY}, {SERVICE_ACCOUNT}),
    ],
)
def test_what_is_made_depends_on_mode_and_method_as_in_the_login(changes: Any, types: set[str]) -> None:
    assert {type_ for type_, _ in in_cluster(**changes).children("green-pod")} == types


def test_a_prefix_names_the_resources_by_what_they_are() -> None:
    names = {name for _, name in in_cluster(resource_prefix="green/").children("green-pod")}
    assert names == {"green/app.api-service-account", "green/app-x.y-service-account"}


def test_a_pattern_can_be_left_alone_only() -> None:
    def declare(**changes: Any) -> LoginInCluster:
        args: Any = {
            "cluster": GREEN,
            "iam_role_arn": f"{ARN}:role/pod",
            "service_accounts": ["app/*"],
            **changes,
        }
        return LoginInCluster("x", args, providers())

    assert refused(declare).startswith("service_accounts: 'app/*' has a wildcard")
    record(lambda: declare(service_account_mode="none"))


def test_what_the_method_misses_in_the_cluster_is_refused() -> None:
    args: Any = {"cluster": {"name": "c"}, "iam_role_arn": f"{ARN}:role/pod", "service_accounts": ["a/b"]}
    text = refused(lambda: LoginInCluster("x", args, providers()))
    assert text.startswith("cluster.oidc_provider_arn: is missing")


# Nodes


def node(**changes: Any) -> Recording:
    args: Any = {
        "connection": {"path": "aws"},
        "region": "us-east-1",
        "node_groups": ["workers"],
        "clusters": [
            {**BLUE, "node_role_arns": {"workers": f"{ARN}:role/b"}, "node_role_ids": {"workers": "AROA-b"}},
            {**GREEN, "node_role_arns": {"workers": f"{ARN}:role/g", "big": f"{ARN}:role/big"}},
        ],
        "policies": ["dev"],
        **changes,
    }
    return record(lambda: Ec2InstanceLogin("node", args, providers()))


def test_a_node_login_binds_the_roles_of_the_group_in_each_cluster() -> None:
    made = node()
    role = made.one(VAULT_ROLE, "node-vault-role")
    assert role.inputs["boundIamPrincipalArns"] == [f"{ARN}:role/b", f"{ARN}:role/g"]
    again = made.one(VAULT_ROLE, "node-principal-ids")
    assert again.replacement_trigger == ["AROA-b", "AROA-g"]


def test_a_group_may_be_in_one_of_the_clusters_alone() -> None:
    role = node(node_groups=["big"]).one(VAULT_ROLE, "node-vault-role")
    assert role.inputs["boundIamPrincipalArns"] == [f"{ARN}:role/big"]


def test_a_group_of_no_cluster_is_refused() -> None:
    with pytest.raises(
        ValueError, match="'nope' is not a node group of one of the clusters; known: workers, big"
    ):
        node(node_groups=["nope"])


def test_nodes_are_of_one_cluster_or_of_several() -> None:
    with pytest.raises(ArgumentError, match="clusters: is given beside cluster"):
        node(cluster=BLUE)
    with pytest.raises(ArgumentError, match="cluster: is missing; node_groups needs it"):
        node(clusters=[])


# Consumers


def test_a_consumer_is_declared_in_several_clusters_with_objects_of_one_name() -> None:
    args: Any = {
        "connection": {"path": "aws", "address": "https://vault.example.com", "sts_region": "us-east-1"},
        "login": {"vault_role": "op", "iam_role_arn": f"{ARN}:role/op", "service_accounts": ["op/op"]},
        "object_name": "operator",
        "apply": True,
        "release": {"version": "1.0.0"},
    }
    made = record(lambda: consumers.VaultAccessOperatorConsumer("green/operator", args, providers()))
    release = made.one("kubernetes:helm.sh/v3:Release", "green/operator-release")
    assert release.inputs["name"] == "operator"
    (definition,) = [it for it in made.named("green/operator-vault-connection") if API_VERSION in it.type]
    assert definition.inputs["metadata"]["name"] == "operator"
    assert made.outputs_of("green/operator")["manifests"][0]["metadata"]["name"] == "operator"
