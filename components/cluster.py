"""The EKS cluster and its OIDC provider in IAM: `EksCluster` creates it, `ExistingEksCluster` finds it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from typing_extensions import NotRequired, TypedDict

from . import arns
from .component import Component
from .declared import UNIQUE, Default, Form, Key, Refusal, Secret, checked, rule
from .forms import (
    Cidr,
    ClusterName,
    GroupName,
    KeyArn,
    KubernetesVersion,
    PolicyArn,
    Region,
    RoleArn,
    SubnetId,
    Tags,
    VpcId,
)
from .kubeconfig import eks_kubeconfig
from .node_group import NodeGroup, node_group, node_role_name
from .oidc_provider import cluster_oidc_provider
from .pod_role import EksClusterRef


class ClusterLog(Enum):
    """A control-plane log."""

    API = "api"
    """Requests to the API server."""

    AUDIT = "audit"
    """Who did what."""

    AUTHENTICATOR = "authenticator"
    """Logins by IAM."""

    CONTROLLER_MANAGER = "controllerManager"
    """The controllers."""

    SCHEDULER = "scheduler"
    """The scheduler."""


def _check_subnets(subnets: Sequence[object]) -> None:
    if len(subnets) < 2:
        raise ValueError("is too short; write 2 subnets or more, in two availability zones")


class EksClusterOptions(TypedDict):
    """The EKS cluster whose workloads log in."""

    name: ClusterName
    """Name of the cluster in EKS."""

    kubernetes_version: NotRequired[KubernetesVersion]
    """Kubernetes version, for example `1.35`. Default: EKS's own default at creation."""

    vpc_id: NotRequired[pulumi.Input[VpcId]]
    """VPC of the cluster, given together with `subnet_ids`. Default: the account's default VPC."""

    subnet_ids: NotRequired[Annotated[Sequence[pulumi.Input[SubnetId]], Form(_check_subnets), UNIQUE]]
    """Subnets of the cluster and its nodes, in two availability zones at least, given together with `vpc_id`.
    Default: all those of the default VPC; EKS refuses them where one is in an availability zone without EKS:
    use1-az3 of us-east-1, usw1-az2 of us-west-1, cac1-az3 of ca-central-1."""

    endpoint_private_access: NotRequired[Annotated[bool, Default(True)]]
    """The API server answers inside the VPC."""

    endpoint_public_access: NotRequired[Annotated[bool, Default(False)]]
    """The API server answers from outside the VPC, to `public_access_cidrs`."""

    public_access_cidrs: NotRequired[Annotated[Sequence[pulumi.Input[Cidr]], UNIQUE]]
    """Address ranges that may reach the public endpoint; must be given with it. Default: none."""

    log_types: NotRequired[
        Annotated[
            Sequence[ClusterLog],
            Default((ClusterLog.API, ClusterLog.AUDIT, ClusterLog.AUTHENTICATOR)),
            UNIQUE,
        ]
    ]
    """Control-plane logs sent to CloudWatch."""

    encryption_key_arn: NotRequired[pulumi.Input[KeyArn]]
    """KMS key that encrypts Kubernetes secrets. Default: the one that EKS owns."""

    node_groups: NotRequired[Annotated[Mapping[GroupName, NodeGroup], Default({})]]
    """Managed node groups by name."""

    pod_identity_agent: NotRequired[Annotated[bool, Default(False)]]
    """Install the EKS add-on `eks-pod-identity-agent`, which the method `pod-identity` needs on the nodes."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the permissions of the cluster's role, and of node roles without one of
    their own. Default: none."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


class EksClusterArgs(EksClusterOptions):
    """A cluster to create."""

    region: Region
    """AWS region of the cluster, for example `us-east-1`."""


@rule(EksClusterOptions, "vpc_id", "subnet_ids")
def _network(options: EksClusterOptions) -> Iterator[Refusal]:
    if ("vpc_id" in options) != ("subnet_ids" in options):
        given, missing = ("vpc_id", "subnet_ids") if "vpc_id" in options else ("subnet_ids", "vpc_id")
        yield Refusal(given, f"is given without {{{missing}}}; write both, or neither for the default VPC")


@rule(EksClusterOptions, "endpoint_public_access", "endpoint_private_access", "public_access_cidrs")
def _endpoints(options: EksClusterOptions) -> Iterator[Refusal]:
    if options["endpoint_public_access"] and not options.get("public_access_cidrs"):
        yield Refusal(
            "public_access_cidrs",
            "is missing; write the address ranges that may reach the public endpoint, e.g. 203.0.113.0/24",
        )
    elif not options["endpoint_public_access"] and not options["endpoint_private_access"]:
        yield Refusal(
            "endpoint_private_access",
            "is false, and there is no other endpoint; set it or {endpoint_public_access} to true",
        )


@rule(EksClusterOptions, "name", "node_groups")
def _node_role_names(options: EksClusterOptions) -> Iterator[Refusal]:
    for group, declared in options["node_groups"].items():
        name = node_role_name(options["name"], group, declared)
        if len(name) > arns.LONGEST_NAMES["role"]:
            yield Refusal(
                ("node_groups", Key(group)),
                f"would have the node role {name}, of {len(name)} characters, and AWS takes "
                f"{arns.LONGEST_NAMES['role']}; write a shorter one into {{role_name}}",
            )


@rule(EksClusterArgs, "name", "node_groups")
def _node_roles(options: EksClusterArgs) -> Iterator[Refusal]:
    owners: dict[str, str] = {}
    for group, declared in options["node_groups"].items():
        name = node_role_name(options["name"], group, declared)
        owner = owners.setdefault(name.lower(), group)  # as IAM compares names
        if owner != group:
            place = ("node_groups", Key(group), *(["role_name"] if "role_name" in declared else []))
            yield Refusal(place, f"is the IAM role of {{node_groups}}.{owner} already; write another", name)


@rule(EksClusterArgs, "pod_identity_agent", "region")
def _agent(options: EksClusterArgs) -> Iterator[Refusal]:
    if options["pod_identity_agent"]:
        yield from agent_refusals(options["region"])


def agent_refusals(region: str) -> Iterator[Refusal]:
    """What is wrong with the agent of Pod Identity in a region."""
    partition = arns.partition_of(region)
    if partition in arns.WITHOUT_POD_IDENTITY:
        yield Refusal(
            "pod_identity_agent",
            f"is true, and EKS has no Pod Identity in the partition {partition}; leave it out",
        )


class ExistingEksClusterOptions(TypedDict):
    """An EKS cluster that exists, used as it is."""

    name: ClusterName
    """Name of the cluster in EKS."""

    node_role_arns: NotRequired[Annotated[Mapping[GroupName, pulumi.Input[RoleArn]], Default({})]]
    """ARNs of its node roles, by node group, for logins of `node_groups`."""

    tags: NotRequired[Tags]
    """Tags of the OIDC provider, where it is made here."""


class ExistingEksClusterArgs(ExistingEksClusterOptions):
    """A cluster to find."""

    region: Region
    """AWS region of the cluster, for example `us-east-1`."""


class Cluster(Component):
    """What a cluster that was made and one that was found have in common."""

    name: pulumi.Output[str]
    """Name of the cluster in EKS. Known once the cluster is there."""

    arn: pulumi.Output[str]
    """ARN of the cluster."""

    oidc_issuer: pulumi.Output[str]
    """Issuer of the cluster's service-account tokens, with `https://`."""

    oidc_provider_arn: pulumi.Output[str]
    """ARN of the issuer's OIDC provider in IAM."""

    kubeconfig: pulumi.Output[Annotated[str, Secret]]
    """Kubeconfig as JSON. A secret, though it gets its tokens from `aws eks get-token`."""

    node_role_arns: pulumi.Output[Mapping[str, str]]
    """ARNs of the node roles, by node group."""

    ref: EksClusterRef
    """The cluster, whole: for logins and for Vault's own identity."""

    def _set(
        self,
        name: str,
        region: str,
        issuer: pulumi.Input[str],
        provider_arn: pulumi.Output[str],
        node_role_ids: Mapping[str, pulumi.Input[str]],
    ) -> None:
        # Whatever is declared in the cluster by its name has to wait for it.
        self.name = pulumi.Output.from_input(issuer).apply(lambda _: name)
        self.oidc_issuer = pulumi.Output.from_input(issuer).apply(arns.issuer_url)
        self.oidc_provider_arn = provider_arn
        # Its account is that of its OIDC provider: pulumi-eks does not say the cluster's ARN.
        self.arn = provider_arn.apply(
            lambda provider: arns.eks_cluster_arn(region, arns.parse(provider).account, name)
        )
        self.ref = {
            "name": self.name,
            "arn": self.arn,
            "oidc_provider_arn": self.oidc_provider_arn,
            "oidc_issuer": self.oidc_issuer,
            "node_role_arns": self.node_role_arns,
            "node_role_ids": _known_together(node_role_ids),
        }

    def _finish(self) -> None:
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "oidc_issuer": self.oidc_issuer,
                "oidc_provider_arn": self.oidc_provider_arn,
                "kubeconfig": self.kubeconfig,
                "node_role_arns": self.node_role_arns,
                "ref": self.ref,
            }
        )


class EksCluster(Cluster):
    """An EKS cluster whose service accounts IAM can trust."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(EksClusterArgs, args)
        super().__init__(name, opts)
        tags = args["tags"] or None
        child = pulumi.ResourceOptions(parent=self)
        cluster = eks.Cluster(
            f"{name}-cluster",
            name=args["name"],
            version=args.get("kubernetes_version"),
            vpc_id=args.get("vpc_id"),
            subnet_ids=args.get("subnet_ids"),
            endpoint_private_access=args["endpoint_private_access"],
            endpoint_public_access=args["endpoint_public_access"],
            public_access_cidrs=args.get("public_access_cidrs"),
            enabled_cluster_log_types=[log.value for log in args["log_types"]],
            encryption_config_key_arn=args.get("encryption_key_arn"),
            # Who may use the cluster is said with EKS access entries; the aws-auth ConfigMap is not used.
            authentication_mode=eks.AuthenticationMode.API,
            # Node groups are managed ones, below. The OIDC provider is ours: pulumi-eks would connect to
            # the issuer to read a certificate fingerprint that IAM no longer needs.
            skip_default_node_group=True,
            tags=tags,
            opts=pulumi.ResourceOptions.merge(child, bounded(args.get("permissions_boundary"))),
        )
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig_json)
        roles = {
            group: node_group(self, name, cluster, args, group, declared)
            for group, declared in args["node_groups"].items()
        }
        self.node_role_arns = _known_together({group: role.arn for group, role in roles.items()})
        provider_arn = cluster_oidc_provider(self, name, cluster.oidc_issuer, args["tags"])
        role_ids = {group: role.unique_id for group, role in roles.items()}
        self._set(args["name"], args["region"], cluster.oidc_issuer, provider_arn, role_ids)
        if args["pod_identity_agent"]:
            aws.eks.Addon(
                f"{name}-pod-identity-agent",
                cluster_name=self.name,
                addon_name="eks-pod-identity-agent",
                tags=tags,
                opts=child,
            )
        self._finish()


def bounded(boundary: pulumi.Input[str] | None) -> pulumi.ResourceOptions:
    """Options of a cluster whose roles have this permissions boundary.

    pulumi-eks makes the cluster's role, and has no argument for its boundary. A role made here would be
    another one, and a cluster with another role is replaced.
    """
    if boundary is None:
        return pulumi.ResourceOptions()

    def bound(found: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if found.type_ != "aws:iam/role:Role":
            return None
        return pulumi.ResourceTransformResult({**found.props, "permissionsBoundary": boundary}, found.opts)

    return pulumi.ResourceOptions(transforms=[bound])


class ExistingEksCluster(Cluster):
    """An EKS cluster that exists: found by its name, used as it is. Its OIDC provider in IAM is made where
    there is none."""

    def __init__(
        self, name: str, args: ExistingEksClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ExistingEksClusterArgs, args)
        super().__init__(name, opts)
        # Looked up at once and not as an output: what is registered below depends on the issuer.
        found = aws.eks.get_cluster(name=args["name"], opts=pulumi.InvokeOptions(parent=self))
        issuer = found.identities[0].oidcs[0].issuer
        self.kubeconfig = pulumi.Output.secret(
            eks_kubeconfig(found.name, found.endpoint, found.certificate_authorities[0].data, args["region"])
        )
        self.node_role_arns = _known_together(args["node_role_arns"])
        provider_arn = cluster_oidc_provider(self, name, issuer, args["tags"])
        self._set(args["name"], args["region"], issuer, provider_arn, {})
        self._finish()


def _known_together(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[Mapping[str, str]]:
    # Of no output at all, `all` makes a list.
    return pulumi.Output.all(**values).apply(dict)
