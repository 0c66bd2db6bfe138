"""The local eks package, constructed by the real engine, against the emulated AWS."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pytest
from pulumi import automation

from sandbox.environment import write_launcher
from tests.plugins.conftest import free_port, running

REPOSITORY = Path(__file__).parents[2]
REGION = "us-east-1"
SECONDARY = "222222222222"


class Cloud:
    """An emulated AWS, and stacks brought up in it by the engine."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self.keys = json.loads((home / "aws" / "credentials.json").read_text())
        self.env = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_CONFIG_PASSPHRASE": "for the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self.credentials("111111111111"),
        }
        for name in ("aws", "eks", "kubernetes"):
            plugin = f"resource-{name}-v{version(f'pulumi-{name}')}/pulumi-resource-{name}"
            write_launcher(home / "pulumi" / "plugins" / plugin, ["-m", "sandbox.plugins", name])

    def credentials(self, account: str) -> dict[str, str]:
        key = self.keys[account]
        return {
            "AWS_ACCESS_KEY_ID": key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
        }

    def client(self, service: str, account: str = "111111111111") -> Any:
        """AWS as an administrator of that account sees it."""
        own = {key.lower(): value for key, value in self.credentials(account).items()}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **own)

    def stack(self, name: str, program: Callable[[], None]) -> automation.Stack:
        backend = self.home / "state"
        backend.mkdir(exist_ok=True)
        return automation.create_or_select_stack(
            stack_name=name,
            project_name="test",
            program=program,
            opts=automation.LocalWorkspaceOptions(
                pulumi_home=str(self.home / "pulumi"),
                env_vars=self.env,
                project_settings=automation.ProjectSettings(
                    name="test", runtime="python", backend=automation.ProjectBackend(f"file://{backend}")
                ),
            ),
        )


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("cloud")
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    command = [sys.executable, "-m", "sandbox.aws", "--home", str(home / "aws"), "--port", str(port)]
    with running(command, home / "log", ready, cwd=REPOSITORY, env={**os.environ}):
        yield Cloud(home, url)


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
        "nodeGroup": nodes.node_group.apply(
            lambda group: group.resources
        ),  # Output has a `resources` of its own
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
        assert stack.preview().change_summary["create"] >= len(CHILDREN)
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
        eks.ManagedNodeGroup("g", cluster=cluster.core, node_role_arn=role.arn)
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
