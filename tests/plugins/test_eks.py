"""The local eks package, constructed by the real engine, against the emulated AWS."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pytest
from pulumi import automation

from tests.plugins.cloud import REGION, SECONDARY, Cloud, cloud

__all__ = ["cloud"]

NODE_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
# What the official package registers for these inputs: type, name, parent's type.
CHILDREN = {
    ("eks:index:ServiceRole", "c-eksRole", "eks:index:Cluster"),
    ("aws:iam/role:Role", "c-eksRole-role", "eks:index:ServiceRole"),
    (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "c-eksRole-4b490823",
        "eks:index:ServiceRole",
    ),
    ("aws:ec2/securityGroup:SecurityGroup", "c-eksClusterSecurityGroup", "eks:index:Cluster"),
    ("aws:ec2/securityGroup:SecurityGroup", "c-nodeSecurityGroup", "eks:index:Cluster"),
    *(
        ("aws:ec2/securityGroupRule:SecurityGroupRule", f"c-{rule}", "eks:index:Cluster")
        for rule in (
            "eksClusterInternetEgressRule",
            "eksClusterIngressRule",
            "eksNodeIngressRule",
            "eksNodeClusterIngressRule",
            "eksExtApiServerClusterIngressRule",
            "eksNodeInternetEgressRule",
        )
    ),
    ("aws:eks/cluster:Cluster", "c-eksCluster", "eks:index:Cluster"),
    ("pulumi:providers:kubernetes", "c-eks-k8s", "eks:index:Cluster"),
    ("aws:eks/addon:Addon", "c-kube-proxy", "eks:index:Cluster"),
    ("eks:index:VpcCniAddon", "c-vpc-cni", "eks:index:Cluster"),
    ("aws:eks/addon:Addon", "c-vpc-cni", "eks:index:VpcCniAddon"),
    ("aws:eks/nodeGroup:NodeGroup", "default", "eks:index:ManagedNodeGroup"),
}


def made_of(group: Any) -> Any:
    # Not `node_group.resources`: an Output has a method of that name.
    return group.resources


def declare() -> None:
    """A cluster in the default VPC, with one managed node group."""
    role = aws.iam.Role("node", name="eks1-node", assume_role_policy=NODE_TRUST)
    cluster = eks.Cluster(
        "c",
        name="eks1",
        authentication_mode=eks.AuthenticationMode.API,
        skip_default_node_group=True,
        enabled_cluster_log_types=["api", "audit"],
        endpoint_private_access=True,
    )
    nodes = eks.ManagedNodeGroup(
        "default",
        cluster=cluster,
        node_role=role,
        node_group_name="default",
        instance_types=["t3.medium"],
        labels={"team": "a"},
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(min_size=1, desired_size=1, max_size=2),
    )
    outputs = {
        "clusterName": cluster.eks_cluster.name,
        "subnets": cluster.core.subnet_ids,
        "issuer": cluster.oidc_issuer,
        "providerArn": cluster.oidc_provider_arn,
        "kubeconfig": cluster.kubeconfig,
        "kubeconfigJson": cluster.kubeconfig_json,
        "clusterGroup": cluster.cluster_security_group_id,
        "nodeGroup": nodes.node_group.apply(made_of),
        "nodeVersion": nodes.node_group.version,
        "clusterVersion": cluster.eks_cluster.version,
    }
    for name, value in outputs.items():
        pulumi.export(name, value)


def resources(stack: automation.Stack) -> list[dict[str, Any]]:
    """The stack's resources, with their parents' types."""
    deployment = stack.export_stack().deployment or {}
    found: list[dict[str, Any]] = deployment.get("resources", [])
    return found


def changes(summary: Any) -> dict[str, int]:
    return {kind: count for kind, count in (summary.resource_changes or {}).items() if count}


def test_a_cluster_with_nodes_comes_up_stays_as_it_is_and_goes(cloud: Cloud) -> None:
    stack = cloud.stack("whole", declare)
    try:
        assert stack.preview().change_summary[automation.OpType.CREATE] >= len(CHILDREN)
        assert cloud.client("eks").list_clusters()["clusters"] == []

        result = stack.up()
        types = {
            (r["type"], r["urn"].split("::")[-1], r.get("parent", "").split("::")[-2:][0].split("$")[-1])
            for r in resources(stack)
        }
        assert types >= CHILDREN
        outputs = {key: output.value for key, output in result.outputs.items()}

        live = cloud.client("eks").describe_cluster(name="eks1")["cluster"]
        assert live["identity"]["oidc"]["issuer"] == f"https://{outputs['issuer']}"
        assert live["accessConfig"]["authenticationMode"] == "API"
        assert outputs["providerArn"] == ""
        assert outputs["clusterGroup"] in live["resourcesVpcConfig"]["securityGroupIds"]
        assert sorted(outputs["subnets"]) == sorted(live["resourcesVpcConfig"]["subnetIds"])
        assert outputs["kubeconfig"] == json.loads(outputs["kubeconfigJson"])
        cluster = outputs["kubeconfig"]["clusters"][0]["cluster"]
        assert cluster["server"] == live["endpoint"]
        assert cluster["certificate-authority-data"] == live["certificateAuthority"]["data"]
        assert outputs["kubeconfig"]["users"][0]["user"]["exec"] == {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": ["--region", REGION, "eks", "get-token", "--cluster-name", "eks1", "--output", "json"],
            "env": [
                {
                    "name": "KUBERNETES_EXEC_INFO",
                    "value": '{"apiVersion": "client.authentication.k8s.io/v1beta1"}',
                }
            ],
        }
        nodes = cloud.client("eks").describe_nodegroup(clusterName="eks1", nodegroupName="default")
        group = nodes["nodegroup"]["resources"]["autoScalingGroups"][0]["name"]
        assert outputs["nodeGroup"][0]["autoscalingGroups"][0]["name"] == group
        assert outputs["nodeVersion"] == outputs["clusterVersion"]
        assert cloud.client("eks").list_addons(clusterName="eks1")["addons"] == ["kube-proxy", "vpc-cni"]

        assert set(changes(stack.up().summary)) == {"same"}
        assert set(changes(stack.refresh().summary)) <= {"same"}
    finally:
        stack.destroy()
    assert cloud.client("eks").list_clusters()["clusters"] == []
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    assert {group["GroupName"] for group in groups} == {"default"}


def test_a_cluster_s_own_inputs_reach_aws(cloud: Cloud) -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("v", cidr_block="10.7.0.0/16")
        subnets = [
            aws.ec2.Subnet(
                f"s-{zone}", vpc_id=vpc.id, cidr_block=f"10.7.{n}.0/24", availability_zone=f"{REGION}{zone}"
            )
            for n, zone in enumerate("ab")
        ]
        cluster = eks.Cluster(
            "own",
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in subnets],
            authentication_mode=eks.AuthenticationMode.API,
            skip_default_node_group=True,
            endpoint_public_access=True,
            public_access_cidrs=["203.0.113.0/24"],
            encryption_config_key_arn=f"arn:aws:kms:{REGION}:111111111111:key/1",
            create_oidc_provider=True,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=True),
            tags={"team": "a"},
        )
        role = aws.iam.Role("role", assume_role_policy=NODE_TRUST)
        # The cluster's core data, instead of the cluster, and the role by its ARN.
        template = aws.ec2.LaunchTemplate(
            "t", metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(http_put_response_hop_limit=3)
        )
        version = template.latest_version.apply(str)
        eks.ManagedNodeGroup(
            "g",
            cluster=cluster.core,
            node_role_arn=role.arn,
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=version),
        )
        pulumi.export("name", cluster.eks_cluster.name)
        pulumi.export("provider", cluster.oidc_provider_arn)

    stack = cloud.stack("own", program)
    try:
        outputs = stack.up().outputs
        name = outputs["name"].value
        assert name.startswith("own-eksCluster-")
        live = cloud.client("eks").describe_cluster(name=name)["cluster"]
        network = live["resourcesVpcConfig"]
        assert len(network["subnetIds"]) == 2
        assert network["publicAccessCidrs"] == ["203.0.113.0/24"]
        assert live["encryptionConfig"][0]["provider"]["keyArn"].endswith("key/1")
        assert live["tags"]["team"] == "a"
        assert cloud.client("eks").list_addons(clusterName=name)["addons"] == ["coredns"]
        provider = cloud.client("iam").get_open_id_connect_provider(
            OpenIDConnectProviderArn=outputs["provider"].value
        )
        assert live["identity"]["oidc"]["issuer"].endswith(provider["Url"].removeprefix("https://"))
        (group,) = cloud.client("eks").list_nodegroups(clusterName=name)["nodegroups"]
        nodes = cloud.client("eks").describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]
        assert sorted(nodes["subnets"]) == sorted(network["subnetIds"])
        assert nodes["scalingConfig"] == {"minSize": 1, "maxSize": 2, "desiredSize": 2}
        assert nodes["launchTemplate"]["version"] == "1"
        assert set(changes(stack.up().summary)) == {"same"}
    finally:
        stack.destroy()


def test_the_caller_s_provider_reaches_every_child(cloud: Cloud) -> None:
    def program() -> None:
        key = cloud.keys[SECONDARY]
        there = aws.Provider(
            "there",
            region=REGION,
            access_key=key["access_key_id"],
            secret_key=key["secret_access_key"],
            allowed_account_ids=[SECONDARY],
        )
        cluster = eks.Cluster(
            "c",
            name="elsewhere",
            authentication_mode=eks.AuthenticationMode.API,
            skip_default_node_group=True,
            opts=pulumi.ResourceOptions(providers=[there]),
        )
        role = aws.iam.Role(
            "role", assume_role_policy=NODE_TRUST, opts=pulumi.ResourceOptions(provider=there)
        )
        eks.ManagedNodeGroup(
            "g",
            cluster=cluster,
            node_role=role,
            node_group_name="g",
            opts=pulumi.ResourceOptions(providers=[there]),
        )

    stack = cloud.stack("elsewhere", program)
    try:
        stack.up()
        assert cloud.client("eks").list_clusters()["clusters"] == []
        there = cloud.client("eks", SECONDARY)
        assert there.list_clusters()["clusters"] == ["elsewhere"]
        assert there.list_nodegroups(clusterName="elsewhere")["nodegroups"] == ["g"]
        providers = {r["provider"].split("::")[-2] for r in resources(stack) if r["type"].startswith("aws:")}
        assert providers == {"there"}
    finally:
        stack.destroy()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"fargate": True}, "'fargate' is not supported by the sandbox's local plugin eks"),
        ({"skip_default_node_group": False}, "the default node group is not supported: must be true"),
        ({"authentication_mode": "CONFIG_MAP"}, "must be 'API'"),
    ],
)
def test_what_the_package_does_not_do_is_refused_before_anything_is_registered(
    cloud: Cloud, inputs: dict[str, Any], said: str
) -> None:
    wanted = {"authentication_mode": "API", "skip_default_node_group": True, **inputs}

    def program() -> None:
        eks.Cluster("c", **wanted)

    stack = cloud.stack("refused", program)
    with pytest.raises(automation.CommandError) as refused:
        stack.preview()
    text = str(refused.value)
    assert said in text
    assert "sandbox/plugins" not in text  # no Python stack of ours
    assert resources(stack) == []


def test_what_aws_refuses_inside_is_told_as_it_is(cloud: Cloud) -> None:
    def program() -> None:
        elsewhere = aws.Provider("elsewhere", region=REGION, allowed_account_ids=[SECONDARY])
        eks.Cluster(
            "c",
            authentication_mode=eks.AuthenticationMode.API,
            skip_default_node_group=True,
            opts=pulumi.ResourceOptions(providers=[elsewhere]),
        )

    stack = cloud.stack("not-here", program)
    with pytest.raises(automation.CommandError, match=r"account \d+ is not allowed here"):
        stack.preview()


def test_what_is_not_finished_stays_in_the_stack(cloud: Cloud) -> None:
    role = "nobody"

    def program() -> None:
        aws.iam.InstanceProfile("profile", name="unfinished", role=role)

    iam = cloud.client("iam")
    stack = cloud.stack("unfinished", program)
    try:
        with pytest.raises(automation.CommandError, match=r"Profile: AWS refused .*nobody"):
            stack.up()
        assert "aws:iam/instanceProfile:InstanceProfile" in {r["type"] for r in resources(stack)}

        role = "somebody"
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=NODE_TRUST)
        assert changes(stack.up().summary)["update"] == 1
        (attached,) = iam.get_instance_profile(InstanceProfileName="unfinished")["InstanceProfile"]["Roles"]
        assert attached["RoleName"] == role
        assert set(changes(stack.up().summary)) == {"same"}
    finally:
        stack.destroy()
    iam.delete_role(RoleName=role)
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
