"""The local aws plugin's EKS types and functions, against the emulated AWS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plugins import wire
from sandbox.plugins.aws import PLUGIN
from sandbox.plugins.aws.eks.common import Kind
from tests.plugins.cloud import REGION, Cloud, cloud
from tests.plugins.engine import Deployed, Engine, Refused, engine_for

__all__ = ["cloud"]

ACCOUNT = "111111111111"
POD_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {
                    "Service": ["pods.eks.amazonaws.com", "eks.amazonaws.com", "ec2.amazonaws.com"]
                },
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
)
CLUSTER, NODES, ADDON = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


@pytest.fixture(scope="module")
def engine(cloud: Cloud) -> Iterator[Engine]:
    key = cloud.keys[ACCOUNT]
    config = {
        "region": REGION,
        "accessKey": key["access_key_id"],
        "secretKey": key["secret_access_key"],
        "endpoints": json.dumps(
            [dict.fromkeys(("ec2", "eks", "iam", "sts", "ssm", "autoscaling"), cloud.url)]
        ),
    }
    with engine_for(PLUGIN, config) as engine:
        yield engine


@pytest.fixture
def role(engine: Engine) -> Iterator[Deployed]:
    role = engine.create("aws:iam/role:Role", {"assumeRolePolicy": POD_TRUST})
    yield role
    engine.delete(role)


@pytest.fixture
def cluster(engine: Engine, role: Deployed) -> Iterator[Deployed]:
    made = engine.create(CLUSTER, cluster_inputs(engine, role))
    yield made
    engine.delete(made)
    assert engine.refresh(made) is None


def cluster_inputs(engine: Engine, role: Deployed) -> dict[str, Any]:
    return {
        "name": "a",
        "roleArn": role.outputs["arn"],
        "accessConfig": {"authenticationMode": "API"},
        "vpcConfig": {"subnetIds": subnets(engine)},
        "version": "1.32",
    }


def subnets(engine: Engine) -> list[str]:
    vpc = engine.invoke("aws:ec2/getVpc:getVpc", {"default": True})["id"]
    asked = {"filters": [{"name": "vpc-id", "values": [vpc]}]}
    found: list[str] = engine.invoke("aws:ec2/getSubnets:getSubnets", asked)["ids"]
    return sorted(found)[:2]


def changed_in_place(engine: Engine, was: Deployed, inputs: dict[str, Any]) -> Deployed:
    """Updates, then checks that it settled and that nothing was replaced."""
    now = engine.update(was, inputs)
    assert now.steps == ["update"]
    assert engine.update(now, inputs).steps == ["same"]
    seen = engine.refresh(now)
    assert seen is not None
    assert seen.inputs == now.inputs
    return now


def lived(engine: Engine, token: str, inputs: dict[str, Any], change: dict[str, Any]) -> Deployed:
    """Created, left alone, changed, deleted twice."""
    made = engine.create(token, inputs)
    seen = engine.refresh(made)
    assert seen is not None
    assert seen.inputs == made.inputs
    assert seen.outputs == made.outputs
    assert engine.update(made, inputs).steps == ["same"]
    now = changed_in_place(engine, made, {**inputs, **change}) if change else made
    engine.delete(now)
    assert engine.refresh(now) is None
    engine.delete(now)
    return now


def test_a_cluster_changes_in_place_what_eks_can_change(
    engine: Engine, cluster: Deployed, role: Deployed, cloud: Cloud
) -> None:
    inputs = {
        **cluster_inputs(engine, role),
        "vpcConfig": {
            "subnetIds": list(reversed(subnets(engine))),
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["203.0.113.0/24"],
        },
        "enabledClusterLogTypes": ["api", "audit"],
        "version": "1.33",
        "tags": {"team": "a"},
    }
    now = changed_in_place(engine, cluster, inputs)
    live = cloud.client("eks").describe_cluster(name="a")["cluster"]
    assert live["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert live["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert live["version"] == "1.33"
    assert live["tags"]["team"] == "a"
    assert sorted(now.outputs["enabledClusterLogTypes"]) == ["api", "audit"]


def test_a_cluster_gets_a_key_in_place_and_loses_it_only_with_itself(
    engine: Engine, cluster: Deployed
) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555"
    encrypted = {
        **cluster.inputs,
        "encryptionConfig": {"provider": {"keyArn": key}, "resources": ["secrets"]},
    }
    changed = engine.update(cluster, encrypted)
    assert changed.steps == ["update"]
    assert changed.values["encryptionConfig"]["provider"] == {"keyArn": key}
    assert engine.diff(changed, cluster.inputs).replaces == ["encryptionConfig"]


def test_a_cluster_is_replaced_for_another_role(engine: Engine, cluster: Deployed, role: Deployed) -> None:
    inputs = {**cluster_inputs(engine, role), "roleArn": f"arn:aws:iam::{ACCOUNT}:role/other"}
    change = engine.diff(cluster, engine.check(CLUSTER, inputs, old=cluster.inputs))
    # Its name was chosen by the user and stays: the old one has to go first.
    assert (change.replaces, change.delete_first) == (["roleArn"], True)


def test_drift_of_a_cluster_is_only_in_what_was_declared(
    engine: Engine, cluster: Deployed, cloud: Cloud
) -> None:
    cloud.client("eks").update_cluster_config(
        name="a", resourcesVpcConfig={"endpointPrivateAccess": True, "endpointPublicAccess": True}
    )
    seen = engine.refresh(cluster)
    assert seen is not None
    assert seen.inputs == cluster.inputs
    assert seen.outputs["vpcConfig"]["endpointPrivateAccess"] is True


def test_a_node_group_lives(engine: Engine, cluster: Deployed, role: Deployed) -> None:
    inputs = {
        "clusterName": cluster.id,
        "nodeGroupName": "default",
        "nodeRoleArn": role.outputs["arn"],
        "subnetIds": subnets(engine),
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
        "labels": {"a": "1", "b": "2"},
        "taints": [{"key": "t", "value": "1", "effect": "NO_SCHEDULE"}],
    }
    change = {
        "scalingConfig": {"desiredSize": 2, "minSize": 1, "maxSize": 2},
        "labels": {"a": "3"},
        "taints": [{"key": "u", "value": "1", "effect": "NO_EXECUTE"}],
        "tags": {"team": "a"},
    }
    now = lived(engine, NODES, inputs, change)
    assert now.id == "a:default"
    assert now.outputs["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-")


def test_a_node_group_follows_its_launch_template(
    engine: Engine, cluster: Deployed, role: Deployed, cloud: Cloud
) -> None:
    def with_limit(limit: int) -> dict[str, Any]:
        return {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": limit}}

    def nodes(**template: str) -> dict[str, Any]:
        return {**without, "launchTemplate": template}

    template = engine.create("aws:ec2/launchTemplate:LaunchTemplate", with_limit(1))
    without = {
        "clusterName": cluster.id,
        "nodeGroupName": "default",
        "nodeRoleArn": role.outputs["arn"],
        "subnetIds": subnets(engine),
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
    }
    group = engine.create(NODES, nodes(id=template.id, version="1"))
    now = engine.refresh(group)
    assert now is not None
    assert now.inputs == group.inputs, "the name that EKS adds is no drift"
    assert hop_limits(cloud) == [1]

    template = engine.update(template, with_limit(2))
    assert template.outputs["latestVersion"] == 2
    group = engine.update(group, nodes(id=template.id, version="2"))
    assert hop_limits(cloud) == [2]
    engine.delete(group)

    bare = engine.create(NODES, without)
    wanted = engine.check(NODES, nodes(id=template.id, version="2"), bare.name, bare.inputs)
    assert engine.diff(bare, wanted).replaces, "a node group keeps being without a template"
    engine.delete(bare)
    engine.delete(template)


def hop_limits(cloud: Cloud) -> list[int]:
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    found = cloud.client("ec2").describe_instances(Filters=running)["Reservations"]
    return [i["MetadataOptions"]["HttpPutResponseHopLimit"] for each in found for i in each["Instances"]]


@pytest.mark.parametrize(("token", "what"), [(CLUSTER, "cluster b"), (NODES, "nodegroup a:default")])
def test_what_does_not_become_active_is_kept_and_mended_by_the_next_update(
    engine: Engine, cluster: Deployed, role: Deployed, monkeypatch: pytest.MonkeyPatch, token: str, what: str
) -> None:
    nodes = {
        "clusterName": cluster.id,
        "nodeGroupName": "default",
        "nodeRoleArn": role.outputs["arn"],
        "subnetIds": subnets(engine),
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
    }
    inputs = {**cluster_inputs(engine, role), "name": "b"} if token == CLUSTER else nodes
    issue = {"code": "Ec2SubnetInvalidConfiguration", "message": "no addresses"}
    failed = {"status": "CREATE_FAILED", "health": {"issues": [issue]}}
    with monkeypatch.context() as broken:
        broken.setattr(Kind, "live", lambda *_: failed)
        with pytest.raises(Refused, match=f"{what} is CREATE_FAILED: Ec2Subnet.*: no addresses") as refused:
            engine.create(token, inputs)
        assert refused.value.kept
        outputs = wire.decode(refused.value.kept.properties)
        kept = Deployed(token, "it", refused.value.kept.id, engine.check(token, inputs), outputs)
        with pytest.raises(Refused, match="CREATE_FAILED"):
            engine.update_again(kept)
    assert outputs["arn"]
    assert engine.update_again(kept).outputs["status"] == "ACTIVE"
    engine.delete(kept)
    assert engine.refresh(kept) is None


def test_an_addon_lives(engine: Engine, cluster: Deployed) -> None:
    asked = {"addonName": "vpc-cni", "kubernetesVersion": "1.32"}
    newest = engine.invoke("aws:eks/getAddonVersion:getAddonVersion", {**asked, "mostRecent": True})[
        "version"
    ]
    engine.invoke("aws:eks/getAddonVersion:getAddonVersion", asked)
    inputs = {
        "clusterName": cluster.id,
        "addonName": "vpc-cni",
        "addonVersion": newest,
        "configurationValues": '{"env": {"A": "1"}}',
        "preserve": True,
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }
    now = lived(engine, ADDON, inputs, {"configurationValues": '{"env":{"A":"2"}}', "tags": {"team": "a"}})
    assert now.id == "a:vpc-cni"
    wanted = {"clusterName": cluster.id, "addonName": "vpc-cni"}
    again = engine.create(ADDON, inputs)
    assert engine.invoke("aws:eks/getAddon:getAddon", wanted)["addonVersion"] == newest
    with pytest.raises(Refused, match=r"reading EKS Add-On \(a:nope\): couldn't find resource"):
        engine.invoke("aws:eks/getAddon:getAddon", {**wanted, "addonName": "nope"})
    engine.delete(again)
    with pytest.raises(Refused, match="has no version of the add-on 'nope'"):
        engine.invoke("aws:eks/getAddonVersion:getAddonVersion", {**asked, "addonName": "nope"})


def test_access_entries_and_their_policies_live(engine: Engine, cluster: Deployed, role: Deployed) -> None:
    arn = role.outputs["arn"]
    inputs = {"clusterName": cluster.id, "principalArn": arn, "kubernetesGroups": ["viewers"]}
    lived(engine, ENTRY, inputs, {"kubernetesGroups": ["viewers", "editors"], "tags": {"team": "a"}})

    entry = engine.create(ENTRY, inputs)
    assert entry.id == f"a:{arn}"
    association = {
        "clusterName": cluster.id,
        "principalArn": arn,
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "accessScope": {"type": "namespace", "namespaces": ["default"]},
    }
    lived(engine, ASSOCIATION, association, {})
    engine.delete(entry)


def test_a_pod_identity_association_lives(engine: Engine, cluster: Deployed, role: Deployed) -> None:
    inputs = {
        "clusterName": cluster.id,
        "namespace": "default",
        "serviceAccount": "vault-auth",
        "roleArn": role.outputs["arn"],
    }
    now = lived(engine, POD, inputs, {"disableSessionTags": True, "tags": {"team": "a"}})
    assert now.id == now.outputs["associationId"]


def test_a_pod_identity_association_is_imported_by_its_cluster_and_its_id(
    engine: Engine, cluster: Deployed, role: Deployed
) -> None:
    inputs = {
        "clusterName": cluster.id,
        "namespace": "n",
        "serviceAccount": "s",
        "roleArn": role.values["arn"],
    }
    made = engine.create(POD, inputs)
    found = engine.read(POD, f"{cluster.id},{made.id}")
    assert found is not None
    assert found.id == made.id
    assert {name: found.inputs[name] for name in inputs} == inputs
    with pytest.raises(Refused, match="write CLUSTER,ASSOCIATION"):
        engine.read(POD, made.id)
    engine.delete(made)


def test_the_image_that_a_node_group_starts_from_is_found(engine: Engine) -> None:
    name = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/image_id"
    image = engine.invoke("aws:ssm/getParameter:getParameter", {"name": name})["value"]
    asked = {"owners": ["self", "amazon"], "filters": [{"name": "image-id", "values": [image]}]}
    assert engine.invoke("aws:ec2/getAmi:getAmi", asked)["blockDeviceMappings"][0]["deviceName"]
