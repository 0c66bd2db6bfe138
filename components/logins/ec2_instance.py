"""Login of EC2 instances, such as the nodes of a cluster: the Vault role that infers the instance."""

from collections.abc import Sequence

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import arns, iam, trust
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, pin_principals, role_name, token_inputs
from . import lookup
from .kinds import component_options, vault_role_options

EKS_PROFILE_NAMES = "eks-*"
"""EKS names the instance profiles of managed node groups `eks-<uuid>`."""


class Ec2InstanceLoginArgs(TypedDict):
    """Instances of one role and one region, in one account."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs."""

    region: str
    """AWS region in which the instances are looked for."""

    role_arns: Sequence[pulumi.Input[str]]
    """ARNs of the instances' roles, one at least and all of one account.
    Source: `EksCluster.node_role_arns`."""

    token: VaultToken
    """The token that a login gets."""

    instance_profile_names: NotRequired[Sequence[str]]
    """Names of the instance profiles, each may end in `*`. Default: `eks-*`, the profiles that EKS makes for
    managed node groups. The roles are checked as well, so the pattern alone lets nobody in."""

    look_up: NotRequired[bool]
    """Look the roles up in their account, with the aws provider that is handed over: so that a wrong ARN is
    told at preview, and a role that was deleted and made anew can log in after the next update. Default: true
    unless one is written that is not of Vault's own account, the first of `connection.accounts`; for it needs
    a provider of the roles' account."""

    vault_role: NotRequired[str]
    """Name of the Vault role, in lower case, as Vault keeps it. Default: the login's name."""


class Ec2InstanceLogin(pulumi.ComponentResource):
    """A Vault role for the instances that have one of the given roles.

    Vault takes the session name of the caller's role for an instance ID, and asks EC2 whether that instance
    runs with one of the profiles. Whoever may assume *any* role of the account can choose such a session
    name: therefore the caller's own role is bound too, and the profile's role.
    """

    VAULT_PERMISSIONS = iam.VaultPermissions(resolve_roles=True, infer_ec2_instances=True)

    vault_role: pulumi.Output[str]
    """Name of the Vault role to log in with."""

    iam_role_arn: pulumi.Output[str]
    """ARN of the first of the instances' roles."""

    service_accounts: pulumi.Output[Sequence[str]]
    """None: instances log in, not service accounts."""

    principals: pulumi.Output[Sequence[str]]
    """ARNs that the Vault role is bound to."""

    def __init__(
        self, name: str, args: Ec2InstanceLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        opts = component_options("Ec2InstanceLogin", opts)
        super().__init__("vault-aws-auth:index:Ec2InstanceLogin", name, {}, opts)
        if not arns.REGION_FORM.fullmatch(args["region"]):
            raise ValueError(f"region: {args['region']!r} is not an AWS region; write e.g. us-east-1")
        if not args["role_arns"]:
            raise ValueError("role_arns: name at least one; without it any role of the account could log in")
        profiles = list(args.get("instance_profile_names", [EKS_PROFILE_NAMES]))
        for profile in profiles:
            if not profile or "*" in profile[:-1] or "/" in profile:
                raise ValueError(f"instance_profile_names: {profile!r} is not a name; a * may only end it")
        token = token_inputs(args["token"])
        accounts = args["connection"].get("accounts") or []
        # What is wrong with an ARN that is known already is told at once.
        written = _scope([arn for arn in args["role_arns"] if isinstance(arn, str)], accounts)
        role_arns = pulumi.Output.all(*args["role_arns"]).apply(
            lambda values: [str(value) for value in values]
        )
        scope = role_arns.apply(lambda values: _scope(values, accounts)[0])

        vault_role = vault.aws.AuthBackendRole(
            f"{name}-vault-role",
            backend=args["connection"]["path"],
            role=role_name(args.get("vault_role", name)),
            auth_type="iam",
            inferred_entity_type="ec2_instance",
            inferred_aws_region=args["region"],
            bound_account_ids=scope.apply(lambda arn: [arn.account]),
            bound_iam_instance_profile_arns=scope.apply(
                lambda arn: [
                    f"arn:{arn.partition}:iam::{arn.account}:instance-profile/{profile}"
                    for profile in profiles
                ]
            ),
            bound_iam_role_arns=role_arns,
            bound_iam_principal_arns=role_arns,
            resolve_aws_unique_ids=True,
            opts=vault_role_options(self),
            **token,
        )
        if args.get("look_up", lookup.in_own_account(written, accounts)):
            unique_ids = [lookup.unique_id("role_arns", "role", arn, self) for arn in args["role_arns"]]
            pin_principals(name, vault_role, role_arns, pulumi.Output.all(*unique_ids), self)

        self.vault_role = vault_role.role
        self.iam_role_arn = role_arns.apply(lambda values: values[0])
        self.service_accounts = pulumi.Output.from_input([])
        self.principals = role_arns
        self.register_outputs(
            {
                "vault_role": self.vault_role,
                "iam_role_arn": self.iam_role_arn,
                "service_accounts": self.service_accounts,
                "principals": self.principals,
            }
        )


def _scope(role_arns: Sequence[str], accounts: Sequence[str]) -> list[arns.Arn]:
    """The parts of the roles' ARNs. Raises ValueError unless one Vault role can bind them all."""
    parsed = [trust.check_iam("role_arns", arn, "role") for arn in role_arns]
    if parsed:
        lookup.check_accounts("role_arns", parsed, accounts)
    return parsed
