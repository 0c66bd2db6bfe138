"""What the AWS secrets engine is told: its place, its identity, its roles."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import durations, existing_role
from ..declared import Default, Refusal, not_empty, rule
from ..existing_role import ExistingRoleOptions
from ..federation import PluginIssuer
from ..forms import (
    Audience,
    Duration,
    IamName,
    IamPolicyName,
    IdentityTokenTtl,
    MountPath,
    NamespaceId,
    PolicyArn,
    Region,
    Tags,
    VaultRoleName,
)
from ..vault_auth import AwsEndpoints
from .roles import AwsSecretsRole, policy_refusals, role_refusals, shared_prefixes


class EngineUserOptions(TypedDict):
    """The engine works with the access key of an IAM user of its own."""

    user_name: NotRequired[Annotated[IamName, Default("vault-aws-secrets-engine")]]
    """Name of the IAM user."""


class EngineFederationOptions(TypedDict):
    """The engine works with a role that trusts its identity tokens (Vault Enterprise 1.16 and later)."""

    role_name: NotRequired[Annotated[IamName, Default("vault-aws-secrets-engine-wif")]]
    """Name of the IAM role."""

    audience: NotRequired[Annotated[Audience, Default("vault-aws-secrets-engine")]]
    """Audience of the engine's identity tokens, which AWS demands: one of the issuer's `audiences`."""

    token_ttl: NotRequired[Annotated[IdentityTokenTtl, Default("1h")]]
    """Life of an identity token: `15m`, `1h`."""


class EngineFederation(EngineFederationOptions):
    """The engine works with a role that trusts its identity tokens, and these are signed by an issuer."""

    issuer: pulumi.Input[PluginIssuer]
    """Who signs the engine's identity tokens: `VaultPluginIssuer.issuer`."""

    namespace_id: NotRequired[Annotated[pulumi.Input[NamespaceId], Default("root")]]
    """ID (not path) of the engine's Vault namespace, as `vault namespace lookup` shows it."""


class EngineExistingOptions(ExistingRoleOptions):
    """The engine works with the AWS identity that Vault finds around it: no stored credential at all."""


class EngineRolesOptions(TypedDict):
    """Which AWS credentials Vault's AWS secrets engine hands out."""

    roles: Annotated[
        Mapping[VaultRoleName, AwsSecretsRole], not_empty("an engine without roles has nothing to hand out")
    ]
    """The engine's roles by name."""


class EngineMountOptions(EngineRolesOptions):
    """The engine's mount, and the policy of its identity."""

    path: NotRequired[Annotated[MountPath, Default("aws")]]
    """Path of the engine's mount."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the policy of the engine's identity. Default: the name of its user or role, and `-policy`; of
    one that it finds, and `-aws-secrets-engine-policy`."""

    default_lease_ttl: NotRequired[Annotated[Duration, Default("1h")]]
    """Life of a user's credentials until they must be renewed: `30m`, `1h`."""

    max_lease_ttl: NotRequired[Annotated[Duration, Default("24h")]]
    """Longest life of a user's credentials, renewals included."""

    tags: NotRequired[Tags]
    """Tags of the engine's identity."""


class AwsSecretsEngineOptions(EngineMountOptions):
    """Vault's AWS secrets engine: which AWS credentials it hands out."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the engine's identity. Default: none."""


class AwsSecretsEngineArgs(AwsSecretsEngineOptions):
    """An AWS secrets engine, its roles, and its identity (`user`, `federation` or `existing`)."""

    region: Region
    """AWS region of the STS and the IAM that the engine talks to, for example `us-east-1`."""

    user: NotRequired[EngineUserOptions]
    """The engine's identity is an IAM user. Default: it is, without `federation` and `existing`."""

    federation: NotRequired[EngineFederation]
    """The engine's identity is a role that trusts its tokens. Default: none."""

    existing: NotRequired[EngineExistingOptions]
    """The engine's identity is what Vault finds around it. Default: none."""

    identity_token_key: NotRequired[pulumi.Input[str]]
    """Name of the key that signs the engine's identity tokens. Source: `VaultPluginIssuer`. Default: Vault's
    own, which serves every audience."""

    endpoints: NotRequired[Annotated[AwsEndpoints, Default({})]]
    """AWS endpoints that Vault calls: STS and IAM."""

    protect: NotRequired[Annotated[bool, Default(False)]]
    """Refuse to delete or to replace the engine, and every role in it, until this is false."""


@rule(EngineMountOptions, "default_lease_ttl", "max_lease_ttl")
def _leases(options: EngineMountOptions) -> Iterator[Refusal]:
    default, longest = options["default_lease_ttl"], options["max_lease_ttl"]
    if durations.to_seconds(default) > durations.to_seconds(longest):
        yield Refusal(
            "default_lease_ttl", f"is longer than {{max_lease_ttl}}, {longest}; write a shorter one", default
        )


@rule(EngineMountOptions, "roles")
def _prefixes(options: EngineMountOptions) -> Iterator[Refusal]:
    yield from shared_prefixes(options["roles"])


@rule(EngineMountOptions, "roles")
def _policy(options: EngineMountOptions) -> Iterator[Refusal]:
    yield from policy_refusals(options["roles"])


@rule(AwsSecretsEngineArgs, "roles", "user", "federation", "existing", "identity_token_key")
def _identity(args: AwsSecretsEngineArgs) -> Iterator[Refusal]:
    given = [field for field in ("user", "federation", "existing") if field in args]
    if len(given) > 1:
        yield Refusal(
            given[0], f"and {{{given[1]}}} are both given, and the engine has one identity; remove one"
        )
    if "federation" in args:
        yield from role_refusals(args["roles"], FEDERATED)
    elif "identity_token_key" in args:
        yield Refusal("identity_token_key", "is not used without {federation}; remove it")


@rule(AwsSecretsEngineArgs, "roles", "existing", "policy_name", "permissions_boundary")
def _existing(args: AwsSecretsEngineArgs) -> Iterator[Refusal]:
    if "existing" in args:
        for refusal in existing_refusals({**args, **args["existing"]}):
            inside = refusal.place[:1] in [(field,) for field in EngineExistingOptions.__annotations__]
            yield refusal.below(("existing",)) if inside else refusal


FEDERATED = "a federated engine"
"""How one is called whose role trusts its tokens."""

FOUND = "an engine with a role that Vault finds around it"


def existing_refusals(options: Mapping[str, Any]) -> Iterator[Refusal]:
    """What is wrong with an engine that works with what Vault finds around it."""
    yield from existing_role.unused(options, "policy_name")
    if "permissions_boundary" in options:
        yield Refusal(
            "permissions_boundary",
            "is not used: the identity is another's, and so is its boundary; remove it",
        )
    if "role_arn" in options:
        yield from role_refusals(options["roles"], FOUND)
