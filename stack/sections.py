"""The keys of a stack file: a section's are the options of its component, and what only a stack has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import new_class
from typing import Annotated

from typing_extensions import NotRequired, TypedDict

from components import arns, consumers, logins, names, vault_identity
from components.cluster import EksClusterOptions, ExistingEksClusterOptions
from components.cross_account import TrustedAccountOptions
from components.declared import UNIQUE, Default, Refusal, fields_of, not_empty, rule, shape, to_camel
from components.declared import Key as MappingKey
from components.federation import VaultPluginIssuerOptions
from components.forms import (
    VAULT_ROLE_PATTERN,
    AccountId,
    ClusterName,
    IamNamePrefix,
    MountPath,
    NewNamespace,
    PolicyArn,
    PolicyName,
    Region,
    RoleArn,
    Tags,
)
from components.logins.ec2_instance import Ec2InstanceLoginOptions
from components.logins.ecs_task import EcsTaskLoginOptions
from components.logins.service_account import ServiceAccountLoginOptions
from components.secrets_engine.args import (
    FEDERATED,
    AwsSecretsEngineOptions,
    EngineExistingOptions,
    EngineFederationOptions,
    EngineMountOptions,
    EngineUserOptions,
)
from components.secrets_engine.existing import ExistingAwsSecretsEngineOptions
from components.secrets_engine.roles import role_refusals
from components.vault_auth import VaultAwsAuthOptions
from components.vault_identity.role import IamRoleVaultIdentityOptions

PROJECT = "vault-aws-auth"
REGION_KEY = "aws:region"


class InCluster(TypedDict):
    """What the stack makes in a cluster, and whether it makes the cluster."""

    existing: NotRequired[Annotated[bool, Default(False)]]
    """Find the cluster instead of creating it. Such a cluster is used as it is."""

    region: NotRequired[Region]
    """AWS region of the cluster. Default: `aws:region`."""

    namespaces: NotRequired[Annotated[Sequence[NewNamespace], Default(()), UNIQUE]]
    """Kubernetes namespaces that the stack makes, and deletes with all in them."""


class Cluster(EksClusterOptions, InCluster):
    """The EKS cluster whose workloads log in."""


class ExistingCluster(ExistingEksClusterOptions, InCluster):
    """An EKS cluster that exists, and whose workloads log in."""


class Mounting(Enum):
    """Whose a mount of Vault is."""

    CREATE = "create"
    """The stack's: it mounts it, and deletes it with all in it."""

    EXISTING = "existing"
    """Another's, who has mounted it: it is used as it is."""


class Mounted(TypedDict):
    """A mount of Vault."""

    mount: NotRequired[Annotated[Mounting, Default(Mounting.CREATE)]]
    """Who mounts it: this stack (`create`), or another, who has done so (`existing`). Such a mount is used as
    it is: nothing of its configuration is changed, and `pulumi destroy` leaves it."""


class KvMount(Mounted):
    """A KV version 2 secrets engine."""

    protect: NotRequired[Annotated[bool, Default(True)]]
    """Refuse to delete the engine, and every secret in it, until this is false."""


@rule(KvMount, "mount", "protect")
def _protected(engine: KvMount) -> Iterator[Refusal]:
    if engine["mount"] is Mounting.EXISTING and not engine["protect"]:
        yield Refusal("protect", "is not used: {mount} is existing, and is never deleted; remove it")


class Vault(VaultAwsAuthOptions, Mounted):
    """Vault, and its AWS auth mount."""

    mount_path: NotRequired[Annotated[MountPath, Default("aws")]]
    """Path of the mount, without `auth/`."""

    protect: NotRequired[Annotated[bool, Default(True)]]
    """Refuse to delete or to replace the mount, its client config and the AWS secrets engine until this is
    false. Other teams may have roles in them, which would go along."""

    sts_region: NotRequired[Region]
    """Region whose STS verifies logins. Default: `aws:region`; of a mount that exists, the one it has."""

    kv: NotRequired[Annotated[Mapping[MountPath, KvMount], Default({})]]
    """KV version 2 secrets engines that the stack mounts, or uses, by path."""

    external_policies: NotRequired[Annotated[Sequence[PolicyName], Default(()), UNIQUE]]
    """Vault policies that are managed elsewhere and that logins may name. The others are this stack's own:
    written from policies/vault/, and deleted with it."""

    policies: NotRequired[Annotated[Sequence[PolicyName], Default(()), UNIQUE]]
    """Vault policies that the stack writes from policies/vault/ although no login of its own names them: for
    the logins of other stacks."""


@rule(Vault)
def _address(vault: Vault) -> Iterator[Refusal]:
    if "address" not in vault:
        yield Refusal("address", "is missing; it is the URL of Vault, e.g. https://vault.example.com:8200")


@rule(Vault, "kv")
def _nested(vault: Vault) -> Iterator[Refusal]:
    for inner, outer in names.nested([*vault["kv"]]):
        yield Refusal(
            ("kv", MappingKey(inner)),
            f"is inside of {outer}, and Vault mounts nothing there; write another path",
        )


@rule(Vault, "policies", "external_policies")
def _owners(vault: Vault) -> Iterator[Refusal]:
    if both := sorted({*vault["policies"]} & {*vault["external_policies"]}):
        yield Refusal("", f"has {both[0]} in {{policies}} and in {{external_policies}}; remove it from one")


class Account(TrustedAccountOptions):
    """Another account: the role in it that Vault assumes to look up callers from there."""

    role_arn: NotRequired[RoleArn]
    """ARN of that role if it is managed elsewhere. Default: this stack makes it."""

    deploy_role_arn: NotRequired[RoleArn]
    """Role that this stack assumes in the account to make that role.
    Default: `OrganizationAccountAccessRole`."""

    trust_vault_identity: NotRequired[Annotated[bool, Default(True)]]
    """The role trusts Vault's own AWS identity."""


@rule(Account, "trust_vault_identity", "trusted_principals", "trusted_services", "hcp", "role_arn")
def _trusted(account: Account) -> Iterator[Refusal]:
    ways = ("trust_vault_identity", "trusted_principals", "trusted_services", "hcp")
    if "role_arn" not in account and not any(account.get(way) for way in ways):
        yield Refusal(
            "",
            "has a role that nothing can assume; write {trust_vault_identity}: true, {trusted_principals}, "
            "{trusted_services} or {hcp}",
        )


class UserSecretsEngine(AwsSecretsEngineOptions, EngineUserOptions, Mounted):
    """The engine works with the access key of an IAM user of its own."""


class FederatedSecretsEngine(AwsSecretsEngineOptions, EngineFederationOptions, Mounted):
    """The engine works with a role that trusts its identity tokens (Vault Enterprise)."""


@rule(FederatedSecretsEngine, "roles")
def _federation_tokens(engine: FederatedSecretsEngine) -> Iterator[Refusal]:
    yield from role_refusals(engine["roles"], FEDERATED)


class FoundSecretsEngine(EngineMountOptions, EngineExistingOptions, Mounted):
    """The engine works with the AWS identity that Vault finds around it: no stored credential at all. Without
    `role_arn` that is the role of `vaultIdentity`, where Vault finds that one around it."""


class MountedSecretsEngine(ExistingAwsSecretsEngineOptions, Mounted):
    """An AWS secrets engine that is another's, used as it is: only roles are made."""


class ConsumerLogin(TypedDict):
    """What a consumer uses."""

    login: str
    """Name of the login that it uses."""


class OfClusters(TypedDict):
    """What is of one cluster, or of several."""

    clusters: NotRequired[Annotated[Sequence[str], not_empty("the name of a cluster"), UNIQUE]]
    """Names of the clusters that it is of, as the stack file calls them. Default: all."""


class ServiceAccountLoginSection(ServiceAccountLoginOptions, OfClusters):
    """Service accounts that log in as one IAM role, the same in each of the login's clusters."""


class Ec2InstanceLoginSection(Ec2InstanceLoginOptions, OfClusters):
    """Instances of one account, by their roles."""

    region: NotRequired[Region]
    """AWS region in which Vault looks for the instances. Default: that of the clusters of `node_groups`, else
    `aws:region`."""


class EcsTaskLoginSection(EcsTaskLoginOptions):
    """ECS tasks that log in by their task role."""

    region: NotRequired[Region]
    """AWS region of the tasks. Default: `aws:region`."""


_LOGINS: Mapping[str, type] = {
    "service-account": ServiceAccountLoginSection,
    "ec2-instance": Ec2InstanceLoginSection,
    "ecs-task": EcsTaskLoginSection,
}
"""The kinds of logins of which a stack file says more than their options."""


class ConsumerClusters(TypedDict):
    """Where a consumer is installed."""

    clusters: NotRequired[Annotated[Sequence[str], not_empty("the name of a cluster"), UNIQUE]]
    """Names of the clusters in which the stack installs it, as the stack file calls them. Default: those of
    its login."""


INSTALLED = ("release", "apply")
"""The options of a consumer that declare something in a cluster."""


class RoleIdentitySection(IamRoleVaultIdentityOptions):
    """An IAM role for the hosts or pods that Vault runs on."""

    cluster: NotRequired[str]
    """Name of the cluster of `service_account`, as the stack file calls it. Default: the only one."""


def _consumer(kind: type[consumers.Consumer]) -> type:
    """The section of a kind of consumer: its options, and its login."""
    installs = kind.NEEDS_LOGIN and not {*INSTALLED}.isdisjoint(fields_of(kind.OPTIONS))
    bases = [
        *([ConsumerLogin] if kind.NEEDS_LOGIN else []),
        kind.OPTIONS,
        *([ConsumerClusters] if installs else []),
    ]
    return new_class(
        f"{kind.__name__}Section", tuple(bases), {}, lambda body: body.update(__doc__=kind.__doc__)
    )


@dataclass(frozen=True)
class Key:
    """A key of a stack file with a section, or several, below it."""

    meaning: str

    kinds: Mapping[str, type]
    """The sections that can be there, by their `kind`; by "" where there is one without a kind."""

    name: str = ""
    """What tells several sections apart, where the key has a mapping of them: `LOGIN`."""

    default_kind: str = ""
    """The kind of a section that does not name one."""

    own_name: str = ""
    """The field whose default is the name of the section."""


KEYS: Mapping[str, Key] = {
    "cluster": Key("The EKS cluster. Not needed where no pod and no node logs in", {"": Cluster}),
    "clusters": Key(
        "EKS clusters by a name of your choice, where there are several; `cluster` may stand beside them",
        {"": Cluster},
        "CLUSTER",
        own_name="name",
    ),
    "vault": Key("Vault, and its AWS auth mount", {"": Vault}),
    "vaultIdentity": Key(
        "The AWS identity that Vault runs as",
        {
            kind: RoleIdentitySection if kind == "role" else identity.OPTIONS
            for kind, identity in vault_identity.KINDS.items()
        },
        default_kind="user",
    ),
    "federation": Key("Vault Enterprise as an OIDC issuer that AWS trusts", {"": VaultPluginIssuerOptions}),
    "secretsEngine": Key(
        "Vault's AWS secrets engine",
        {
            "user": UserSecretsEngine,
            "federation": FederatedSecretsEngine,
            "existing": FoundSecretsEngine,
        },
        default_kind="user",
    ),
    "logins": Key(
        "Who logs in, by a name of your choice; at least one",
        {kind: _LOGINS.get(kind, login.OPTIONS) for kind, login in logins.KINDS.items()},
        "LOGIN",
    ),
    "consumers": Key(
        "Software that logs in, and its configuration; by a name of your choice",
        {kind: _consumer(consumer) for kind, consumer in consumers.KINDS.items()},
        "CONSUMER",
    ),
    "accounts": Key("Other accounts whose principals log in, by account ID", {"": Account}, "ACCOUNT"),
}
"""The keys with sections, in the order in which one reads them."""


class Scalars(TypedDict):
    """The keys without sections."""

    account_id: NotRequired[AccountId]
    """The only account that the stack may be deployed into; strongly recommended."""

    tags: NotRequired[Tags]
    """Tags of every AWS resource, beside the stack's own."""

    permissions_boundary: NotRequired[PolicyArn]
    """ARN of the policy that bounds the permissions of every IAM role and user that the stack makes, the
    cluster's own included, unless its section names another one. Default: none."""

    iam_role_name_prefix: NotRequired[IamNamePrefix]
    """How the names of the logins' IAM roles begin, where none is written as `iamRoleName`: with `prod-`, the
    role of the login `api` is `prod-api`. Default: nothing."""


NAME_PATTERNS = {
    "LOGIN": VAULT_ROLE_PATTERN,
    "CONSUMER": VAULT_ROLE_PATTERN,
    "ACCOUNT": arns.ACCOUNT_FORM.pattern,
    "CLUSTER": shape(ClusterName).forms[0].pattern,
}
"""The form of the names of sections."""


def known_keys() -> list[str]:
    """Every key of the project."""
    return sorted([*KEYS, *map(to_camel, Scalars.__annotations__)])
