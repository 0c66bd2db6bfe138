# ruff: noqa: E501 - messages are long
"""Several clusters in a stack file: which is which, what is of which, and one message for each problem."""

import copy
from typing import Any

import pytest

from stack import warnings
from stack.file import StackFile, parse
from stack.reading import StackFileError

POLICIES = {"dev": ""}
POD = {"kind": "service-account", "serviceAccounts": ["app/api"], "policies": ["dev"]}
NODE = {"kind": "ec2-instance", "nodeGroups": ["workers"], "policies": ["dev"]}
OPERATOR = {"kind": "vault-access-operator", "login": "pod"}
GROUPS: dict[str, Any] = {"nodeGroups": {"workers": {}}}
KEY = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def config(logins: Any = None, clusters: Any = None, **keys: Any) -> dict[str, Any]:
    given = {
        "accountId": "111111111111",
        "vault": {"address": "https://vault.example.com:8200"},
        "clusters": {"blue": {}, "green": {}} if clusters is None else clusters,
        "logins": {"pod": POD} if logins is None else logins,
        **keys,
    }
    written = {f"vault-aws-auth:{key}": copy.deepcopy(it) for key, it in given.items() if it is not None}
    return {"aws:region": "us-east-1", **written}


def stack(logins: Any = None, clusters: Any = None, **keys: Any) -> StackFile:
    return parse(config(logins, clusters, **keys), POLICIES)


def problems(logins: Any = None, clusters: Any = None, **keys: Any) -> list[str]:
    with pytest.raises(StackFileError) as error:
        stack(logins, clusters, **keys)
    return [problem.removeprefix("vault-aws-auth:") for problem in error.value.problems]


# Which is which


def test_each_is_a_cluster_as_below_cluster_and_called_by_its_key() -> None:
    found = stack(clusters={"blue": {"name": "prod-1", "nodeGroups": {"a": {}}}, "green": {"existing": True}})
    blue, green = found.clusters.values()
    assert (blue.key, blue.name, blue.existing, blue.region) == ("blue", "prod-1", False, "us-east-1")
    assert (green.key, green.name, green.existing) == ("green", "green", True)
    assert blue.options["endpoint_private_access"] is True


def test_one_without_a_value_is_made_with_the_defaults() -> None:
    assert stack(clusters={"blue": None}).clusters["blue"].options["endpoint_private_access"] is True


def test_that_of_cluster_stands_beside_them_and_is_called_by_its_name() -> None:
    found = stack(cluster={"name": "eks1"}, clusters={"green": {}})
    assert [*found.clusters] == ["eks1", "green"]
    assert found.alone is found.clusters["eks1"]
    assert stack().alone is None


def test_names_of_resources_go_by_what_the_cluster_is_and_not_by_its_key() -> None:
    one, two = (
        stack(clusters={key: {"name": "prod"}, "eu": {"name": "prod", "region": "eu-west-1"}})
        for key in ("a", "b")
    )
    for found in (one, two):
        own, elsewhere = found.clusters.values()
        assert own.resource("kubernetes") == "prod/kubernetes"
        assert elsewhere.resource("kubernetes") == "prod_eu-west-1/kubernetes"
    alone = stack(clusters={}, cluster={"name": "prod"}).alone
    assert alone
    assert alone.resource("kubernetes") == "kubernetes"


def test_the_permissions_boundary_of_the_stack_is_that_of_every_cluster_that_it_makes() -> None:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    found = stack(
        clusters={"blue": {}, "old": {"existing": True}}, cluster={"name": "c"}, permissionsBoundary=boundary
    )
    bounds = {key: it.options.get("permissions_boundary") for key, it in found.clusters.items()}
    assert bounds == {"c": boundary, "blue": boundary, "old": None}


def test_a_public_endpoint_for_nobody_is_warned_of_with_its_cluster() -> None:
    open_ = {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}
    (line,) = warnings.of(stack(clusters={"blue": open_, "green": {}}))
    assert line.startswith("vault-aws-auth:clusters.blue.publicAccessCidrs: 203.0.113.0/24")


# What is of which


def test_a_login_is_of_all_clusters_or_of_those_that_it_names() -> None:
    found = stack({"pod": POD, "some": {**POD, "serviceAccounts": ["b/c"], "clusters": ["green"]}})
    assert found.logins["pod"].clusters == ("blue", "green")
    assert found.logins["some"].clusters == ("green",)
    assert "clusters" not in found.logins["some"].options


def test_logins_of_no_pod_and_no_node_are_of_no_cluster() -> None:
    people = {"kind": "principal", "principals": ["arn:aws:iam::111111111111:role/x"], "policies": ["dev"]}
    instances = {
        "kind": "ec2-instance",
        "roleArns": ["arn:aws:iam::111111111111:role/x"],
        "policies": ["dev"],
    }
    found = stack({"people": people, "instances": instances})
    assert [login.clusters for login in found.logins.values()] == [(), ()]


def test_nodes_are_of_the_clusters_that_have_their_groups() -> None:
    clusters = {"blue": GROUPS, "green": {"nodeGroups": {"others": {}}}}
    assert stack({"node": NODE}, clusters).logins["node"].clusters == ("blue",)
    both = {
        "blue": GROUPS,
        "green": {"existing": True, "nodeRoleArns": {"workers": "arn:aws:iam::111111111111:role/w"}},
    }
    assert stack({"node": NODE}, both).logins["node"].clusters == ("blue", "green")


def test_two_logins_have_one_service_account_in_clusters_of_their_own() -> None:
    found = stack({"a": {**POD, "clusters": ["blue"]}, "b": {**POD, "clusters": ["green"]}})
    assert found.logins["a"].options["service_accounts"] == found.logins["b"].options["service_accounts"]


def test_a_consumer_is_installed_where_its_login_is_or_in_some_of_these() -> None:
    consumers = {
        "all": {**OPERATOR, "apply": True},
        "one": {**OPERATOR, "release": {"version": "1.0.0"}, "clusters": ["green"]},
        "none": OPERATOR,
    }
    found = stack(consumers=consumers).consumers
    assert [it.clusters for it in found.values()] == [("blue", "green"), ("green",), ()]


def test_vault_in_the_cluster_is_installed_where_its_pods_are() -> None:
    identity = {"kind": "role", "serviceAccount": "vault/vault", "cluster": "green"}
    server = {"kind": "vault-server", "mode": "dev", "release": {"version": "0.31.0"}}
    found = stack(vaultIdentity=identity, consumers={"vault": server})
    assert found.identity.clusters == ("green",)
    assert found.consumers["vault"].clusters == ("green",)
    assert "cluster" not in found.identity.options


def test_of_one_cluster_nothing_has_to_be_said() -> None:
    identity = {"kind": "role", "serviceAccount": "vault/vault"}
    found = stack(clusters={"blue": {}}, vaultIdentity=identity)
    assert found.identity.clusters == found.logins["pod"].clusters == ("blue",)


def test_pod_identity_needs_its_agent_in_the_clusters_of_its_logins_alone() -> None:
    found = stack({"pod": {**POD, "method": "pod-identity", "clusters": ["green"]}})
    assert [found.uses_pod_identity(it) for it in found.clusters.values()] == [False, True]


# What is refused


FIVE: dict[str, Any] = {f"eks{number}": {} for number in range(5)}
BOTH_REGIONS = {"blue": GROUPS, "green": {**GROUPS, "region": "eu-west-1", "name": "green"}}
SEVERAL_NODES = {"blue": GROUPS, "green": {"nodeGroups": {"others": {}}}}
VAULTS_POD = {"kind": "role", "serviceAccount": "vault/vault"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"clusters": {"blue": {}, "eks1": {}}, "cluster": {"name": "eks1"}},
            "clusters.eks1: is what vault-aws-auth:cluster is called already; write another",
        ),
        (
            {"clusters": {"blue": {"name": "x"}, "green": {"name": "x"}}},
            'clusters.green.name: "x" is the cluster of vault-aws-auth:clusters.blue already, in us-east-1; write another',
        ),
        (
            {"clusters": {"blue": {"name": "green"}, "green": {}}},
            'clusters.green: "green" is the cluster of vault-aws-auth:clusters.blue already, in us-east-1; write another',
        ),
        (
            {"clusters": {"-a": {"name": "a"}}},
            'clusters.-a: "-a" is not a cluster name; write up to 100 letters, digits, - and _',
        ),
        ({"clusters": {"blue": "x"}}, 'clusters.blue: "x" is not a mapping; write key: value pairs'),
        ({"clusters": ["blue"]}, 'clusters: ["blue"] is not a mapping; write key: value pairs'),
        (
            {"clusters": {"blue": {"existing": True, "nodeGroups": {"a": {}}}}},
            "clusters.blue.nodeGroups: is not used: an existing cluster is used as it is; remove it",
        ),
        (
            {"clusters": {"blue": {"region": "moon"}}},
            'clusters.blue.region: "moon" is not an AWS region; write e.g. us-east-1',
        ),
        (
            {"clusters": {"blue": {"region": "cn-north-1"}}},
            'clusters.blue.region: "cn-north-1" is of the partition aws-cn, and aws:region us-east-1 is of aws; write a region of that, e.g. us-east-1',
        ),
        (
            {"clusters": {"blue": {"region": "eu-west-1", "encryptionKeyArn": KEY}}},
            f'clusters.blue.encryptionKeyArn: "{KEY}" is not of the cluster\'s region, eu-west-1; write a key of that region',
        ),
        (
            {"logins": {"pod": {**POD, "clusters": ["blue", "gren"]}}},
            'logins.pod.clusters[1]: "gren" is not a cluster of the stack file; did you mean green?',
        ),
        (
            {"logins": {"pod": {**POD, "clusters": []}}},
            "logins.pod.clusters: is empty; write at least one entry: the name of a cluster",
        ),
        (
            {"logins": {"pod": {**POD, "clusters": ["blue", "blue"]}}},
            "logins.pod.clusters: contains duplicates; write each entry once",
        ),
        (
            {
                "logins": {
                    "n": {
                        "kind": "ec2-instance",
                        "roleArns": ["arn:aws:iam::111111111111:role/x"],
                        "policies": ["dev"],
                        "clusters": ["blue"],
                    }
                }
            },
            "logins.n.clusters: is not used: the login has no nodeGroups; remove it",
        ),
        (
            {"logins": {"a": POD, "b": {**POD, "clusters": ["green"]}}},
            'logins.b.serviceAccounts[0]: "app/api" is the service account of vault-aws-auth:logins.a.serviceAccounts[0] already; write another, or, to give it a second Vault role, a login of kind principal with its IAM role: docs/operations.md, Two Vault roles for one workload',
        ),
        (
            {"clusters": BOTH_REGIONS, "logins": {"node": NODE}},
            "logins.node: has nodeGroups in us-east-1 and eu-west-1, and Vault looks for the instances of a login in one region; write a login for each, with clusters",
        ),
        (
            {
                "clusters": BOTH_REGIONS,
                "logins": {"node": {**NODE, "clusters": ["green"], "region": "us-east-1"}},
            },
            'logins.node.region: "us-east-1" is not that of its nodeGroups; write eu-west-1, or leave it out',
        ),
        (
            {"clusters": SEVERAL_NODES, "logins": {"node": {**NODE, "nodeGroups": ["workres"]}}},
            'logins.node.nodeGroups[0]: "workres" is not a node group of the clusters blue, green; did you mean workers?',
        ),
        (
            {"clusters": SEVERAL_NODES, "logins": {"node": {**NODE, "clusters": ["blue", "green"]}}},
            'logins.node.clusters[1]: "green" has none of the login\'s nodeGroups; it has others',
        ),
        (
            {"vaultIdentity": VAULTS_POD},
            "vaultIdentity.cluster: is missing: there are several clusters, and Vault runs in one; write one of blue, green",
        ),
        (
            {"vaultIdentity": {**VAULTS_POD, "cluster": "blu"}},
            'vaultIdentity.cluster: "blu" is not a cluster of the stack file; did you mean blue?',
        ),
        (
            {"vaultIdentity": {"kind": "role", "trustedServices": ["ec2.amazonaws.com"], "cluster": "blue"}},
            "vaultIdentity.cluster: is not used: there is no serviceAccount; remove it",
        ),
        (
            {"consumers": {"op": {**OPERATOR, "clusters": ["blue"]}}},
            "consumers.op.clusters: is not used: the consumer is not installed; remove it",
        ),
        (
            {
                "logins": {"pod": {**POD, "clusters": ["green"]}},
                "consumers": {"op": {**OPERATOR, "apply": True, "clusters": ["blue"]}},
            },
            'consumers.op.clusters[0]: "blue" is not a cluster of vault-aws-auth:logins.pod; write one of its own: green',
        ),
        (
            {"clusters": {}},
            "cluster: is missing, and vault-aws-auth:logins.pod needs it; write at least {name: NAME}",
        ),
        (
            {
                "clusters": {
                    "blue": {**GROUPS, "name": "x"},
                    "green": {"nodeGroups": {"workers": {"roleName": "x-workers-node"}}},
                }
            },
            'clusters.green.nodeGroups.workers.roleName: "x-workers-node" is the IAM role of vault-aws-auth:clusters.blue.nodeGroups.workers already; write another',
        ),
    ],
)
def test_one_problem_is_one_message_that_says_how_to_mend_it(keys: dict[str, Any], expected: str) -> None:
    assert problems(**keys) == [expected]


def test_five_clusters_fit_into_a_raised_quota_or_go_by_pod_identity() -> None:
    (said,) = problems(clusters=FIVE)
    assert said.startswith("logins.pod.clusters: are 5, which make a trust policy of 2,1")
    assert "the first 4 fit; declare a further login of the same service accounts for the others" in said
    assert said.endswith("write trustPolicyLimit: 4096")
    stack({"pod": {**POD, "trustPolicyLimit": 4096}}, FIVE)
    stack({"pod": {**POD, "method": "pod-identity"}}, FIVE)
    four, fifth = {**POD, "clusters": [*FIVE][:4]}, {**POD, "clusters": [*FIVE][4:]}
    stack({"pod": four, "pod-5": fifth}, FIVE)


def test_what_is_wrong_with_a_cluster_has_no_consequences_for_its_logins() -> None:
    login = {**POD, "clusters": ["blue", "grn"]}
    assert [it.partition(": ")[0] for it in problems({"pod": login}, {"blue": {}, "grn": "x"})] == [
        "clusters.grn"
    ]
