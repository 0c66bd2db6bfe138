"""Another account whose roles and users log in: the role by which Vault looks them up there."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random
from typing_extensions import NotRequired, TypedDict

from . import arns, instance_profile, quotas, trust
from .component import Component, unique_name
from .declared import UNIQUE, Default, Refusal, checked, rule
from .forms import (
    AccountId,
    ExternalId,
    IamName,
    IamPolicyName,
    PolicyArn,
    PrincipalArn,
    RolePattern,
    ServicePrincipal,
    Tags,
)
from .iam import VaultPermissions, merge_permissions, to_json, vault_permissions
from .vault_auth import StsRole

EXTERNAL_ID_LENGTH = 32


def bounds_nothing(boundary: str, account: str) -> Iterator[Refusal]:
    """What is wrong with a permissions boundary: it is a policy of the same account, or one of AWS."""
    its = arns.parse(boundary).account
    if its not in ("aws", account):
        yield Refusal(
            "permissions_boundary",
            f"is of the account {its}, and bounds nothing in {account}; write a policy of that account",
            boundary,
        )


class HcpVault(TypedDict):
    """A Vault that HashiCorp runs (HCP Vault Dedicated)."""

    account_id: AccountId
    """ID of HCP's AWS account that the cluster runs in. HCP shows it with the cluster."""

    principal_arn: RolePattern
    """ARN of the role that the cluster's nodes have in that account, which may end in `*`. Without it, every
    Vault of HCP in that account could assume the role."""


class TrustedAccountOptions(TypedDict):
    """The role in another account that Vault assumes to look up callers from there."""

    role_name: NotRequired[Annotated[IamName, Default("trust-relationship-for-primary-aws-and-vault")]]
    """Name of the IAM role."""

    policy_name: NotRequired[Annotated[IamPolicyName, Default("secondary-account-role-policy")]]
    """Name of the IAM policy."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the role's permissions. Default: none."""

    trusted_principals: NotRequired[Annotated[Sequence[pulumi.Input[PrincipalArn]], Default(()), UNIQUE]]
    """ARNs of the IAM roles and users that Vault is in its own account, which must give the external ID.
    Source: `principal_arn` of the Vault identity."""

    trusted_services: NotRequired[Annotated[Sequence[ServicePrincipal], Default(()), UNIQUE]]
    """AWS services that may give the role to a Vault that runs in this account, for example
    `ec2.amazonaws.com`, for which an instance profile of the role's name is made. They cannot give an
    external ID."""

    hcp: NotRequired[HcpVault]
    """A Vault of the HashiCorp Cloud Platform. Default: none."""

    external_id: NotRequired[pulumi.Input[ExternalId]]
    """External ID that Vault must give when it assumes the role (Vault 1.17 and later): 2 to 1224 letters,
    digits and `_+=,.@:/-`. A secret. Default: one is made, of 32 letters and digits."""

    all_lookups: NotRequired[Annotated[bool, Default(False)]]
    """Grant every lookup that Vault can make, whatever the logins need: for Vault roles that are written by
    hand, or by other stacks."""

    tags: NotRequired[Tags]
    """Tags of the AWS resources."""


class TrustedAccountArgs(TrustedAccountOptions):
    """Another account, and the Vault that may look into it."""

    account_id: AccountId
    """ID of the account. The aws provider that is handed over is one of this account."""

    permissions: VaultPermissions
    """What the logins of this account need of Vault; the role is granted this and nothing else."""

    tagged_sessions: NotRequired[Annotated[bool, Default(False)]]
    """The sessions of `trusted_principals` carry tags, as those of EKS Pod Identity do, and may bring them
    along."""


@rule(HcpVault)
def _hcp(hcp: HcpVault) -> Iterator[Refusal]:
    principal = arns.parse(hcp["principal_arn"])
    if principal.account != hcp["account_id"]:
        yield Refusal(
            "principal_arn",
            f"is not of the account {hcp['account_id']}; write the role of the HCP cluster's nodes, which "
            "HCP shows beside the account",
            hcp["principal_arn"],
        )
    elif principal.resource == "role/*":
        yield Refusal(
            "principal_arn",
            "is every role of HCP's account, of other customers too; write how the role of your cluster's "
            "nodes begins",
            hcp["principal_arn"],
        )


@rule(TrustedAccountArgs, "permissions_boundary", "account_id")
def _bounded(args: TrustedAccountArgs) -> Iterator[Refusal]:
    boundary = args.get("permissions_boundary")
    if isinstance(boundary, str):
        yield from bounds_nothing(boundary, args["account_id"])


@rule(TrustedAccountArgs, "trusted_principals", "trusted_services", "hcp")
def _trusted(args: TrustedAccountArgs) -> Iterator[Refusal]:
    if not args["trusted_principals"] and not args["trusted_services"] and "hcp" not in args:
        yield Refusal(
            "",
            "has a role that nothing can assume; write {trusted_principals}, {trusted_services} or {hcp}",
        )


@rule(TrustedAccountOptions, "trusted_principals", "trusted_services", "hcp", "external_id")
def _trust_policy(options: TrustedAccountOptions) -> Iterator[Refusal]:
    """As far as it is known: an external ID that is made here, and the principals that are written."""
    written = [arn for arn in options["trusted_principals"] if isinstance(arn, str)]
    if not written:
        return
    known = options.get("external_id")
    external_id = known if isinstance(known, str) else "0" * EXTERNAL_ID_LENGTH

    def measured(count: int) -> int:
        args: Any = {"tagged_sessions": False, **options}
        return quotas.size(_trust(args, external_id, written[:count]))

    whole = measured(len(written))
    if whole > quotas.TRUST_POLICY:
        fit = bisect_right(range(1, len(written)), quotas.TRUST_POLICY, key=measured)
        yield Refusal(
            "trusted_principals",
            f"are {len(written)}, which make a trust policy of {whole:,} characters, and AWS takes "
            f"{quotas.TRUST_POLICY:,}: the first {fit} fit; write those that Vault runs as",
        )


def _granted(args: TrustedAccountArgs) -> VaultPermissions:
    return merge_permissions([args["permissions"], {"all_lookups": args["all_lookups"]}])


@rule(TrustedAccountArgs, "permissions", "all_lookups", "account_id")
def _permissions(args: TrustedAccountArgs) -> Iterator[Refusal]:
    try:
        vault_permissions(_granted(args))
    except ValueError as error:
        yield Refusal("permissions", f"for the account {args['account_id']}: {error}")


class TrustedAccount(Component):
    """The role of another account that Vault assumes to look up who logs in from there."""

    role_arn: pulumi.Output[str]
    """ARN of the role. Known once the role has its permissions."""

    external_id: pulumi.Output[ExternalId]
    """External ID that the role's trust policy demands. A secret."""

    instance_profile: pulumi.Output[str]
    """Name of the instance profile for Vault's EC2 instances; empty when the role is not for EC2."""

    def __init__(
        self, name: str, args: TrustedAccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(TrustedAccountArgs, args)
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = args["tags"] or None
        external_id = args.get("external_id")
        if external_id is None:
            external_id = random.RandomPassword(
                f"{name}-external-id", length=EXTERNAL_ID_LENGTH, special=False, opts=child
            ).result
        self.external_id = pulumi.Output.secret(external_id)
        services = args["trusted_services"]
        role = aws.iam.Role(
            f"{name}-role",
            name=args["role_name"],
            description="HashiCorp Vault assumes it to look up who logs in from this account",
            assume_role_policy=pulumi.Output.all(self.external_id, *args["trusted_principals"]).apply(
                lambda values: _trust(args, values[0], values[1:])
            ),
            permissions_boundary=args.get("permissions_boundary"),
            tags=tags,
            opts=unique_name(self),
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args["policy_name"],
            description="What HashiCorp Vault needs to look up who logs in from this account",
            policy=to_json(vault_permissions(_granted(args))),
            tags=tags,
            opts=unique_name(self),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment", role=role.name, policy_arn=policy.arn, opts=child
        )
        profile = instance_profile.for_services(name, args["role_name"], role, services, self, args["tags"])
        self.instance_profile = profile.name if profile else pulumi.Output.from_input("")

        # Vault looks up a bound principal as soon as a Vault role is written.
        self.role_arn = pulumi.Output.all(role.arn, attachment.id).apply(
            lambda values: _of_account(values[0], args["account_id"])
        )
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "external_id": self.external_id,
                "instance_profile": self.instance_profile,
            }
        )

    @property
    def sts_role(self) -> StsRole:
        """For `VaultAwsAuthArgs.sts_roles`, by the account's ID."""
        return {"role_arn": self.role_arn, "external_id": self.external_id}


def _trust(args: TrustedAccountArgs, external_id: str, principals: Sequence[str]) -> str:
    hcp = args.get("hcp")
    return to_json(
        trust.cross_account_trust(
            external_id,
            # Vault's identity may be among the ARNs that were written as well.
            principals=list(dict.fromkeys(principals)),
            services=args["trusted_services"],
            hcp_principal=hcp["principal_arn"] if hcp else "",
            tagged_sessions=args["tagged_sessions"],
        )
    )


def _of_account(role_arn: str, account: str) -> str:
    made_in = arns.parse(role_arn).account
    if made_in != account:
        raise ValueError(
            f"account_id: is {account}, but the role was made in {made_in}, the account of the aws provider; "
            f"hand over a provider of the account {account}"
        )
    return role_arn
