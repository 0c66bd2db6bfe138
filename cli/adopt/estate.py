"""What was read of an estate, as its services say it. No decisions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.auth_mount import DEFAULT_KEY


@dataclass(frozen=True)
class Mount:
    """An AWS auth mount of Vault, and what is in it, by Vault's own names of fields."""

    path: str
    """Without `auth/`."""

    default_ttl: int
    """Life of a token whose role says none, in seconds."""

    max_ttl: int
    """Longest life of such a token, in seconds."""

    client: Mapping[str, Any]
    identity: Mapping[str, Any]

    sts: Mapping[str, Mapping[str, Any]]
    """By account ID."""

    roles: Mapping[str, Mapping[str, Any]]
    """By name."""

    accessor: str = ""
    local: bool = False
    """Whether it is left out of replication, which cannot be changed."""

    token_key: str = DEFAULT_KEY
    """Name of the key that signs its identity tokens."""


@dataclass(frozen=True)
class Engine:
    """An AWS secrets engine of Vault, by Vault's own names of fields."""

    path: str
    accessor: str
    local: bool
    token_key: str
    """Name of the key that signs its identity tokens."""

    default_ttl: int
    """As the mount is tuned, in seconds."""

    max_ttl: int
    root: Mapping[str, Any]
    """`config/root`."""

    lease: Mapping[str, Any]
    """`config/lease`; empty where it was never written."""

    roles: Mapping[str, Mapping[str, Any]]
    """By name."""

    static_roles: Sequence[str] = ()
    """Names."""


@dataclass(frozen=True)
class Vault:
    """A Vault namespace."""

    address: str
    namespace: str
    mount: Mount

    policies: Mapping[str, str | None]
    """Text of the ACL policies that the mount's roles name; None of those that are not there."""

    other_policies: Sequence[str] = ()
    """Names of the other ACL policies, without Vault's own."""

    other_mounts: Mapping[str, str] = field(default_factory=dict)
    """The type of other auth mounts (`auth/kubernetes`) and of KV engines (`kv`), by path."""

    engines: Sequence[Engine] = ()
    """The AWS secrets engines."""

    other_keys: Mapping[str, str] = field(default_factory=dict)
    """ID of the access key of each other AWS auth mount that has one, by path (`auth/aws`)."""

    issuer: str = ""
    """URL of the issuer of identity tokens, as it was written; empty where it was not."""

    namespace_id: str = "root"
    """ID of the namespace; empty where it was not told."""


@dataclass(frozen=True)
class Role:
    """An IAM role."""

    arn: str
    unique_id: str
    trust: Mapping[str, Any]
    boundary: str = ""
    attached: Sequence[str] = ()
    inline: Sequence[str] = ()
    """Names of the inline policies."""

    tags: Mapping[str, str] = field(default_factory=dict)

    max_session: int = 3600
    """Longest session, in seconds; IAM's default for roles that nothing is bound to."""


@dataclass(frozen=True)
class User:
    """An IAM user."""

    arn: str
    unique_id: str
    boundary: str = ""
    attached: Sequence[str] = ()
    inline: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Account:
    """What IAM has in an account."""

    roles: Mapping[str, Role]
    """By ARN."""

    users: Mapping[str, User]
    """By ARN."""

    profiles: Mapping[str, str]
    """The role's ARN, by that of the instance profile; empty where it has none."""

    oidc_providers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The audiences of each, by ARN."""

    policies: Collection[str] = ()
    """ARNs of the customer managed policies."""

    unused_policies: Sequence[str] = ()
    """ARNs of the customer managed policies that are attached to nothing and bound nothing."""

    key_owners: Mapping[str, str] = field(default_factory=dict)
    """Name of the user, by the ID of an access key that Vault has: those of this account."""


@dataclass(frozen=True)
class Cluster:
    """An EKS cluster."""

    name: str
    arn: str
    issuer: str
    """URL of its OIDC issuer."""

    associations: Mapping[str, str] = field(default_factory=dict)
    """The role's ARN, by service account (`NAMESPACE/NAME`): EKS Pod Identity."""

    chained: Mapping[str, str] = field(default_factory=dict)
    """The same of associations with a target role, which may be of another account: the target's ARN."""


@dataclass(frozen=True)
class Estate:
    """All that was read."""

    vault: Vault
    region: str
    account_id: str
    """The stack's own account: that of the credentials."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By ID: those that were read."""

    clusters: Sequence[Cluster] = ()

    annotated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By cluster: the role's ARN that a service account (`NAMESPACE/NAME`) is annotated with."""

    unread: Sequence[str] = ()
    """What could not be read, and why."""

    @property
    def roles(self) -> Mapping[str, Role]:
        """The IAM roles of all accounts, by ARN."""
        return {arn: role for account in self.accounts.values() for arn, role in account.roles.items()}

    def unique_id(self, arn: str) -> str:
        """The ID of a role or user, by which Vault knows it; empty if it was not read."""
        found = (it.roles.get(arn) or it.users.get(arn) for it in self.accounts.values())
        return next((it.unique_id for it in found if it), "")

    def is_gone(self, policy: str) -> bool:
        """Whether a managed policy, by its ARN, is one of an account that was read, and is not there."""
        account = self.accounts.get(policy.split(":")[4]) if policy.count(":") >= 5 else None
        return account is not None and policy not in account.policies

    def principals(self) -> Iterator[str]:
        """The ARNs of all roles and users."""
        for account in self.accounts.values():
            yield from account.roles
            yield from account.users
