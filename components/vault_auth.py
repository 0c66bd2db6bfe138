"""Vault's side: the AWS auth mount and its configuration."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import arns, names
from .vault_identity import VaultCredentials

IDENTITY_ALIASES = ("role_id", "unique_id", "canonical_arn", "full_arn")
IDENTITY_METADATA = (
    "account_id",
    "auth_type",
    "canonical_arn",
    "client_arn",
    "client_user_id",
    "inferred_aws_region",
    "inferred_entity_id",
    "inferred_entity_type",
    "inferred_hostname",
)
DEFAULT_IDENTITY_METADATA = ("account_id", "auth_type", "canonical_arn")


class VaultConnection(TypedDict):
    """What logins and consumers must know of the mount. Take it whole from `VaultAwsAuth.connection`."""

    path: pulumi.Input[str]
    """Path of the mount, without `auth/`. Known once the mount can look up principals."""

    accessor: NotRequired[pulumi.Input[str]]
    """Accessor of the mount, which policy templates and identity aliases refer to."""

    sts_endpoint: NotRequired[pulumi.Input[str]]
    """The STS endpoint that Vault sends a login's signed request to."""

    sts_region: NotRequired[pulumi.Input[str]]
    """The region that a login must sign for."""

    server_id_header: NotRequired[pulumi.Input[str]]
    """The value that a login must sign in `X-Vault-AWS-IAM-Server-ID`. Empty: none is demanded."""


class StsRole(TypedDict):
    """The role that Vault assumes to look up the principals of another account."""

    role_arn: pulumi.Input[str]
    """ARN of the role in that account."""

    external_id: NotRequired[pulumi.Input[str]]
    """External ID that the role's trust policy demands (Vault 1.17 and later). Default: none."""


class VaultAwsAuthArgs(TypedDict):
    """Vault's AWS auth method for one region and any number of accounts."""

    region: str
    """AWS region whose STS verifies the logins, for example `us-east-1`."""

    server_id_header: str
    """Value that every login must sign in the header `X-Vault-AWS-IAM-Server-ID`, by custom Vault's DNS name.
    It keeps a request signed for one Vault from being replayed to another. Empty: none is demanded."""

    path: NotRequired[str]
    """Path of the mount, without `auth/`. Default: `aws`."""

    credentials: NotRequired[VaultCredentials]
    """How Vault proves to AWS who it is: `credentials` of the Vault identity.
    Default: what it finds around it."""

    sts_endpoint: NotRequired[str]
    """URL of STS. Default: the regional one of `region`."""

    iam_endpoint: NotRequired[str]
    """URL of IAM. Default: AWS's own."""

    ec2_endpoint: NotRequired[str]
    """URL of EC2. Default: AWS's own."""

    sts_roles: NotRequired[Mapping[str, StsRole]]
    """By account ID: the role that Vault assumes to look up principals there. Default: none."""

    identity_alias: NotRequired[str]
    """What makes two logins the same entity in Vault: `role_id` (the Vault role), `unique_id` (the IAM
    principal), `canonical_arn` or `full_arn`. Default: `role_id`, as in Vault: one entity per login."""

    identity_metadata: NotRequired[Sequence[str]]
    """What Vault notes about the caller on the token and the entity's alias, beside `role_id`. Default:
    `account_id`, `auth_type`, `canonical_arn`, which change rarely; `client_arn` or `inferred_entity_id` make
    Vault write to its storage at nearly every login."""


class VaultAwsAuth(pulumi.ComponentResource):
    """The mount, its client config, STS roles and identity config: what every login shares."""

    path: pulumi.Output[str]
    """Path of the mount, without `auth/`. Known once the client config and the STS roles are in place,
    because Vault looks up a bound principal at the moment when a Vault role is written."""

    accessor: pulumi.Output[str]
    """Accessor of the mount."""

    sts_endpoint: pulumi.Output[str]
    """The STS endpoint that Vault uses."""

    sts_region: pulumi.Output[str]
    """The region that logins sign for."""

    server_id_header: pulumi.Output[str]
    """The server-id header's value; empty when none is demanded."""

    def __init__(self, name: str, args: VaultAwsAuthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("vault-aws-auth:index:VaultAwsAuth", name, {}, opts)
        _validate(args)
        region = args["region"]
        credentials = args.get("credentials", {})
        sts_endpoint = args.get("sts_endpoint") or arns.sts_endpoint(region)
        child = pulumi.ResourceOptions(parent=self)

        mount = vault.AuthBackend(
            f"{name}-mount",
            type="aws",
            path=args.get("path", "aws"),
            description="Logins with an AWS identity",
            opts=child,
        )
        client = vault.aws.AuthBackendClient(
            f"{name}-client",
            backend=mount.path,
            # One without the other is refused; and Vault must verify with the STS that callers sign for.
            sts_endpoint=sts_endpoint,
            sts_region=region,
            iam_endpoint=args.get("iam_endpoint"),
            ec2_endpoint=args.get("ec2_endpoint"),
            iam_server_id_header_value=args["server_id_header"] or None,
            access_key=credentials.get("access_key"),
            secret_key=credentials.get("secret_key"),
            opts=child,
        )
        sts_roles = [
            vault.aws.AuthBackendStsRole(
                f"{name}-sts-role-{account}",
                backend=mount.path,
                account_id=account,
                sts_role=role["role_arn"],
                external_id=role.get("external_id"),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[client]),
            )
            for account, role in args.get("sts_roles", {}).items()
        ]
        vault.aws.AuthBackendConfigIdentity(
            f"{name}-identity",
            backend=mount.path,
            iam_alias=args.get("identity_alias", "role_id"),
            iam_metadatas=list(args.get("identity_metadata", DEFAULT_IDENTITY_METADATA)),
            opts=child,
        )

        self.path = pulumi.Output.all(mount.path, client.id, *(role.id for role in sts_roles)).apply(
            lambda values: str(values[0])
        )
        self.accessor = mount.accessor
        self.sts_endpoint = pulumi.Output.from_input(sts_endpoint)
        self.sts_region = pulumi.Output.from_input(region)
        self.server_id_header = pulumi.Output.from_input(args["server_id_header"])
        self.register_outputs(
            {
                "path": self.path,
                "accessor": self.accessor,
                "sts_endpoint": self.sts_endpoint,
                "sts_region": self.sts_region,
                "server_id_header": self.server_id_header,
            }
        )

    @property
    def connection(self) -> VaultConnection:
        """For logins and consumers."""
        return {
            "path": self.path,
            "accessor": self.accessor,
            "sts_endpoint": self.sts_endpoint,
            "sts_region": self.sts_region,
            "server_id_header": self.server_id_header,
        }


def _validate(args: VaultAwsAuthArgs) -> None:
    if not arns.REGION_FORM.fullmatch(args["region"]):
        raise ValueError(f"region: {args['region']!r} is not an AWS region; write e.g. us-east-1")
    try:
        names.check_mount_path(args.get("path", "aws"))
    except ValueError as error:
        raise ValueError(f"path: {args.get('path')!r} {error}") from None
    for account in args.get("sts_roles", {}):
        if not arns.ACCOUNT_FORM.fullmatch(account):
            raise ValueError(f"sts_roles: {account!r} is not an account ID; write its 12 digits")
    if len(args.get("credentials", {})) == 1:
        raise ValueError("credentials: access_key and secret_key go together")
    _one_of("identity_alias", args.get("identity_alias", "role_id"), IDENTITY_ALIASES)
    for field in args.get("identity_metadata", []):
        _one_of("identity_metadata", field, IDENTITY_METADATA)


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{field}: {value!r} is not one of {', '.join(known)}")
