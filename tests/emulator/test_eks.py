"""EKS: the backed cluster, node groups and their instances, addons, access entries, Pod Identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.world import ISSUER, PRIMARY, SECONDARY, Emulator, error_of, make_role, root, trust


def services(name: str) -> str:
    return trust({"Service": f"{name}.amazonaws.com"})


def create_cluster(emulator: Emulator, name: str, account: str = PRIMARY, **more: Any) -> dict[str, Any]:
    keys = emulator.keys(account)
    subnets = [s["SubnetId"] for s in emulator.client("ec2", keys).describe_subnets()["Subnets"]][:2]
    role = make_role(emulator, f"{name}-cluster", services("eks"), account)
    wanted = {"roleArn": role, "resourcesVpcConfig": {"subnetIds": subnets}, **more}
    created = emulator.client("eks", keys).create_cluster(name=name, **wanted)
    return dict(created["cluster"])


@pytest.fixture(scope="module")
def cluster(emulator: Emulator) -> str:
    create_cluster(emulator, "main", accessConfig={"authenticationMode": "API"})
    return "main"


def instances(emulator: Emulator, group: str) -> list[dict[str, Any]]:
    wanted = [
        {"Name": "tag:eks:nodegroup-name", "Values": [group]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    reservations = emulator.client("ec2").describe_instances(Filters=wanted)["Reservations"]
    return [i for r in reservations for i in r["Instances"]]


@pytest.fixture
def fictitious(emulator: Emulator, cluster: str) -> Iterator[None]:
    with emulator.without_api_server():
        yield


def test_the_first_cluster_is_the_real_one(emulator: Emulator, cluster: str) -> None:
    described = emulator.client("eks").describe_cluster(name=cluster)["cluster"]
    assert described["endpoint"] == "https://127.0.0.1:6443"
    assert described["identity"]["oidc"]["issuer"] == ISSUER
    assert described["certificateAuthority"]["data"] == "YSBDQQ=="
    assert described["status"] == "ACTIVE"


def test_a_cluster_that_is_made_again_has_another_issuer_unless_all_is_as_new(fresh: Emulator) -> None:
    issuers = []
    for path in ("", "", "/sandbox/as-new"):
        if path:
            assert fresh.get(path, "PUT")[0] == 200
        issuers.append(create_cluster(fresh, "again")["identity"]["oidc"]["issuer"])
        fresh.client("eks").delete_cluster(name="again")
        fresh.client("iam").delete_role(RoleName="again-cluster")
    assert issuers[0] == issuers[2] == ISSUER
    assert issuers[1] != ISSUER


def test_the_first_control_plane_has_one_cluster_even_if_all_is_said_to_be_as_new(fresh: Emulator) -> None:
    assert create_cluster(fresh, "one")["endpoint"] == "https://127.0.0.1:6443"
    fresh.get("/sandbox/as-new", "PUT")
    assert create_cluster(fresh, "other")["identity"]["oidc"]["issuer"] != ISSUER


@pytest.mark.usefixtures("fictitious")
def test_without_an_api_server_clusters_have_fictitious_endpoints(emulator: Emulator) -> None:
    one, other = create_cluster(emulator, "one"), create_cluster(emulator, "other", SECONDARY)
    assert len({ISSUER, one["identity"]["oidc"]["issuer"], other["identity"]["oidc"]["issuer"]}) == 3
    assert one["accessConfig"]["authenticationMode"] == "CONFIG_MAP"


@pytest.mark.usefixtures("fictitious")
def test_a_cluster_brings_and_takes_its_security_group(emulator: Emulator) -> None:
    network = create_cluster(emulator, "brief")["resourcesVpcConfig"]
    ec2, eks = emulator.client("ec2"), emulator.client("eks")
    group = network["clusterSecurityGroupId"]
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == network["vpcId"]
    assert error_of(eks.create_cluster, **again(emulator, "brief"))[0] == "ResourceInUseException"
    eks.delete_cluster(name="brief")
    assert error_of(eks.describe_cluster, name="brief")[0] == "ResourceNotFoundException"
    assert error_of(ec2.describe_security_groups, GroupIds=[group])[0] == "InvalidGroup.NotFound"


def again(emulator: Emulator, name: str) -> dict[str, Any]:
    described = emulator.client("eks").describe_cluster(name=name)["cluster"]
    network = {"subnetIds": described["resourcesVpcConfig"]["subnetIds"]}
    return {"name": name, "roleArn": described["roleArn"], "resourcesVpcConfig": network}


def test_a_role_that_eks_may_not_assume_is_refused(emulator: Emulator, cluster: str) -> None:
    wrong = make_role(emulator, "not-for-eks", trust(root(PRIMARY)))
    wanted = {**again(emulator, cluster), "name": "x", "roleArn": wrong}
    assert error_of(emulator.client("eks").create_cluster, **wanted)[0] == "InvalidParameterException"


def test_a_node_group_lives_and_dies_with_its_instances(emulator: Emulator, cluster: str) -> None:
    eks, iam = emulator.client("eks"), emulator.client("iam")
    role = make_role(emulator, "main-node", services("ec2"))
    subnets = again(emulator, cluster)["resourcesVpcConfig"]["subnetIds"]
    wanted = {"clusterName": cluster, "nodegroupName": "default"}
    created = eks.create_nodegroup(
        **wanted,
        nodeRole=role,
        subnets=subnets,
        scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 2},
        labels={"a": "b"},
    )["nodegroup"]
    assert created["status"] == "ACTIVE"
    assert created["resources"]["autoScalingGroups"][0]["name"].startswith("eks-default-")
    running = instances(emulator, "default")
    assert len(running) == 2
    profile = running[0]["IamInstanceProfile"]["Arn"]
    assert profile.startswith(f"arn:aws:iam::{PRIMARY}:instance-profile/eks-")
    name = profile.rsplit("/", 1)[1]
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"][0]["Arn"] == role
    assert (
        eks.describe_access_entry(clusterName=cluster, principalArn=role)["accessEntry"]["type"]
        == "EC2_LINUX"
    )

    eks.update_nodegroup_config(**wanted, scalingConfig={"desiredSize": 3}, labels={"removeLabels": ["a"]})
    assert len(instances(emulator, "default")) == 3
    eks.update_nodegroup_config(**wanted, scalingConfig={"desiredSize": 1})
    assert len(instances(emulator, "default")) == 1
    assert eks.describe_nodegroup(**wanted)["nodegroup"]["labels"] == {}
    too_many = {"scalingConfig": {"desiredSize": 9}}
    assert error_of(eks.update_nodegroup_config, **wanted, **too_many)[0] == "InvalidParameterException"
    assert error_of(eks.delete_cluster, name=cluster)[0] == "ResourceInUseException"

    eks.delete_nodegroup(**wanted)
    assert instances(emulator, "default") == []
    assert error_of(iam.get_instance_profile, InstanceProfileName=name)[0] == "NoSuchEntity"
    assert error_of(eks.describe_nodegroup, **wanted)[0] == "ResourceNotFoundException"
    iam.delete_role(RoleName="main-node")


@pytest.fixture
def node_group(emulator: Emulator, cluster: str) -> Iterator[dict[str, Any]]:
    """What every request of a node group says."""
    role = make_role(emulator, "templated-node", services("ec2"))
    subnets = again(emulator, cluster)["resourcesVpcConfig"]["subnetIds"]
    scaling = {"minSize": 1, "maxSize": 1, "desiredSize": 1}
    yield {
        "clusterName": cluster,
        "nodegroupName": "templated",
        "nodeRole": role,
        "subnets": subnets,
        "scalingConfig": scaling,
    }
    emulator.client("iam").delete_role(RoleName="templated-node")


def metadata_options(emulator: Emulator) -> tuple[str, int]:
    (instance,) = instances(emulator, "templated")
    options = instance["MetadataOptions"]
    return options["HttpTokens"], options["HttpPutResponseHopLimit"]


def test_a_launch_template_says_who_reaches_the_metadata_of_nodes(
    emulator: Emulator, node_group: dict[str, Any]
) -> None:
    eks, ec2 = emulator.client("eks"), emulator.client("ec2")
    closed = {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3}}
    open_ = {"MetadataOptions": {"HttpPutResponseHopLimit": 2}}
    made = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=closed)
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=open_)

    created = eks.create_nodegroup(**node_group, launchTemplate={"name": "nodes"})["nodegroup"]
    assert created["launchTemplate"] == {"id": template, "name": "nodes", "version": "1"}
    assert metadata_options(emulator) == ("required", 3)
    (first,) = instances(emulator, "templated")

    group = {key: node_group[key] for key in ("clusterName", "nodegroupName")}
    eks.update_nodegroup_version(**group, launchTemplate={"id": template, "version": "$Latest"})
    assert eks.describe_nodegroup(**group)["nodegroup"]["launchTemplate"]["version"] == "2"
    assert metadata_options(emulator) == ("required", 2)
    (second,) = instances(emulator, "templated")
    assert first["InstanceId"] != second["InstanceId"], "another version starts all nodes anew"

    other = ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData=open_)
    changed = {"id": other["LaunchTemplate"]["LaunchTemplateId"]}
    refusal = error_of(eks.update_nodegroup_version, **group, launchTemplate=changed)
    assert refusal[0] == "InvalidParameterException"
    eks.delete_nodegroup(**group)


@pytest.mark.parametrize(
    ("image", "expected"),
    [("AL2023_x86_64_STANDARD", ("required", 1)), ("AL2_x86_64", ("optional", 2))],
)
def test_without_a_launch_template_the_image_says_who_reaches_the_metadata(
    emulator: Emulator, node_group: dict[str, Any], image: str, expected: tuple[str, int]
) -> None:
    emulator.client("eks").create_nodegroup(**node_group, amiType=image)
    assert metadata_options(emulator) == expected
    emulator.client("eks").delete_nodegroup(clusterName="main", nodegroupName="templated")


@pytest.mark.parametrize(
    "wrong",
    [
        {"launchTemplate": {"id": "lt-0"}},
        {"launchTemplate": {"name": "nowhere"}},
        {"launchTemplate": {"version": "1"}},
        {"launchTemplate": {"name": "small"}, "diskSize": 50},
    ],
)
def test_a_launch_template_that_does_not_fit_is_refused(
    emulator: Emulator, node_group: dict[str, Any], wrong: dict[str, Any]
) -> None:
    ec2 = emulator.client("ec2")
    ec2.create_launch_template(LaunchTemplateName="small", LaunchTemplateData={"KeyName": "k"})
    refusal = error_of(emulator.client("eks").create_nodegroup, **node_group, **wrong)
    assert refusal[0] == "InvalidParameterException"
    assert instances(emulator, "templated") == []
    ec2.delete_launch_template(LaunchTemplateName="small")


def test_addons(emulator: Emulator, cluster: str) -> None:
    eks = emulator.client("eks")
    offered = eks.describe_addon_versions(addonName="vpc-cni", kubernetesVersion="1.33")["addons"][0]
    default, older = (v["addonVersion"] for v in offered["addonVersions"])
    wanted = {"clusterName": cluster, "addonName": "vpc-cni"}
    assert eks.create_addon(**wanted, addonVersion=older)["addon"]["status"] == "ACTIVE"
    assert eks.list_addons(clusterName=cluster)["addons"] == ["vpc-cni"]
    update = eks.update_addon(**wanted, addonVersion=default)["update"]
    assert eks.describe_update(name=cluster, updateId=update["id"])["update"]["status"] == "Successful"
    assert eks.describe_addon(**wanted)["addon"]["addonVersion"] == default
    assert error_of(eks.create_addon, clusterName=cluster, addonName="nope")[0] == "InvalidParameterException"
    eks.delete_addon(**wanted)
    assert error_of(eks.describe_addon, **wanted)[0] == "ResourceNotFoundException"


def test_access_entries_and_policies(emulator: Emulator, cluster: str) -> None:
    eks = emulator.client("eks")
    role = make_role(emulator, "operators", trust(root(PRIMARY)), Path="/team/")
    wanted = {"clusterName": cluster, "principalArn": role}
    entry = eks.create_access_entry(**wanted, kubernetesGroups=["viewers"], tags={"a": "b"})["accessEntry"]
    assert entry["username"] == f"arn:aws:sts::{PRIMARY}:assumed-role/operators/{{{{SessionName}}}}"
    assert error_of(eks.create_access_entry, **wanted)[0] == "ResourceInUseException"
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    eks.associate_access_policy(**wanted, policyArn=policy, accessScope=scope)
    associated = eks.list_associated_access_policies(**wanted)["associatedAccessPolicies"]
    assert [(a["policyArn"], a["accessScope"]) for a in associated] == [(policy, scope)]
    eks.disassociate_access_policy(**wanted, policyArn=policy)
    assert eks.list_associated_access_policies(**wanted)["associatedAccessPolicies"] == []
    eks.update_access_entry(**wanted, kubernetesGroups=["others"])
    assert eks.describe_access_entry(**wanted)["accessEntry"]["kubernetesGroups"] == ["others"]
    eks.delete_access_entry(**wanted)
    assert role not in eks.list_access_entries(clusterName=cluster)["accessEntries"]


@pytest.mark.usefixtures("fictitious")
def test_access_entries_need_their_authentication_mode(emulator: Emulator) -> None:
    create_cluster(emulator, "config-map")
    eks = emulator.client("eks")
    code, message = error_of(eks.list_access_entries, clusterName="config-map")
    assert (code, "authentication mode" in message) == ("InvalidRequestException", True)
    eks.update_cluster_config(name="config-map", accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    assert eks.list_access_entries(clusterName="config-map")["accessEntries"] == []


def test_pod_identity_associations(emulator: Emulator, cluster: str) -> None:
    eks = emulator.client("eks")
    trusted = trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])
    role = make_role(emulator, "pods", trusted)
    wanted = {"clusterName": cluster, "namespace": "default", "serviceAccount": "vault-auth"}
    made = eks.create_pod_identity_association(**wanted, roleArn=role)["association"]
    found = {"clusterName": cluster, "associationId": made["associationId"]}
    assert (
        error_of(eks.create_pod_identity_association, **wanted, roleArn=role)[0] == "ResourceInUseException"
    )
    listed = eks.list_pod_identity_associations(clusterName=cluster, namespace="default")["associations"]
    assert [a["associationId"] for a in listed] == [made["associationId"]]
    assert eks.list_pod_identity_associations(clusterName=cluster, namespace="other")["associations"] == []
    eks.update_pod_identity_association(**found, disableSessionTags=True)
    assert eks.describe_pod_identity_association(**found)["association"]["disableSessionTags"] is True
    eks.delete_pod_identity_association(**found)
    assert error_of(eks.describe_pod_identity_association, **found)[0] == "ResourceNotFoundException"


def test_tags(emulator: Emulator, cluster: str) -> None:
    eks = emulator.client("eks")
    arn = eks.describe_cluster(name=cluster)["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


def test_a_node_group_that_cannot_be_launched_leaves_nothing(emulator: Emulator, cluster: str) -> None:
    role = make_role(emulator, "nowhere-node", services("ec2"))
    wanted = {"clusterName": cluster, "nodegroupName": "nowhere", "subnets": ["subnet-00000000"]}
    refusal = error_of(emulator.client("eks").create_nodegroup, **wanted, nodeRole=role)
    assert refusal[0] == "InvalidParameterException"
    assert instances(emulator, "nowhere") == []
    emulator.client("iam").delete_role(RoleName="nowhere-node")


def test_the_image_for_nodes_is_one_that_ec2_knows(emulator: Emulator) -> None:
    name = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/image_id"
    ssm = emulator.client("ssm")
    image = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    wanted = [{"Name": "image-id", "Values": [image]}]
    assert emulator.client("ec2").describe_images(Owners=["self", "amazon"], Filters=wanted)["Images"]
    refused = error_of(ssm.put_parameter, Name="x", Value="y", Type="String")
    assert "is read-only" in refused[1]
