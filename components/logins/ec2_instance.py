"""Login of EC2 instances, such as the nodes of a cluster: the Vault role that infers the instance."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired

from .. import arns, iam
from ..declared import UNIQUE, Default, Refusal, checked, not_empty, opened, rule
from ..forms import AmiId, GroupName, ProfileName, Region, RoleArn, SubnetId, VpcId
from ..pod_role import EksClusterRef
from . import lookup
from .base import Login, LoginArgs, LoginOptions

_NARROWER = ("bound_vpc_ids", "bound_subnet_ids", "bound_ami_ids")
"""What may be asked of an instance beside its role and profile."""

EKS_PROFILE_NAMES = "eks-*"
"""EKS names the instance profiles of managed node groups `eks-<uuid>`."""


class Ec2InstanceLoginOptions(LoginOptions):
    """Instances of one account, by their roles."""

    node_groups: NotRequired[Annotated[Sequence[GroupName], Default(()), UNIQUE]]
    """Node groups of the cluster whose nodes may log in."""

    role_arns: NotRequired[Annotated[Sequence[pulumi.Input[RoleArn]], Default(()), UNIQUE]]
    """ARNs of the roles of other instances that may log in, all of one account."""

    instance_profile_names: NotRequired[
        Annotated[
            Sequence[ProfileName],
            Default((EKS_PROFILE_NAMES,)),
            not_empty("the name of an instance profile, or how it begins and a *"),
        ]
    ]
    """Names of the instance profiles, with the path before those that have one: `karpenter/us-east-1/c1/*`.
    Each may end in `*`, which goes beyond a `/`; `eks-*` are the profiles that EKS makes for managed node
    groups. The roles are checked as well, so the pattern alone lets nothing in."""

    bound_vpc_ids: NotRequired[Annotated[Sequence[pulumi.Input[VpcId]], Default(()), UNIQUE]]
    """VPCs of which the instance must be in one. Default: any."""

    bound_subnet_ids: NotRequired[Annotated[Sequence[pulumi.Input[SubnetId]], Default(()), UNIQUE]]
    """Subnets of which the instance must be in one. Default: any."""

    bound_ami_ids: NotRequired[Annotated[Sequence[pulumi.Input[AmiId]], Default(()), UNIQUE]]
    """AMIs of which the instance must run one. Default: any."""


class Ec2InstanceLoginArgs(Ec2InstanceLoginOptions, LoginArgs):
    """Instances of one account and one region, and the mount that they log in to."""

    region: Region
    """AWS region in which Vault looks for the instances."""

    cluster: NotRequired[pulumi.Input[EksClusterRef]]
    """The cluster of `node_groups`: `EksCluster.ref`. Default: none."""

    clusters: NotRequired[Sequence[pulumi.Input[EksClusterRef]]]
    """The clusters of `node_groups`, of which each has one of them at least: `EksCluster.ref` of each.
    Default: that of `cluster`."""

    look_up: NotRequired[bool]
    """Look the roles up in their account, with the aws provider that is handed over: so that a wrong ARN is
    found at preview, and a role that was deleted and recreated can log in after the next update. Default:
    true, unless one is not of Vault's own account, the first of `connection.accounts`, because it needs a
    provider of the roles' account."""


@rule(Ec2InstanceLoginOptions, "node_groups", "role_arns")
def _bound(options: Ec2InstanceLoginOptions) -> Iterator[Refusal]:
    if not options["node_groups"] and not options["role_arns"]:
        yield Refusal(
            "", "has neither {node_groups} nor {role_arns}: any role of the account could log in; write one"
        )


@rule(Ec2InstanceLoginArgs, "node_groups", "role_arns", "cluster", "clusters", "connection")
def _wired(args: Ec2InstanceLoginArgs) -> Iterator[Refusal]:
    if "cluster" in args and "clusters" in args:
        yield Refusal("clusters", "is given beside {cluster}; write one of them")
    elif args["node_groups"] and not _clusters(args):
        yield Refusal("cluster", "is missing; {node_groups} needs it: write EksCluster.ref")
    yield from lookup.refusals("role_arns", args["role_arns"], args)


class Ec2InstanceLogin(Login):
    """A Vault role for the instances that have one of the given roles.

    Vault takes the session name of the caller's role for an instance ID, and asks EC2 whether that instance
    runs with one of the profiles. Anyone who may assume *any* role of the account can choose such a session
    name: therefore the caller's own role is bound too, and the profile's role.
    """

    KIND = "ec2-instance"
    OPTIONS = Ec2InstanceLoginOptions
    ARGS = Ec2InstanceLoginArgs
    VAULT_PERMISSIONS = iam.VaultPermissions(resolve_roles=True, infer_ec2_instances=True)

    def __init__(
        self, name: str, args: Ec2InstanceLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(Ec2InstanceLoginArgs, args)
        super().__init__(name, args, opts)
        accounts = lookup.known_accounts(args)
        role_arns = pulumi.Output.all(_node_roles(args), *args["role_arns"]).apply(
            lambda known: [str(arn) for arn in (*known[0], *known[1:])]
        )
        scope = role_arns.apply(lambda values: _one_account(values, accounts))

        fields: Mapping[str, Any] = {**args}
        narrower = {field: list(fields[field]) for field in _NARROWER if fields[field]}
        vault_role = self._vault_role(
            name,
            # The provider leaves a bound that is no longer declared in Vault: other ones are another role.
            # There is always a trigger, for the engine compares none with nothing.
            ",".join(narrower),
            **narrower,
            inferred_entity_type="ec2_instance",
            inferred_aws_region=args["region"],
            bound_account_ids=scope.apply(lambda arn: [arn.account]),
            bound_iam_instance_profile_arns=scope.apply(
                lambda arn: [
                    f"arn:{arn.partition}:iam::{arn.account}:instance-profile/{profile}"
                    for profile in args["instance_profile_names"]
                ]
            ),
            bound_iam_role_arns=role_arns,
            bound_iam_principal_arns=role_arns,
        )
        if args.get("look_up", lookup.in_own_account(args["role_arns"], accounts)):
            unique_ids = pulumi.Output.all(
                _node_role_ids(args, self),
                *(lookup.unique_id("role_arns", "role", arn, self) for arn in args["role_arns"]),
            ).apply(lambda known: [*known[0], *known[1:]])
            self._look_up_again(name, vault_role, unique_ids)

        self._finish(
            vault_role,
            iam_role_arn=role_arns.apply(lambda values: values[0]),
            service_accounts=[],
            principals=role_arns,
        )

    @classmethod
    def permissions(cls, options: Ec2InstanceLoginOptions) -> iam.VaultPermissions:
        return cls.VAULT_PERMISSIONS

    @classmethod
    def account(cls, options: Ec2InstanceLoginOptions) -> str | None:
        return lookup.account_of(options.get("role_arns", ()))

    @classmethod
    def needs_cluster(cls, options: Ec2InstanceLoginOptions) -> bool:
        return bool(options.get("node_groups"))


def _clusters(args: Ec2InstanceLoginArgs) -> Sequence[pulumi.Input[EksClusterRef]]:
    return [args["cluster"]] if "cluster" in args else args.get("clusters", ())


def _node_roles(args: Ec2InstanceLoginArgs) -> pulumi.Output[list[str]]:
    """The ARNs of the node groups' roles: in each cluster, those of the groups that it has."""
    if not args["node_groups"]:
        return pulumi.Output.from_input([])
    by_group = [opened(cluster, EksClusterRef).get("node_role_arns") for cluster in _clusters(args)]
    return pulumi.Output.all(*by_group).apply(lambda known: _roles_of(args["node_groups"], known))


def _roles_of(groups: Sequence[str], clusters: Sequence[Mapping[str, str] | None]) -> list[str]:
    known = [by_group or {} for by_group in clusters]
    of_any = {group: None for by_group in known for group in by_group}
    for group in groups:
        if group not in of_any:
            where = "the cluster" if len(known) == 1 else "one of the clusters"
            raise ValueError(
                f"node_groups: {group!r} is not a node group of {where}; known: {', '.join(of_any)}"
            )
    roles = [by_group[group] for group in groups for by_group in known if group in by_group]
    return list(dict.fromkeys(roles))


def _node_role_ids(args: Ec2InstanceLoginArgs, parent: pulumi.Resource) -> pulumi.Output[list[str]]:
    """The unique IDs of the roles of `_node_roles`: looked up where the clusters do not bring them along.

    A role that was just made cannot be looked up yet, and whether the stack has just made it is not to be
    seen in its ARN.
    """
    if not args["node_groups"]:
        return pulumi.Output.from_input([])
    refs = [opened(cluster, EksClusterRef) for cluster in _clusters(args)]
    facts = [(ref.get("node_role_arns"), ref.get("node_role_ids")) for ref in refs]

    def unique_ids(known: Sequence[Any]) -> pulumi.Output[list[str]]:
        own = {
            by_group[group]: of_made[group]
            for by_group, of_made in ((arns_of or {}, ids or {}) for arns_of, ids in known)
            for group in by_group
            if group in of_made
        }
        roles = _roles_of(args["node_groups"], [arns_of for arns_of, _ in known])
        return pulumi.Output.all(
            *(own.get(arn) or lookup.unique_id("role_arns", "role", arn, parent) for arn in roles)
        )

    return pulumi.Output.all(*facts).apply(unique_ids)


def _one_account(role_arns: Sequence[str], accounts: Sequence[str]) -> arns.Arn:
    """The first of the ARNs, which are all of one account that Vault can look into."""
    for refusal in lookup.refusals("role_arns", role_arns, {"connection": {"accounts": accounts}}):
        raise ValueError(f"role_arns: {refusal.text}")
    return arns.parse(role_arns[0])
