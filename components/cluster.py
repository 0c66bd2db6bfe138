"""The EKS cluster: created, or an existing one looked up; and its OIDC provider in IAM."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from typing_extensions import NotRequired, TypedDict

from . import arns, trust
from .kubeconfig import eks_kubeconfig
from .node_group import NodeGroup, check_node_group, node_group

DEFAULT_LOG_TYPES = ("api", "audit", "authenticator")
OWNER_TAG = "vault-aws-auth/owner"
"""Tag on an OIDC provider that this component made: `<project>/<stack>/<component>` that it belongs to.

Without the organization, so that a stack keeps its provider in another backend. After `pulumi stack rename`
the stack has another owner's provider: it warns, and would delete it, until the tag is written anew.
"""


class EksClusterArgs(TypedDict):
    """A cluster to create, or with `existing` the one to look up."""

    name: str
    """Name of the cluster in EKS."""

    region: str
    """AWS region of the cluster, for example `us-east-1`."""

    existing: NotRequired[bool]
    """Look the cluster up instead of creating it; beside it only `node_role_arns` may be given.
    Default: false."""

    kubernetes_version: NotRequired[str]
    """Kubernetes version, for example `1.33`. Default: EKS's own default at creation."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of the cluster, given together with `subnet_ids`. Default: the account's default VPC."""

    subnet_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """Subnets of the cluster and its nodes, in two availability zones at least, given together with `vpc_id`.
    Default: all those of the default VPC; EKS refuses them where one is in an availability zone without EKS,
    as use1-az3 of us-east-1 is."""

    endpoint_private_access: NotRequired[bool]
    """The API server answers inside the VPC. Default: true."""

    endpoint_public_access: NotRequired[bool]
    """The API server answers from outside the VPC, to `public_access_cidrs`. Default: false."""

    public_access_cidrs: NotRequired[Sequence[pulumi.Input[str]]]
    """Who may reach the public endpoint; must be given with it. Default: nobody."""

    log_types: NotRequired[Sequence[str]]
    """Control-plane logs sent to CloudWatch. Default: `api`, `audit`, `authenticator`."""

    encryption_key_arn: NotRequired[pulumi.Input[str]]
    """KMS key that encrypts Kubernetes secrets. Default: the one that EKS owns."""

    node_groups: NotRequired[Mapping[str, NodeGroup]]
    """Managed node groups by name. Default: none."""

    pod_identity_agent: NotRequired[bool]
    """Install the EKS add-on `eks-pod-identity-agent`, which the method `pod-identity` needs on the nodes.
    On an existing cluster whoever made it does. Default: false."""

    node_role_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Of an existing cluster: the ARNs of its node roles, by node group. Default: none."""


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster whose service accounts IAM can trust."""

    name: pulumi.Output[str]
    """Name of the cluster in EKS. Known once the cluster is there."""

    arn: pulumi.Output[str]
    """ARN of the cluster."""

    oidc_issuer: pulumi.Output[str]
    """Issuer of the cluster's service-account tokens, with `https://`."""

    oidc_provider_arn: pulumi.Output[str]
    """ARN of the issuer's OIDC provider in IAM."""

    kubeconfig: pulumi.Output[str]
    """Kubeconfig as JSON. A secret, though it gets its tokens from `aws eks get-token`."""

    node_role_arns: pulumi.Output[Mapping[str, str]]
    """ARNs of the node roles, by node group."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("vault-aws-auth:index:EksCluster", name, {}, opts)
        _validate(args)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)

        issuer: pulumi.Input[str] = self._look_up(args) if args.get("existing") else self._create(args)

        # Whatever is declared in the cluster by its name has to wait for it.
        self.name = pulumi.Output.from_input(issuer).apply(lambda _: args["name"])
        self.oidc_issuer = pulumi.Output.from_input(issuer).apply(arns.issuer_url)
        self.oidc_provider_arn = self._oidc_provider(issuer)
        # Its account is that of its OIDC provider: pulumi-eks does not say the cluster's ARN.
        self.arn = self.oidc_provider_arn.apply(
            lambda provider: arns.eks_cluster_arn(args["region"], arns.parse(provider).account, args["name"])
        )
        if args.get("pod_identity_agent"):
            aws.eks.Addon(
                f"{name}-pod-identity-agent",
                cluster_name=self.name,
                addon_name="eks-pod-identity-agent",
                opts=self._child,
            )
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "oidc_issuer": self.oidc_issuer,
                "oidc_provider_arn": self.oidc_provider_arn,
                "kubeconfig": self.kubeconfig,
                "node_role_arns": self.node_role_arns,
            }
        )

    def _create(self, args: EksClusterArgs) -> pulumi.Output[str]:
        cluster = eks.Cluster(
            f"{self._name}-cluster",
            name=args["name"],
            version=args.get("kubernetes_version"),
            vpc_id=args.get("vpc_id"),
            subnet_ids=args.get("subnet_ids"),
            endpoint_private_access=args.get("endpoint_private_access", True),
            endpoint_public_access=args.get("endpoint_public_access", False),
            public_access_cidrs=args.get("public_access_cidrs"),
            enabled_cluster_log_types=list(args.get("log_types", DEFAULT_LOG_TYPES)),
            encryption_config_key_arn=args.get("encryption_key_arn"),
            # Who may use the cluster is said with EKS access entries; the aws-auth ConfigMap is not used.
            authentication_mode=eks.AuthenticationMode.API,
            # Node groups are managed ones, below. The OIDC provider is ours: pulumi-eks would connect to
            # the issuer to read a certificate fingerprint that IAM no longer needs.
            skip_default_node_group=True,
            opts=self._child,
        )
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig_json)
        node_role_arns: dict[str, pulumi.Input[str]] = {
            group: node_group(
                self,
                self._name,
                cluster,
                cluster_name=args["name"],
                group=group,
                region=args["region"],
                kubernetes_version=args.get("kubernetes_version"),
                subnet_ids=args.get("subnet_ids"),
                settings=settings,
            )
            for group, settings in args.get("node_groups", {}).items()
        }
        self.node_role_arns = _known_together(node_role_arns)
        return cluster.oidc_issuer

    def _look_up(self, args: EksClusterArgs) -> str:
        # Looked up at once and not as an output: what is registered below depends on the issuer.
        found = aws.eks.get_cluster(name=args["name"], opts=pulumi.InvokeOptions(parent=self))
        self.kubeconfig = pulumi.Output.secret(
            eks_kubeconfig(found.name, found.endpoint, found.certificate_authorities[0].data, args["region"])
        )
        self.node_role_arns = _known_together(args.get("node_role_arns", {}))
        return found.identities[0].oidcs[0].issuer

    def _oidc_provider(self, issuer: pulumi.Input[str]) -> pulumi.Output[str]:
        """The ARN of the issuer's OIDC provider, which is declared unless somebody else made it."""
        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}/{self._name}"
        if isinstance(issuer, str):
            found = self._find_oidc_provider(issuer)
            # One that carries our tag was made by an earlier update of this stack: it stays declared,
            # for what is no longer declared is deleted.
            found_owner = (found.tags or {}).get(OWNER_TAG) if found is not None else None
            if found is not None and found_owner != owner:
                if found_owner:
                    self._warn_of_another_owner(found.arn, found_owner, owner)
                if trust.AUDIENCE not in found.client_id_lists:
                    raise ValueError(
                        f"the OIDC provider {found.arn} does not accept the audience {trust.AUDIENCE}; "
                        "add it with: aws iam add-client-id-to-open-id-connect-provider "
                        f"--client-id {trust.AUDIENCE} --open-id-connect-provider-arn {found.arn}"
                    )
                return pulumi.Output.from_input(found.arn)
        provider = aws.iam.OpenIdConnectProvider(
            f"{self._name}-oidc-provider",
            url=pulumi.Output.from_input(issuer).apply(arns.issuer_url),
            client_id_lists=[trust.AUDIENCE],
            tags={OWNER_TAG: owner},
            opts=self._child,
        )
        return provider.arn

    def _warn_of_another_owner(self, provider_arn: str, found: str, owner: str) -> None:
        pulumi.log.warn(
            f"The OIDC provider {provider_arn} belongs to {found}, and this is {owner}. "
            "If that is what this was called before, the update would delete the provider, and no service "
            "account of the cluster could assume its IAM role any more: write the tag anew first, "
            f"aws iam tag-open-id-connect-provider --open-id-connect-provider-arn {provider_arn} "
            f"--tags Key={OWNER_TAG},Value={owner}",
            self,
        )

    def _find_oidc_provider(self, issuer: str) -> "aws.iam.GetOpenIdConnectProviderResult | None":
        try:
            return aws.iam.get_open_id_connect_provider(
                url=arns.issuer_url(issuer), opts=pulumi.InvokeOptions(parent=self)
            )
        except Exception as error:
            # The provider's answer when none of the account's OIDC providers has the URL. Anything else
            # (no permission, no network) must not be taken for it: that would declare a second one.
            if "finding IAM OIDC Provider by url" in str(error) and "not found" in str(error):
                return None
            raise


def _known_together(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[Mapping[str, str]]:
    # Of no output at all, `all` makes a list.
    return pulumi.Output.all(**values).apply(dict)


def _validate(args: EksClusterArgs) -> None:
    if not arns.REGION_FORM.fullmatch(args["region"]):
        raise ValueError(f"region: {args['region']!r} is not an AWS region; write e.g. us-east-1")
    if args.get("existing"):
        given = {key for key, value in args.items() if value is not None and value is not False}
        extra = sorted(given - {"name", "region", "existing", "node_role_arns"})
        if extra:
            raise ValueError(
                f"{extra[0]}: an existing cluster is used as it is; leave this out, or leave out existing"
            )
        return
    if args.get("node_role_arns"):
        raise ValueError("node_role_arns: only for an existing cluster; declare node_groups")
    if ("vpc_id" in args) != ("subnet_ids" in args):
        raise ValueError("vpc_id, subnet_ids: go together; give both, or neither for the default VPC")
    if args.get("endpoint_public_access") and not args.get("public_access_cidrs"):
        raise ValueError("public_access_cidrs: say who may reach the public endpoint, e.g. 203.0.113.0/24")
    if not args.get("endpoint_public_access") and not args.get("endpoint_private_access", True):
        raise ValueError(
            "endpoint_private_access: false leaves no way to the API server; allow one of the two"
        )
    for group, settings in args.get("node_groups", {}).items():
        check_node_group(group, settings)
