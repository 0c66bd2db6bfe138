"""An EKS cluster, without nodes."""

import json
from importlib.metadata import version
from typing import Any

import pulumi

from sandbox.plugins.eks.addons import addons
from sandbox.plugins.eks.children import Child
from sandbox.plugins.eks.component import Built, Component, Inputs, given
from sandbox.plugins.eks.network import cluster_group, node_group, place, tags
from sandbox.plugins.eks.service_role import ServiceRole
from sandbox.plugins.resource import words

_EXEC = "client.authentication.k8s.io/v1beta1"


class Cluster(Built):
    """The cluster, its role, security groups and add-ons, and a Kubernetes provider."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:Cluster", name, opts)
        vpc_id, subnet_ids = place(args, self)
        role, ready = args.get("serviceRole"), []
        if role is None:
            made = ServiceRole(f"{name}-eksRole", args.get("tags"), self.child)
            role, ready = made.role, [made.attachment]

        own_groups = not args.get("skipDefaultSecurityGroups")
        group = args.get("clusterSecurityGroup")
        if group is None and own_groups:
            group = cluster_group(name, vpc_id, args, self.child)
        cluster = Child(
            "aws:eks/cluster:Cluster",
            f"{name}-eksCluster",
            _cluster(name, args, role, group, subnet_ids),
            pulumi.ResourceOptions(
                parent=self,
                depends_on=ready,
                # Both apply at creation only; the second is EKS's default.
                ignore_changes=[
                    "accessConfig.bootstrapClusterCreatorAdminPermissions",
                    "bootstrapSelfManagedAddons",
                ],
            ),
        )
        addons(name, cluster, args, self.child)
        nodes = ingress = None
        if group is not None and own_groups:
            nodes, ingress = node_group(name, vpc_id, group, cluster, args, self.child)

        credentials = args.get("providerCredentialOpts", {})
        config = _kubeconfig(cluster, credentials.get("roleArn"))
        # For the provider, with the caller's own AWS profile.
        callers = _kubeconfig(cluster, credentials.get("roleArn"), credentials.get("profileName"))
        k8s_provider = pulumi.ProviderResource(
            "kubernetes",
            f"{name}-eks-k8s",
            {"kubeconfig": callers.apply(json.dumps)},
            pulumi.ResourceOptions(parent=self, version=version("pulumi-kubernetes")),
        )
        issuer: pulumi.Output[str] = cluster.identities.apply(lambda known: known[0]["oidcs"][0]["issuer"])
        roles = args.get("instanceRoles") or ([args["instanceRole"]] if "instanceRole" in args else [])
        aws_provider = opts.providers.get("aws") if isinstance(opts.providers, dict) else None
        eks_group = cluster.vpcConfig["clusterSecurityGroupId"]
        self.tell(
            awsProvider=aws_provider,
            autoModeNodeRoleName="",
            clusterIngressRuleId=ingress.securityGroupRuleId if ingress else "",
            clusterSecurityGroup=group,
            clusterSecurityGroupId=group.id if group else eks_group,
            core=given(
                {
                    "cluster": cluster,
                    "clusterIamRole": role,
                    "clusterSecurityGroup": group,
                    "endpoint": cluster.endpoint,
                    "instanceRoles": roles,
                    "kubeconfig": config,
                    "nodeGroupOptions": {},
                    "provider": k8s_provider,
                    "awsProvider": aws_provider,
                    "vpcId": vpc_id,
                    "subnetIds": subnet_ids,
                    "publicSubnetIds": args.get("publicSubnetIds"),
                    "privateSubnetIds": args.get("privateSubnetIds"),
                    "tags": args.get("tags"),
                    "nodeSecurityGroupTags": args.get("nodeSecurityGroupTags"),
                }
            ),
            defaultNodeGroupAsgName="",
            eksCluster=cluster,
            eksClusterIngressRule=ingress,
            fargateProfileId="",
            fargateProfileStatus="",
            instanceRoles=roles,
            kubeconfig=config,
            kubeconfigJson=config.apply(json.dumps),
            nodeSecurityGroup=nodes,
            nodeSecurityGroupId=nodes.id if nodes else eks_group,
            oidcIssuer=issuer.apply(lambda url: url.removeprefix("https://")),
            oidcProviderArn=_oidc_provider(name, issuer, self.child)
            if args.get("createOidcProvider")
            else "",
            oidcProviderUrl=issuer,
        )


def _kubeconfig(cluster: Child, role: Any = None, profile: Any = None) -> pulumi.Output[dict[str, Any]]:
    """The kubeconfig, with the IAM role and AWS profile if given."""
    return pulumi.Output.all(
        name=cluster.name,
        arn=cluster.arn,
        server=cluster.endpoint,
        authority=cluster.certificateAuthority["data"],
        role=role,
        profile=profile,
    ).apply(lambda known: _document(**known))


def _document(
    name: str, arn: str, server: str, authority: str, role: str | None, profile: str | None
) -> dict[str, Any]:
    region = arn.split(":")[3]
    args = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    args += ["--role", role] if role else []
    args += ["--profile", profile] if profile else []
    asked = {"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{_EXEC}"}}'}
    token = {"apiVersion": _EXEC, "command": "aws", "args": args, "env": [asked]}
    cluster = {"server": server, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": token}}],
    }


def _cluster(name: str, args: Inputs, role: Any, group: Any, subnet_ids: Any) -> Inputs:
    """The inputs of the EKS cluster itself, most under the same name."""
    same = ("name", "version", "enabledClusterLogTypes", "upgradePolicy", "deletionProtection")
    access = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
    network = {
        "serviceIpv4Cidr": args.get("kubernetesServiceIpAddressRange"),
        "ipFamily": args.get("ipFamily"),
    }
    key_arn = args.get("encryptionConfigKeyArn")
    return {
        **{key: args.get(key) for key in same},
        "roleArn": role.arn,
        "vpcConfig": {
            "securityGroupIds": [group.id] if group else None,
            "subnetIds": subnet_ids,
            **{key: args.get(key) for key in access},
        },
        "accessConfig": {
            "authenticationMode": args["authenticationMode"],
            "bootstrapClusterCreatorAdminPermissions": True,
        },
        "bootstrapSelfManagedAddons": args.get("bootstrapSelfManagedAddons", True),
        "encryptionConfig": key_arn and {"provider": {"keyArn": key_arn}, "resources": ["secrets"]},
        "kubernetesNetworkConfig": {"ipFamily": "ipv4", **given(network)} if given(network) else None,
        "tags": tags({"Name": f"{name}-eksCluster"}, args.get("clusterTags"), args.get("tags")),
    }


def _oidc_provider(name: str, issuer: pulumi.Output[str], opts: pulumi.ResourceOptions) -> Any:
    # The official package also reads a certificate fingerprint from the issuer, which IAM does not need.
    inputs = {"clientIdLists": ["sts.amazonaws.com"], "url": issuer}
    token = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"  # noqa: S105 (a type token)
    return Child(token, f"{name}-oidcProvider", inputs, opts).arn


def _check(args: Inputs) -> dict[str, str]:
    wrong = {}
    if args.get("skipDefaultNodeGroup") is not True:
        wrong["skipDefaultNodeGroup"] = "the default node group is not supported: must be true"
    if args.get("authenticationMode") != "API":
        wrong["authenticationMode"] = "the aws-auth ConfigMap is not supported: must be 'API'"
    if "subnetIds" in args and ("publicSubnetIds" in args or "privateSubnetIds" in args):
        wrong["subnetIds"] = "give either subnetIds or publicSubnetIds and privateSubnetIds"
    if "instanceRole" in args and "instanceRoles" in args:
        wrong["instanceRole"] = "give either instanceRole or instanceRoles"
    return wrong


CLUSTER = Component(
    "eks:index:Cluster",
    "pulumi_eks.Cluster",
    Cluster,
    inputs=words(
        "authenticationMode bootstrapSelfManagedAddons clusterSecurityGroup clusterSecurityGroupTags"
        " clusterTags corednsAddonOptions createOidcProvider deletionProtection enabledClusterLogTypes"
        " encryptionConfigKeyArn endpointPrivateAccess endpointPublicAccess instanceRole instanceRoles"
        " ipFamily kubeProxyAddonOptions kubernetesServiceIpAddressRange name nodeSecurityGroupTags"
        " privateSubnetIds providerCredentialOpts publicAccessCidrs publicSubnetIds serviceRole"
        " skipDefaultNodeGroup skipDefaultSecurityGroups subnetIds tags upgradePolicy useDefaultVpcCni"
        " version vpcId"
    ),
    required=words("authenticationMode skipDefaultNodeGroup"),
    unsupported=words(
        "accessEntries autoMode createInstanceRole creationRoleProvider desiredCapacity"
        " enableConfigMapMutable fargate gpu instanceProfileName instanceType maxSize minSize nodeAmiId"
        " nodeAssociatePublicIpAddress nodeGroupOptions nodePublicKey nodeRootVolumeEncrypted"
        " nodeRootVolumeSize nodeSubnetIds nodeUserData proxy roleMappings storageClasses userMappings"
        " vpcCniOptions"
    ),
    validate=_check,
)
