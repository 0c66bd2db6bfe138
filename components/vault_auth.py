"""Vault's side: the AWS auth mount and its configuration."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated
from urllib.parse import urlsplit

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import arns, renames
from .auth_mount import VaultAuthMount, VaultAuthMountArgs, VaultMount
from .component import Component
from .declared import UNIQUE, Default, Refusal, checked, opened, rule
from .forms import AccountId, ExternalId, MountPath, Region, RoleArn, ServerIdHeader, Url, VaultNamespace
from .vault_identity.credentials import VaultCredentials


class IdentityAlias(Enum):
    """What makes two logins the same entity in Vault."""

    ROLE_ID = "role_id"
    """The Vault role: one entity for each login."""

    UNIQUE_ID = "unique_id"
    """The IAM principal."""

    CANONICAL_ARN = "canonical_arn"
    """The ARN of the IAM principal."""

    FULL_ARN = "full_arn"
    """The ARN of the caller, session name included."""


class IdentityMetadata(Enum):
    """What Vault can note about a caller on the token and on the entity's alias."""

    ACCOUNT_ID = "account_id"
    """The account."""

    AUTH_TYPE = "auth_type"
    """How the caller logged in: `iam`."""

    CANONICAL_ARN = "canonical_arn"
    """The ARN of the IAM principal."""

    CLIENT_ARN = "client_arn"
    """The ARN of the caller, session name included."""

    CLIENT_USER_ID = "client_user_id"
    """The unique ID of the IAM principal."""

    INFERRED_AWS_REGION = "inferred_aws_region"
    """The region of the instance."""

    INFERRED_ENTITY_ID = "inferred_entity_id"
    """The ID of the instance."""

    INFERRED_ENTITY_TYPE = "inferred_entity_type"
    """The word for an instance: `ec2_instance`."""

    INFERRED_HOSTNAME = "inferred_hostname"
    """The host name of the instance."""


NOTED_BY_DEFAULT = (
    IdentityMetadata.ACCOUNT_ID,
    IdentityMetadata.AUTH_TYPE,
    IdentityMetadata.CANONICAL_ARN,
)
"""What Vault notes about a caller where nothing else is said."""


class VaultConnection(TypedDict):
    """What logins and consumers must know of the mount.

    Take it whole from `VaultAwsAuth.connection`.
    """

    path: pulumi.Input[str]
    """Path of the mount, without `auth/`. Known once the mount can look up principals."""

    accessor: NotRequired[pulumi.Input[str]]
    """Accessor of the mount, which policy templates and identity aliases refer to."""

    sts_endpoint: NotRequired[pulumi.Input[str]]
    """The STS endpoint of callers, which they sign a login for. Vault may call another one of the region."""

    sts_region: NotRequired[pulumi.Input[str]]
    """The region that a login must sign for."""

    server_id_header: NotRequired[pulumi.Input[str]]
    """The value that a login must sign in `X-Vault-AWS-IAM-Server-ID`. Empty: none is demanded."""

    address: NotRequired[pulumi.Input[str]]
    """URL of Vault, for consumers. Default: not known."""

    namespace: NotRequired[pulumi.Input[str]]
    """Path of the mount's Vault namespace, for consumers. Default: the root namespace."""

    accounts: NotRequired[pulumi.Input[Sequence[str]]]
    """IDs of the accounts that Vault can look into; a login of another one is refused.
    Default: not known, so none is."""


class StsRole(TypedDict):
    """The role that Vault assumes to look up the principals of another account."""

    role_arn: pulumi.Input[RoleArn]
    """ARN of the role in that account."""

    external_id: NotRequired[pulumi.Input[ExternalId]]
    """External ID that the role's trust policy demands (Vault 1.17 and later). A secret. Default: none."""


class AwsEndpoints(TypedDict):
    """AWS endpoints that Vault calls, where they are not AWS's public ones (VPC endpoints, test doubles)."""

    sts: NotRequired[Url]
    """URL of STS. Default: the regional one."""

    iam: NotRequired[Url]
    """URL of IAM. Default: AWS's own."""

    ec2: NotRequired[Url]
    """URL of EC2. Default: AWS's own."""


class AuthMethodOptions(TypedDict):
    """Vault, and what callers sign for it."""

    address: NotRequired[pulumi.Input[Url]]
    """URL of Vault, e.g. https://vault.example.com:8200, for consumers. Default: not known."""

    namespace: NotRequired[Annotated[pulumi.Input[VaultNamespace], Default("")]]
    """Path of the Vault Enterprise namespace; empty is the root one."""

    server_id_header: NotRequired[ServerIdHeader]
    """Value that each login must sign in the header `X-Vault-AWS-IAM-Server-ID`. It keeps a request signed
    for one Vault from being replayed to another. Empty: none is demanded. Default: the host of `address`."""

    callers_sts_endpoint: NotRequired[Url]
    """URL of the STS that callers use: consumers and the command `vault-aws-auth`. Vault sends what they sign
    to its own endpoint. Default: the regional one."""


class VaultAwsAuthOptions(AuthMethodOptions):
    """Vault, and how its AWS auth method identifies callers."""

    endpoints: NotRequired[Annotated[AwsEndpoints, Default({})]]
    """AWS endpoints that Vault calls, from its own network."""

    identity_alias: NotRequired[Annotated[IdentityAlias, Default(IdentityAlias.ROLE_ID)]]
    """What makes two logins the same Vault entity: `role_id` is the Vault role, `unique_id` the IAM
    principal."""


class AuthMethodArgs(AuthMethodOptions):
    """Vault, what callers sign for it, and where it looks them up."""

    region: Region
    """AWS region whose STS verifies the logins, for example `us-east-1`."""

    sts_roles: NotRequired[Annotated[Mapping[AccountId, StsRole], Default({})]]
    """By account ID: the role that Vault assumes to look up principals there."""


class VaultAwsAuthArgs(VaultAwsAuthOptions, AuthMethodArgs):
    """Vault's AWS auth method for one region and any number of accounts."""

    path: NotRequired[MountPath]
    """Path of the mount that is made here, without `auth/`. Default: `aws`."""

    mount: NotRequired[pulumi.Input[VaultMount]]
    """A mount that exists: `VaultAuthMount.ref`, or in other languages a `vault.AuthBackend` of type `aws`.
    Default: this component mounts at `path`."""

    credentials: NotRequired[Annotated[VaultCredentials, Default({})]]
    """How Vault proves to AWS who it is: `credentials` of the Vault identity, or its outputs. Without it, by
    what it finds around it."""

    protect: NotRequired[Annotated[bool, Default(False)]]
    """Refuse to delete or to replace the client config, and the mount that is made here, until this is false.
    """

    account_id: NotRequired[AccountId]
    """ID of Vault's own account: with it, a login of an account that Vault cannot look into is refused before
    anything is made. Default: not known."""

    identity_metadata: NotRequired[Annotated[Sequence[IdentityMetadata], Default(NOTED_BY_DEFAULT), UNIQUE]]
    """What Vault notes about the caller on the token and the entity's alias, beside `role_id`. The default
    changes rarely; `client_arn` or `inferred_entity_id` make Vault write to its storage at nearly every
    login."""


@rule(AuthMethodArgs, "address", "server_id_header")
def _header(args: AuthMethodArgs) -> Iterator[Refusal]:
    if "server_id_header" not in args and not isinstance(args.get("address"), str):
        yield Refusal("server_id_header", "is missing; write Vault's DNS name, or empty to demand none")


@rule(VaultAwsAuthArgs, "path", "mount")
def _mount(args: VaultAwsAuthArgs) -> Iterator[Refusal]:
    if "mount" in args and "path" in args:
        yield Refusal("path", "is that of {mount}; remove it")


@rule(VaultAwsAuthArgs, "credentials")
def _credentials(args: VaultAwsAuthArgs) -> Iterator[Refusal]:
    credentials = args["credentials"]
    key, audience = "access_key" in credentials, "identity_token_audience" in credentials
    place = "credentials"
    if key != ("secret_key" in credentials):
        yield Refusal(place, "has half of an access key; write {access_key} and {secret_key}")
    if key and audience:
        yield Refusal(place, "has {access_key} and {identity_token_audience}; Vault takes only one of them")
    if key and credentials.get("rotated"):
        yield Refusal(place, "has an {access_key} that is {rotated}, so only Vault knows it; remove the key")
    if audience != ("role_arn" in credentials):
        yield Refusal(place, "has half of a federated role; write {role_arn} and {identity_token_audience}")
    if "identity_token_ttl" in credentials and not audience:
        yield Refusal(place, "has {identity_token_ttl} without {identity_token_audience}; remove it")


def sts_refusals(endpoint: object, region: str, place: tuple[str, ...]) -> Iterator[Refusal]:
    """What is wrong with an STS endpoint of Vault or of its callers, for logins that are signed for a region:
    AWS takes a signature at the endpoint of its own region only."""
    of = arns.sts_region(urlsplit(endpoint).hostname or "") if isinstance(endpoint, str) else None
    if of and of != region:
        yield Refusal(
            place,
            f"is of {of}, and logins are signed for {region}, which AWS refuses there; write "
            f"{arns.sts_endpoint(region)}",
            endpoint,
        )


@rule(AuthMethodArgs, "callers_sts_endpoint", "region")
def _callers_sts(args: AuthMethodArgs) -> Iterator[Refusal]:
    yield from sts_refusals(args.get("callers_sts_endpoint"), args["region"], ("callers_sts_endpoint",))


@rule(VaultAwsAuthArgs, "endpoints", "region")
def _sts(args: VaultAwsAuthArgs) -> Iterator[Refusal]:
    yield from sts_refusals(args["endpoints"].get("sts"), args["region"], ("endpoints", "sts"))


def server_id_header(options: AuthMethodOptions) -> str:
    """The server-id header's value in force; empty where none is demanded."""
    if "server_id_header" in options:
        return options["server_id_header"]
    address = options.get("address")
    return (urlsplit(address).hostname or "") if isinstance(address, str) else ""


class AuthMethod(Component):
    """What a mount that was made and one that was found have in common."""

    path: pulumi.Output[str]
    """Path of the mount, without `auth/`. Known once all that is made of its configuration is in place,
    because Vault looks up a bound principal at the moment when a Vault role is written."""

    accessor: pulumi.Output[str]
    """Accessor of the mount."""

    sts_endpoint: pulumi.Output[str]
    """The STS endpoint of callers."""

    sts_region: pulumi.Output[str]
    """The region that logins sign for."""

    server_id_header: pulumi.Output[str]
    """The server-id header's value; empty when none is demanded."""

    connection: VaultConnection
    """What logins and consumers must know of the mount, whole."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None) -> None:
        # A mount that is adopted, or given away, keeps the STS roles that are made in it: else the old ones
        # would be deleted after the new ones were written, at the same path.
        super().__init__(name, opts, renames.of_siblings(AuthMethod, type(self)))

    def _sts_roles(
        self,
        name: str,
        path: pulumi.Input[str],
        roles: Mapping[str, StsRole],
        after: Sequence[pulumi.Resource] = (),
    ) -> "list[vault.aws.AuthBackendStsRole]":
        """Declare the roles that Vault assumes in other accounts."""
        return [
            vault.aws.AuthBackendStsRole(
                f"{name}-sts-role-{account}",
                backend=path,
                account_id=account,
                sts_role=role["role_arn"],
                external_id=_kept_secret(role.get("external_id")),
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
            )
            for account, role in roles.items()
        ]

    def _finish(
        self,
        args: AuthMethodArgs,
        path: pulumi.Output[str],
        accessor: pulumi.Input[str],
        accounts: Sequence[str],
    ) -> None:
        """Set and register the outputs. `accounts` are those that Vault can look into; none: not known."""
        region, header = args["region"], server_id_header(args)
        sts_endpoint = args.get("callers_sts_endpoint") or arns.sts_endpoint(region)
        self.path = path
        self.accessor = pulumi.Output.from_input(accessor)
        self.sts_endpoint = pulumi.Output.from_input(sts_endpoint)
        self.sts_region = pulumi.Output.from_input(region)
        self.server_id_header = pulumi.Output.from_input(header)
        self.connection = {
            "path": self.path,
            "accessor": self.accessor,
            "sts_endpoint": sts_endpoint,
            "sts_region": region,
            "server_id_header": header,
            "namespace": args["namespace"],
        }
        if "address" in args:
            self.connection["address"] = args["address"]
        if accounts:
            self.connection["accounts"] = list(accounts)
        self.register_outputs(
            {
                "path": self.path,
                "accessor": self.accessor,
                "sts_endpoint": sts_endpoint,
                "sts_region": region,
                "server_id_header": header,
                "connection": self.connection,
            }
        )


class VaultAwsAuth(AuthMethod):
    """The mount, its client config, STS roles and identity config: what every login shares."""

    OPTIONS = VaultAwsAuthOptions

    def __init__(self, name: str, args: VaultAwsAuthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(VaultAwsAuthArgs, args)
        super().__init__(name, opts)
        region, credentials, endpoints = args["region"], args["credentials"], args["endpoints"]
        child = pulumi.ResourceOptions(parent=self)

        if "mount" in args:
            mount = opened(args["mount"], VaultMount)
        else:
            own: VaultAuthMountArgs = {"protect": args["protect"]}
            if "path" in args:
                own["path"] = args["path"]
            mount = VaultAuthMount(name, own, child).ref
        waits = _waits_for_identity(args)
        keyless = _take_keys_away(name, mount, credentials, waits, self)
        client = vault.aws.AuthBackendClient(
            f"{name}-client",
            backend=mount["path"],
            # One without the other is refused; and Vault must ask in the region that callers sign for.
            sts_endpoint=endpoints.get("sts") or arns.sts_endpoint(region),
            sts_region=region,
            iam_endpoint=endpoints.get("iam"),
            ec2_endpoint=endpoints.get("ec2"),
            iam_server_id_header_value=server_id_header(args) or None,
            access_key=credentials.get("access_key"),
            secret_key=credentials.get("secret_key"),
            role_arn=credentials.get("role_arn"),
            identity_token_audience=credentials.get("identity_token_audience"),
            identity_token_ttl=credentials.get("identity_token_ttl"),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=keyless or waits,
                # Once Vault has rotated its key, only Vault knows it.
                ignore_changes=["accessKey", "secretKey"] if credentials.get("rotated") else None,
                protect=args["protect"],
            ),
        )
        sts_roles = self._sts_roles(name, mount["path"], args["sts_roles"], [client])
        vault.aws.AuthBackendConfigIdentity(
            f"{name}-identity",
            backend=mount["path"],
            iam_alias=args["identity_alias"].value,
            iam_metadatas=[noted.value for noted in args["identity_metadata"]],
            opts=child,
        )
        # A preview knows their URNs, but not the ID of one that is still to be made: with that, the path
        # would not be known either, and each Vault role shown as to be replaced.
        path = pulumi.Output.all(mount["path"], client.urn, *(role.urn for role in sts_roles)).apply(
            lambda values: str(values[0])
        )
        account = args.get("account_id")
        self._finish(args, path, mount["accessor"], [account, *args["sts_roles"]] if account else [])


def _kept_secret(value: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    return None if value is None else pulumi.Output.secret(value)


def _waits_for_identity(args: VaultAwsAuthArgs) -> pulumi.Input[list[pulumi.Resource]]:
    """What the client config has to wait for, as `depends_on` takes it: an identity that can be used, and
    other accounts that trust it.

    A dependency and no input: what repairs the identity must not show the client config as changed.
    """
    ready = args["credentials"].get("ready", "")
    role_arns = [role["role_arn"] for role in args["sts_roles"].values()]
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
            # The config's other fields, and its end, belong to the client.
            ignore_absent_fields=True,
            disable_delete=True,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=waits),
        )
    ]
