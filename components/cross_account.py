"""Another account whose roles and users log in: the role by which Vault looks them up there."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_random as random
from typing_extensions import NotRequired, TypedDict

from . import arns, iam, instance_profile, trust
from .vault_auth import StsRole

ROLE_NAME = "trust-relationship-for-primary-aws-and-vault"
POLICY_NAME = "secondary-account-role-policy"
EXTERNAL_ID_LENGTH = 32


class HcpVault(TypedDict):
    """A Vault that HashiCorp runs (HCP Vault Dedicated)."""

    account_id: str
    """ID of HCP's AWS account that the cluster runs in. HCP shows it with the cluster."""

    principal_arn: str
    """ARN of the role that the cluster's nodes have in that account, which may end in `*`. Without it, every
    Vault of HCP in that account could assume the role."""


class TrustedAccountArgs(TypedDict):
    """Another account, and the Vault that may look into it."""

    account_id: str
    """ID of the account. The aws provider that is handed over is one of this account."""

    permissions: iam.VaultPermissions
    """What the logins of this account need of Vault; the role is granted this and nothing else."""

    role_name: NotRequired[str]
    """Name of the IAM role. Default: `trust-relationship-for-primary-aws-and-vault`."""

    policy_name: NotRequired[str]
    """Name of the IAM policy. Default: `secondary-account-role-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the role's permissions. Default: none."""

    trusted_principals: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of the IAM roles and users that Vault is in its own account. Default: none.
    Source: `principal_arn` of the Vault identity."""

    tagged_sessions: NotRequired[bool]
    """The sessions of `trusted_principals` carry tags, as those of EKS Pod Identity do, and may bring them
    along. Default: false."""

    trusted_services: NotRequired[Sequence[str]]
    """AWS services that may give the role to a Vault that runs in this account, for example
    `ec2.amazonaws.com`, for which an instance profile of the role's name is made. They cannot give an
    external ID. Default: none."""

    hcp: NotRequired[HcpVault]
    """A Vault that HashiCorp runs. Default: none."""

    external_id: NotRequired[pulumi.Input[str]]
    """External ID that Vault must give when it assumes the role (Vault 1.17 and later): 2 to 1224 letters,
    digits and `_+=,.@:/-`. Kept as a secret. Default: one is made, of 32 letters and digits."""


class TrustedAccount(pulumi.ComponentResource):
    """The role of another account that Vault assumes to look up who logs in from there."""

    role_arn: pulumi.Output[str]
    """ARN of the role. Known once the role has its permissions."""

    external_id: pulumi.Output[str]
    """External ID that the role's trust policy demands. A secret."""

    instance_profile: pulumi.Output[str]
    """Name of the instance profile for Vault's EC2 instances; empty when the role is not for EC2."""

    def __init__(
        self, name: str, args: TrustedAccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:TrustedAccount", name, {}, opts)
        document = _validate(args)
        child = pulumi.ResourceOptions(parent=self)
        # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
        named = pulumi.ResourceOptions(parent=self, delete_before_replace=True)

        external_id = args.get("external_id")
        if external_id is None:
            external_id = random.RandomPassword(
                f"{name}-external-id", length=EXTERNAL_ID_LENGTH, special=False, opts=child
            ).result
        self.external_id = pulumi.Output.secret(external_id)
        hcp = args.get("hcp")
        services = args.get("trusted_services", [])
        role_name = args.get("role_name", ROLE_NAME)
        role = aws.iam.Role(
            f"{name}-role",
            name=role_name,
            description="HashiCorp Vault assumes it to look up who logs in from this account",
            assume_role_policy=pulumi.Output.all(self.external_id, *args.get("trusted_principals", [])).apply(
                lambda values: iam.to_json(
                    trust.cross_account_trust(
                        values[0],
                        # Vault's identity may be among the ARNs that were written as well.
                        principals=list(dict.fromkeys(values[1:])),
                        services=services,
                        hcp_account=hcp["account_id"] if hcp else "",
                        hcp_principal=hcp["principal_arn"] if hcp else "",
                        tagged_sessions=args.get("tagged_sessions", False),
                    )
                )
            ),
            permissions_boundary=args.get("permissions_boundary"),
            opts=named,
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args.get("policy_name", POLICY_NAME),
            description="What HashiCorp Vault needs to look up who logs in from this account",
            policy=iam.to_json(document),
            opts=named,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment", role=role.name, policy_arn=policy.arn, opts=child
        )
        profile = instance_profile.for_services(name, role_name, role, services, self)
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


def _validate(args: TrustedAccountArgs) -> iam.Document:
    """Raise ValueError, naming the field, for what can be told at once; return the permission policy."""
    account = args["account_id"]
    if not arns.ACCOUNT_FORM.fullmatch(account):
        raise ValueError(f"account_id: {account!r} is not an account ID; write its 12 digits")
    hcp = args.get("hcp")
    external_id = args.get("external_id")
    # With stand-ins for what is known only later, this is the whole check.
    trust.cross_account_trust(
        external_id if isinstance(external_id, str) else "-" * EXTERNAL_ID_LENGTH,
        principals=[
            arn if isinstance(arn, str) else "arn:aws:iam::111111111111:role/later"
            for arn in args.get("trusted_principals", [])
        ],
        services=args.get("trusted_services", []),
        hcp_account=hcp["account_id"] if hcp else "",
        hcp_principal=hcp["principal_arn"] if hcp else "",
    )
    try:
        return iam.vault_permissions(args["permissions"])
    except ValueError as error:
        raise ValueError(f"permissions: for the account {account}: {error}") from None


def _of_account(role_arn: str, account: str) -> str:
    made_in = arns.parse(role_arn).account
    if made_in != account:
        raise ValueError(
            f"account_id: is {account}, but the role was made in {made_in}, the account of the aws provider; "
            f"hand over a provider of the account {account}"
        )
    return role_arn
