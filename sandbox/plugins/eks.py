"""The eks component package: a cluster and managed node groups, made of what the official package registers.

Names, parents and inputs of the children are the official ones, so that a stack does not notice which of the
two made it. What only other stacks use is refused: the default node group, Fargate, Auto Mode, the `aws-auth`
ConfigMap, storage classes, custom user data.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import grpc
import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

Inputs = Mapping[str, Any]
"""A component's inputs under Pulumi's camelCase keys; values may be outputs."""


@dataclass(frozen=True)
class Component:
    """One component type."""

    token: str
    """The type token, as `eks:index:Cluster`."""

    sdk: str
    """The class in the installed SDK, as `pulumi_eks.Cluster`."""

    build: Callable[[str, Inputs, pulumi.ResourceOptions], pulumi.ComponentResource]
    """Registers the component and its children; its `state` is what it tells."""

    inputs: frozenset[str]
    """The inputs that are supported. Any other is refused before anything is registered."""

    required: frozenset[str] = frozenset()
    """Inputs that must be given."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses. With `inputs` they are all that the SDK has."""

    validate: Callable[[Inputs], dict[str, str]] = lambda _: {}
    """{input: reason} for what is wrong."""


class Built(pulumi.ComponentResource):
    """A component with its outputs."""

    state: dict[str, Any]

    def tell(self, **state: Any) -> None:
        """Ends the component's registration."""
        self.state = {key: value for key, value in state.items() if value is not None}
        self.register_outputs(self.state)


# Parts


class ServiceRole(Built):
    """An IAM role for an AWS service, with managed policies. Its `role` waits for their attachment."""

    def __init__(
        self,
        name: str,
        service: pulumi.Input[str],
        policies: list[str],
        partition: pulumi.Output[str],
        tags: Any,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        trust = pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Action": ["sts:AssumeRole", "sts:TagSession"],
                        "Effect": "Allow",
                        "Principal": {"Service": [service]},
                    }
                ],
            }
        )
        self.role = aws.iam.Role(
            f"{name}-role",
            description="Allows EKS to manage clusters on your behalf.",
            assume_role_policy=trust,
            tags=tags,
            opts=child,
        )
        self.attachments = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{_digest(f'arn:aws:iam::aws:policy/{policy}')}",
                policy_arn=pulumi.Output.concat("arn:", partition, ":iam::aws:policy/", policy),
                role=self.role.name,
                opts=child,
            )
            for policy in policies
        ]
        self.tell(role=self.role)


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def _rule(name: str, group: aws.ec2.SecurityGroup, opts: pulumi.ResourceOptions, **rule: Any) -> Any:
    return aws.ec2.SecurityGroupRule(name, security_group_id=group.id, **rule, opts=opts)


_EVERYTHING: Inputs = {"protocol": "-1", "from_port": 0, "to_port": 0}
_HTTPS: Inputs = {"protocol": "tcp", "from_port": 443, "to_port": 443}
_INTERNET: Inputs = {
    **_EVERYTHING,
    "type": "egress",
    "description": "Allow internet access.",
    "cidr_blocks": ["0.0.0.0/0"],
}


def _tags(first: Inputs, *more: Any) -> pulumi.Output[dict[str, str]]:
    return pulumi.Output.all(*more).apply(
        lambda all_tags: {**first, **{k: v for tags in all_tags if tags for k, v in tags.items()}}
    )


def _node_group_security(
    name: str,
    vpc_id: Any,
    group: aws.ec2.SecurityGroup,
    cluster: aws.eks.Cluster,
    tags: pulumi.Output[dict[str, str]],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, Any]:
    """The nodes' security group, and the rule that lets its members reach the cluster."""
    owned = cluster.name.apply(lambda cluster_name: {f"kubernetes.io/cluster/{cluster_name}": "owned"})
    nodes = aws.ec2.SecurityGroup(
        f"{name}-nodeSecurityGroup",
        vpc_id=vpc_id,
        revoke_rules_on_delete=True,
        tags=_tags({"Name": f"{name}-nodeSecurityGroup"}, owned, tags),
        opts=opts,
    )
    _rule(
        f"{name}-eksNodeIngressRule",
        nodes,
        opts,
        description="Allow nodes to communicate with each other",
        type="ingress",
        self=True,
        **_EVERYTHING,
    )
    _rule(
        f"{name}-eksNodeClusterIngressRule",
        nodes,
        opts,
        description="Allow worker Kubelets and pods to receive communication from the cluster control plane",
        type="ingress",
        protocol="tcp",
        from_port=1025,
        to_port=65535,
        source_security_group_id=group.id,
    )
    _rule(
        f"{name}-eksExtApiServerClusterIngressRule",
        nodes,
        opts,
        description="Allow pods running extension API servers on port 443 to receive communication from"
        " cluster control plane",
        type="ingress",
        source_security_group_id=group.id,
        **_HTTPS,
    )
    _rule(f"{name}-eksNodeInternetEgressRule", nodes, opts, **_INTERNET)
    ingress = _rule(
        f"{name}-eksClusterIngressRule",
        group,
        opts,
        description="Allow pods to communicate with the cluster API Server",
        type="ingress",
        source_security_group_id=nodes.id,
        **_HTTPS,
    )
    return nodes, ingress


def _addon(
    name: str, addon: str, cluster: aws.eks.Cluster, options: Inputs, tags: Any, opts: pulumi.ResourceOptions
) -> aws.eks.Addon:
    """An add-on, in the newest version for the cluster's Kubernetes unless one is chosen."""
    chosen = options.get("version")
    if chosen is None:
        chosen = aws.eks.get_addon_version_output(
            addon_name=addon,
            kubernetes_version=cluster.version,
            most_recent=True,
            opts=pulumi.InvokeOptions(parent=opts.parent),
        ).version
    values = options.get("configurationValues")
    return aws.eks.Addon(
        name,
        cluster_name=cluster.name,
        addon_name=addon,
        addon_version=chosen,
        preserve=True,
        resolve_conflicts_on_create=options.get("resolveConflictsOnCreate", "OVERWRITE"),
        resolve_conflicts_on_update=options.get("resolveConflictsOnUpdate", "OVERWRITE"),
        configuration_values=_sorted_json(values) if values is not None else None,
        tags=tags,
        opts=opts,
    )


def _sorted_json(values: Any) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(values, sort_keys=True, separators=(",", ":"))


_CNI = {
    "env": {
        "WARM_ENI_TARGET": "1",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "ENABLE_POD_ENI": "false",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
    },
    "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}},
}


class VpcCniAddon(Built):
    """The pod network's add-on, with the official package's settings."""

    def __init__(self, name: str, cluster: aws.eks.Cluster, tags: Any, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:VpcCniAddon", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.tell(addon=_addon(name, "vpc-cni", cluster, {"configurationValues": _CNI}, tags, child))


def _kubeconfig(cluster: aws.eks.Cluster, options: Inputs, profile: bool) -> pulumi.Output[dict[str, Any]]:
    """The kubeconfig; `profile` puts the caller's own AWS profile into it."""
    return pulumi.Output.all(
        name=cluster.name,
        arn=cluster.arn,
        server=cluster.endpoint,
        authority=cluster.certificate_authority.data,
        role=options.get("roleArn"),
        profile=options.get("profileName") if profile else None,
    ).apply(lambda known: _kubeconfig_of(**known))


def _kubeconfig_of(
    name: str, arn: str, server: str, authority: str, role: str | None, profile: str | None
) -> dict[str, Any]:
    region = arn.split(":")[3]
    args = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    args += ["--role", role] if role else []
    args += ["--profile", profile] if profile else []
    version_ = "client.authentication.k8s.io/v1beta1"
    asked = {"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{version_}"}}'}
    token = {"apiVersion": version_, "command": "aws", "args": args, "env": [asked]}
    return {
        "apiVersion": "v1",
        "clusters": [
            {"cluster": {"server": server, "certificate-authority-data": authority}, "name": "kubernetes"}
        ],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": token}}],
    }


# The cluster


class Cluster(Built):
    """An EKS cluster without nodes."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:Cluster", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = args.get("tags")
        partition = aws.get_partition_output(opts=pulumi.InvokeOptions(parent=self)).partition
        vpc_id, subnet_ids = self._network(args)

        service_role, attachments = args.get("serviceRole"), []
        if service_role is None:
            made = ServiceRole(
                f"{name}-eksRole",
                "eks.amazonaws.com",
                ["AmazonEKSClusterPolicy"],
                partition,
                tags,
                child,
            )
            service_role, attachments = made.role, made.attachments

        group = args.get("clusterSecurityGroup")
        if group is None and not args.get("skipDefaultSecurityGroups"):
            own = {"Name": f"{name}-eksClusterSecurityGroup"}
            group = aws.ec2.SecurityGroup(
                f"{name}-eksClusterSecurityGroup",
                vpc_id=vpc_id,
                revoke_rules_on_delete=True,
                tags=_tags(own, args.get("clusterSecurityGroupTags"), tags),
                opts=child,
            )
            _rule(f"{name}-eksClusterInternetEgressRule", group, child, **_INTERNET)

        cluster = aws.eks.Cluster(
            f"{name}-eksCluster",
            name=args.get("name"),
            role_arn=service_role.arn,
            vpc_config=_given(
                {
                    "security_group_ids": [group.id] if group is not None else None,
                    "subnet_ids": subnet_ids,
                    "endpoint_private_access": args.get("endpointPrivateAccess"),
                    "endpoint_public_access": args.get("endpointPublicAccess"),
                    "public_access_cidrs": args.get("publicAccessCidrs"),
                }
            ),
            access_config={
                "authentication_mode": args["authenticationMode"],
                "bootstrap_cluster_creator_admin_permissions": True,
            },
            bootstrap_self_managed_addons=args.get("bootstrapSelfManagedAddons", True),
            version=args.get("version"),
            enabled_cluster_log_types=args.get("enabledClusterLogTypes"),
            encryption_config=_encryption(args.get("encryptionConfigKeyArn")),
            kubernetes_network_config=_kubernetes_network(args),
            upgrade_policy=args.get("upgradePolicy"),
            deletion_protection=args.get("deletionProtection"),
            tags=_tags({"Name": f"{name}-eksCluster"}, args.get("clusterTags"), tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=attachments,
                # Both are decided at creation; the second is EKS's default.
                ignore_changes=[
                    "accessConfig.bootstrapClusterCreatorAdminPermissions",
                    "bootstrapSelfManagedAddons",
                ],
            ),
        )

        kube_proxy = args.get("kubeProxyAddonOptions") or {}
        if kube_proxy.get("enabled", True):
            _addon(f"{name}-kube-proxy", "kube-proxy", cluster, kube_proxy, tags, child)
        coredns = args.get("corednsAddonOptions") or {}
        # Its pods need nodes, and there is no default node group: only when asked for.
        if coredns.get("enabled") or coredns.get("configurationValues"):
            _addon(f"{name}-coredns", "coredns", cluster, coredns, tags, child)

        credentials = args.get("providerCredentialOpts") or {}
        kubeconfig = _kubeconfig(cluster, credentials, profile=False)
        k8s_provider = kubernetes.Provider(
            f"{name}-eks-k8s",
            kubeconfig=_kubeconfig(cluster, credentials, profile=True).apply(json.dumps),
            opts=child,
        )
        if not args.get("useDefaultVpcCni"):
            VpcCniAddon(f"{name}-vpc-cni", cluster, tags, child)

        nodes = ingress = None
        if group is not None and not args.get("skipDefaultSecurityGroups"):
            nodes, ingress = _node_group_security(
                name, vpc_id, group, cluster, _tags({}, args.get("nodeSecurityGroupTags"), tags), child
            )

        roles = args.get("instanceRoles") or ([args["instanceRole"]] if "instanceRole" in args else [])
        aws_provider = (opts.providers or {}).get("aws") if isinstance(opts.providers, dict) else None
        own_group = cluster.vpc_config.cluster_security_group_id
        issuer: pulumi.Output[str] = cluster.identities.apply(_issuer)
        core = _given(
            {
                "cluster": cluster,
                "clusterIamRole": service_role,
                "clusterSecurityGroup": group,
                "endpoint": cluster.endpoint,
                "instanceRoles": roles,
                "kubeconfig": kubeconfig,
                "nodeGroupOptions": {},
                "provider": k8s_provider,
                "awsProvider": aws_provider,
                "vpcId": vpc_id,
                "subnetIds": subnet_ids,
                "publicSubnetIds": args.get("publicSubnetIds"),
                "privateSubnetIds": args.get("privateSubnetIds"),
                "tags": tags,
                "nodeSecurityGroupTags": args.get("nodeSecurityGroupTags"),
            }
        )
        self.tell(
            awsProvider=aws_provider,
            autoModeNodeRoleName="",
            clusterIngressRuleId=ingress.security_group_rule_id if ingress is not None else "",
            clusterSecurityGroup=group,
            clusterSecurityGroupId=group.id if group is not None else own_group,
            core=core,
            defaultNodeGroupAsgName="",
            eksCluster=cluster,
            eksClusterIngressRule=ingress,
            fargateProfileId="",
            fargateProfileStatus="",
            instanceRoles=roles,
            kubeconfig=kubeconfig,
            kubeconfigJson=kubeconfig.apply(json.dumps),
            nodeSecurityGroup=nodes,
            nodeSecurityGroupId=nodes.id if nodes is not None else own_group,
            oidcIssuer=issuer.apply(lambda url: url.removeprefix("https://")),
            oidcProviderArn=self._oidc_provider(name, args, issuer, child),
            oidcProviderUrl=issuer,
        )

    def _network(self, args: Inputs) -> tuple[Any, Any]:
        """VPC and subnets: those given, or the default VPC's."""
        here = pulumi.InvokeOptions(parent=self)
        vpc_id, subnet_ids = args.get("vpcId"), args.get("subnetIds")
        if vpc_id is None:
            vpc_id = aws.ec2.get_vpc_output(default=True, opts=here).id
            mine: Any = {"name": "vpc-id", "values": [vpc_id]}
            default: Any = aws.ec2.get_subnets_output(filters=[mine], opts=here).ids
        else:
            default = []
        if subnet_ids is None and ("publicSubnetIds" in args or "privateSubnetIds" in args):
            kinds = (args.get("publicSubnetIds", []), args.get("privateSubnetIds", []))
            subnet_ids = pulumi.Output.all(*kinds).apply(lambda lists: [*lists[0], *lists[1]])
        return vpc_id, subnet_ids if subnet_ids is not None else default

    def _oidc_provider(
        self, name: str, args: Inputs, issuer: pulumi.Output[str], child: pulumi.ResourceOptions
    ) -> Any:
        if not args.get("createOidcProvider"):
            return ""
        # The official package also reads a certificate fingerprint from the issuer. IAM needs none.
        return aws.iam.OpenIdConnectProvider(
            f"{name}-oidcProvider", client_id_lists=["sts.amazonaws.com"], url=issuer, opts=child
        ).arn


def _issuer(identities: Any) -> str:
    return str(identities[0].oidcs[0].issuer)


def _given(values: Inputs) -> Any:
    return {key: value for key, value in values.items() if value is not None}


def _encryption(key_arn: Any) -> Any:
    return {"provider": {"key_arn": key_arn}, "resources": ["secrets"]} if key_arn is not None else None


def _kubernetes_network(args: Inputs) -> Any:
    range_, family = args.get("kubernetesServiceIpAddressRange"), args.get("ipFamily")
    if range_ is None and family is None:
        return None
    return _given({"service_ipv4_cidr": range_, "ip_family": family if family is not None else "ipv4"})


def _check_cluster(args: Inputs) -> dict[str, str]:
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
    inputs=frozenset(
        {
            "authenticationMode",
            "bootstrapSelfManagedAddons",
            "clusterSecurityGroup",
            "clusterSecurityGroupTags",
            "clusterTags",
            "corednsAddonOptions",
            "createOidcProvider",
            "deletionProtection",
            "enabledClusterLogTypes",
            "encryptionConfigKeyArn",
            "endpointPrivateAccess",
            "endpointPublicAccess",
            "instanceRole",
            "instanceRoles",
            "ipFamily",
            "kubeProxyAddonOptions",
            "kubernetesServiceIpAddressRange",
            "name",
            "nodeSecurityGroupTags",
            "privateSubnetIds",
            "providerCredentialOpts",
            "publicAccessCidrs",
            "publicSubnetIds",
            "serviceRole",
            "skipDefaultNodeGroup",
            "skipDefaultSecurityGroups",
            "subnetIds",
            "tags",
            "upgradePolicy",
            "useDefaultVpcCni",
            "version",
            "vpcId",
        }
    ),
    required=frozenset({"authenticationMode", "skipDefaultNodeGroup"}),
    unsupported=frozenset(
        {
            "accessEntries",
            "autoMode",
            "createInstanceRole",
            "creationRoleProvider",
            "desiredCapacity",
            "enableConfigMapMutable",
            "fargate",
            "gpu",
            "instanceProfileName",
            "instanceType",
            "maxSize",
            "minSize",
            "nodeAmiId",
            "nodeAssociatePublicIpAddress",
            "nodeGroupOptions",
            "nodePublicKey",
            "nodeRootVolumeEncrypted",
            "nodeRootVolumeSize",
            "nodeSubnetIds",
            "nodeUserData",
            "proxy",
            "roleMappings",
            "storageClasses",
            "userMappings",
            "vpcCniOptions",
        }
    ),
    validate=_check_cluster,
)

# Managed node groups


class ManagedNodeGroup(Built):
    """A managed node group of a cluster that this package made."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:ManagedNodeGroup", name, {}, opts)
        core = pulumi.Output.from_input(args["cluster"]).apply(
            lambda given: given.core if isinstance(given, eks.Cluster) else given
        )
        role = args.get("nodeRole")
        sizes: Any = pulumi.Output.from_input(args.get("scalingConfig")).apply(
            lambda given: {"desiredSize": 2, "minSize": 1, "maxSize": 2, **(given or {})}
        )
        kubernetes_version = args.get("version")
        if kubernetes_version is None and "launchTemplate" not in args:
            kubernetes_version = core.apply(lambda known: _of(known, "cluster").version)
        subnet_ids = args.get("subnetIds")
        cluster_name = args.get("clusterName")
        group = aws.eks.NodeGroup(
            name,
            ami_type=args.get("amiType"),
            capacity_type=args.get("capacityType"),
            cluster_name=cluster_name
            if cluster_name is not None
            else core.apply(lambda known: _of(known, "cluster").name),
            disk_size=args.get("diskSize"),
            force_update_version=args.get("forceUpdateVersion"),
            instance_types=args.get("instanceTypes"),
            labels=args.get("labels"),
            launch_template=args.get("launchTemplate"),
            node_group_name=args.get("nodeGroupName"),
            node_role_arn=role.arn if role is not None else args["nodeRoleArn"],
            release_version=args.get("releaseVersion"),
            remote_access=args.get("remoteAccess"),
            scaling_config=sizes,
            subnet_ids=subnet_ids if subnet_ids is not None else core.apply(_subnets),
            tags=args.get("tags"),
            taints=args.get("taints"),
            version=kubernetes_version,
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=["scalingConfig.desiredSize"] if args.get("ignoreScalingChanges") else None,
            ),
        )
        self.tell(nodeGroup=group, placementGroupName="")


def _of(core: Any, key: str) -> Any:
    """A field of the core data: an SDK object when it comes with the cluster, a plain one when given."""
    return (
        core.get(key)
        if key in core
        else core.get("".join(f"_{c.lower()}" if c.isupper() else c for c in key))
    )


def _subnets(core: Any) -> Any:
    found = (_of(core, key) for key in ("subnetIds", "privateSubnetIds", "publicSubnetIds"))
    return next((subnets for subnets in found if subnets is not None), [])


def _check_nodes(args: Inputs) -> dict[str, str]:
    if ("nodeRole" in args) == ("nodeRoleArn" in args):
        return {"nodeRole": "give either nodeRole or nodeRoleArn"}
    return {}


MANAGED_NODE_GROUP = Component(
    "eks:index:ManagedNodeGroup",
    "pulumi_eks.ManagedNodeGroup",
    ManagedNodeGroup,
    inputs=frozenset(
        {
            "amiType",
            "capacityType",
            "cluster",
            "clusterName",
            "diskSize",
            "forceUpdateVersion",
            "ignoreScalingChanges",
            "instanceTypes",
            "labels",
            "launchTemplate",
            "nodeGroupName",
            "nodeRole",
            "nodeRoleArn",
            "releaseVersion",
            "remoteAccess",
            "scalingConfig",
            "subnetIds",
            "tags",
            "taints",
            "version",
        }
    ),
    required=frozenset({"cluster"}),
    unsupported=frozenset(
        {
            "amiId",
            "bootstrapExtraArgs",
            "bottlerocketSettings",
            "enableEfaSupport",
            "enableIMDSv2",
            "gpu",
            "kubeletExtraArgs",
            "nodeGroupNamePrefix",
            "nodeadmExtraOptions",
            "operatingSystem",
            "placementGroupAvailabilityZone",
            "userData",
        }
    ),
    validate=_check_nodes,
)

COMPONENTS = {component.token: component for component in (CLUSTER, MANAGED_NODE_GROUP)}


class Eks(Provider):
    """Constructs the components for the engine."""

    def __init__(self) -> None:
        super().__init__(version("pulumi-eks"))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Any,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Registers one component, or refuses before anything is registered."""
        component = COMPONENTS.get(resource_type)
        if component is None:
            raise pulumi.InputPropertiesError(f"{resource_type} is {_unsupported()}", [])
        args = _given(inputs)
        wrong = {
            key: f"{key!r} is {_unsupported()}"
            if key in component.unsupported
            else f"{key!r} is not an input of {component.sdk.removeprefix('pulumi_')}"
            for key in sorted(args.keys() - component.inputs)
        }
        wrong |= {key: f"missing required input {key!r}" for key in sorted(component.required - args.keys())}
        wrong = {**component.validate(args), **wrong}
        if wrong:
            raise pulumi.InputPropertiesError(
                f"{resource_type} {name!r} is refused",
                [{"property_path": key, "reason": reason} for key, reason in wrong.items()],
            )
        built = component.build(name, args, options or pulumi.ResourceOptions())
        return ConstructResult(built.urn, built.state)  # type: ignore[attr-defined]


def _unsupported() -> str:
    return (
        f"not supported by the sandbox's local plugin eks {version('pulumi-eks')}; "
        "put the official one in SANDBOX_PLUGIN_PATH"
    )


class _Servicer(ProviderServicer):
    """The SDK's own, except that what goes wrong is told in one line and not with a Python stack."""

    async def Construct(self, request: Any, context: Any) -> Any:
        try:
            return await self._construct(request, context)
        except pulumi.InputPropertiesError as refusal:
            status = self.create_grpc_invalid_properties_status(refusal.message, refusal.errors)
        except Exception as error:
            status = self.create_grpc_invalid_properties_status(str(error), None)
        return await context.abort_with_status(status)


async def _serve(engine_address: str) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = _Servicer(Eks(), [], engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # how the engine ends its plugins
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    engine = os.getppid()
    while os.getppid() == engine and not ended.is_set():  # a plugin must not outlive its engine
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), timeout=1)
    await server.stop(grace=None)


def serve(args: list[str]) -> None:
    """Serves the package to the engine, whose address is the one argument that is not an option."""
    asyncio.run(_serve(next(arg for arg in args if not arg.startswith("-"))))
