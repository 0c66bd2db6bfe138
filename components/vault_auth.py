"""Vault's side: the AWS auth mount and its configuration."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import arns
from .auth_mount import VaultMount, check_path, declare_mount
from .vault_identity import VaultCredentials
from .vault_identity.credentials import check_credentials

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
    """What logins and consumers must know of the mount.

    In Python take it whole from `VaultAwsAuth.connection`; elsewhere, the outputs of the same names.
    """

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

    address: NotRequired[pulumi.Input[str]]
    """URL of Vault, for consumers. Default: not known."""

    namespace: NotRequired[pulumi.Input[str]]
    """Path of the mount's Vault namespace, for consumers. Default: the root namespace."""

    accounts: NotRequired[Sequence[str]]
    """IDs of the accounts that Vault can look into; a login of another one is refused.
    Default: not known, so none is."""


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
    """Path of the mount, without `auth/`. Default: `aws`; with `mount`, the path is the mount's."""

    mount: NotRequired[VaultMount]
    """A mount that the caller made, because a federated identity's trust names its accessor. Source:
    `auth_mount`, or in other languages a `vault.AuthBackend` of type `aws`. Default: this component mounts at
    `path`."""

    credentials: NotRequired[VaultCredentials]
    """How Vault proves to AWS who it is: `credentials` of the Vault identity, or its outputs.
    Default: what it finds around it."""

    account_id: NotRequired[str]
    """ID of Vault's own account: with it, a login of an account that Vault cannot look into is refused before
    anything is made. Default: not known."""

    address: NotRequired[pulumi.Input[str]]
    """URL of Vault, handed on to consumers. Default: none."""

    namespace: NotRequired[pulumi.Input[str]]
    """Path of the Vault namespace, handed on to consumers. Default: the root namespace."""

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

        mount = args.get("mount") or declare_mount(
            f"{name}-mount",
            args.get("path", "aws"),
            # A stack whose identity was a federated one had the mount beside this component.
            opts=pulumi.ResourceOptions(
                parent=self, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
            ),
        )
        waits = _waits_for_identity(args)
        keyless = _take_keys_away(name, mount, credentials, waits, self)
        client = vault.aws.AuthBackendClient(
            f"{name}-client",
            backend=mount["path"],
            # One without the other is refused; and Vault must verify with the STS that callers sign for.
            sts_endpoint=sts_endpoint,
            sts_region=region,
            iam_endpoint=args.get("iam_endpoint"),
            ec2_endpoint=args.get("ec2_endpoint"),
            iam_server_id_header_value=args["server_id_header"] or None,
            access_key=credentials.get("access_key"),
            secret_key=credentials.get("secret_key"),
            role_arn=credentials.get("role_arn"),
            identity_token_audience=credentials.get("identity_token_audience"),
            identity_token_ttl=int(credentials["identity_token_ttl"])
            if "identity_token_ttl" in credentials
            else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=keyless or waits,
                # Once Vault has rotated its key, only Vault knows it.
                ignore_changes=["accessKey", "secretKey"] if credentials.get("rotated") else None,
            ),
        )
        sts_roles = [
            vault.aws.AuthBackendStsRole(
                f"{name}-sts-role-{account}",
                backend=mount["path"],
                account_id=account,
                sts_role=role["role_arn"],
                external_id=_kept_secret(role.get("external_id")),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[client]),
            )
            for account, role in args.get("sts_roles", {}).items()
        ]
        vault.aws.AuthBackendConfigIdentity(
            f"{name}-identity",
            backend=mount["path"],
            iam_alias=args.get("identity_alias", "role_id"),
            iam_metadatas=list(args.get("identity_metadata", DEFAULT_IDENTITY_METADATA)),
            opts=child,
        )

        # A preview knows their URNs, but not the ID of one that is still to be made: with that, the path
        # would not be known either, and each Vault role shown as to be replaced.
        self.path = pulumi.Output.all(mount["path"], client.urn, *(role.urn for role in sts_roles)).apply(
            lambda values: str(values[0])
        )
        self._given = args
        self.accessor = pulumi.Output.from_input(mount["accessor"])
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
        connection: VaultConnection = {
            "path": self.path,
            "accessor": self.accessor,
            "sts_endpoint": self.sts_endpoint,
            "sts_region": self.sts_region,
            "server_id_header": self.server_id_header,
        }
        if "address" in self._given:
            connection["address"] = self._given["address"]
        if "namespace" in self._given:
            connection["namespace"] = self._given["namespace"]
        if own := self._given.get("account_id"):
            connection["accounts"] = [own, *self._given.get("sts_roles", {})]
        return connection


def _kept_secret(value: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    return None if value is None else pulumi.Output.secret(value)


def _waits_for_identity(args: VaultAwsAuthArgs) -> pulumi.Input[list[pulumi.Resource]]:
    """What the client config has to wait for, as `depends_on` takes it: an identity that can be used, and
    other accounts that trust it.

    A dependency and no input: what repairs the identity must not show the client config as changed.
    """
    ready = args.get("credentials", {}).get("ready", "")
    role_arns = [role["role_arn"] for role in args.get("sts_roles", {}).values()]
    return pulumi.Output.all(ready, *role_arns).apply(lambda _: list[pulumi.Resource]())


def _take_keys_away(
    name: str,
    mount: VaultMount,
    credentials: VaultCredentials,
    waits: pulumi.Input[list[pulumi.Resource]],
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    """Declare that the client config holds no access key, where Vault is to work without one.

    The provider never sends an empty secret: of a key that is taken out of `AuthBackendClient`, Vault would
    keep the secret, and refuse every request to AWS for the half that is missing. A federated role is written
    in the same request, so that Vault is at no moment without an identity.
    """
    if "access_key" in credentials or credentials.get("rotated"):
        return []
    federated = ("role_arn", "identity_token_audience", "identity_token_ttl")
    data = {"access_key": "", "secret_key": "", **{k: v for k, v in credentials.items() if k in federated}}
    return [
        vault.generic.Endpoint(
            f"{name}-no-access-key",
            path=pulumi.Output.concat("auth/", mount["path"], "/config/client"),
            data_json=pulumi.Output.json_dumps(data),
            # The config's other fields, and its end, are the client's business.
            ignore_absent_fields=True,
            disable_delete=True,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=waits),
        )
    ]


def _validate(args: VaultAwsAuthArgs) -> None:
    if not arns.REGION_FORM.fullmatch(args["region"]):
        raise ValueError(f"region: {args['region']!r} is not an AWS region; write e.g. us-east-1")
    check_path(args.get("path", "aws"))
    if "mount" in args and "path" in args:
        raise ValueError("path: is that of mount; leave it out")
    own = args.get("account_id")
    if own and not arns.ACCOUNT_FORM.fullmatch(own):
        raise ValueError(f"account_id: {own!r} is not an account ID; write its 12 digits")
    for account in args.get("sts_roles", {}):
        if not arns.ACCOUNT_FORM.fullmatch(account):
            raise ValueError(f"sts_roles: {account!r} is not an account ID; write its 12 digits")
    check_credentials(args.get("credentials", {}))
    _one_of("identity_alias", args.get("identity_alias", "role_id"), IDENTITY_ALIASES)
    for field in args.get("identity_metadata", []):
        _one_of("identity_metadata", field, IDENTITY_METADATA)


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{field}: {value!r} is not one of {', '.join(known)}")
